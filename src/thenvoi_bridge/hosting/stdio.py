"""The bridge over stdin and stdout, as Claude Desktop and IDEs start it."""

from __future__ import annotations

import logging
import os
import re
from typing import BinaryIO

import anyio

from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.allowing import Allowed
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.profiles import Choice, NoSuchTool, check
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.call import ID
from thenvoi_bridge.hosting import rungs, watch, wire
from thenvoi_bridge.hosting.locating import locate, sides
from thenvoi_bridge.settings import BadSetting, Settings, names, rows, variable

logger = logging.getLogger(__name__)


def run(settings: Settings, wire_in: BinaryIO, wire_out: BinaryIO, parent: int) -> None:
    """Serve the host at the end of two pipes until it has gone, then end the process at once.

    It has gone when it closes either pipe, when a signal says so, or when `parent` is no longer our parent.
    The exit code is 0 then, and 1 only if the bridge itself broke down. Raises `BadSetting` for tools that
    cannot be had, and for a feed that may not be written.
    """
    check_choice(settings)
    allowed(settings)
    rungs.check(settings)
    code = watch.CODE
    try:
        anyio.run(_serve, settings, wire_in, wire_out, parent)
    except Exception:
        logger.exception("the bridge broke down")
        code = 1
    logging.shutdown()
    os._exit(code)  # at once, whatever threads are left; the interpreter would wait for them


async def _serve(settings: Settings, wire_in: BinaryIO, wire_out: BinaryIO, parent: int) -> None:
    session = Session(
        locate(settings),
        settings.state_dir,
        allowed(settings),
        called=settings.name,
        longest_wait=settings.max_wait,
    )
    server, changes = build(
        session,
        sides(settings),
        local=settings.is_local,
        channel=bool(settings.channel),
        choice=choice(settings),
        confirm=settings.confirm_elsewhere,
    )
    ladder = [changes, *rungs.feed(settings, session), *rungs.channel(settings, session, server)]
    if settings.is_local:
        logger.info("no key is set: using the platform on this computer")
    async with wire.opened(wire_in, wire_out) as (read, write), anyio.create_task_group() as tasks:

        def stop(why: str) -> None:
            tasks.cancel_scope.cancel()
            logger.info("ending: %s", why)

        watch.over(parent, stop)
        tasks.start_soon(session.run)
        tasks.start_soon(fan_out, session, ladder)
        try:
            await sdk.serve(server, read, write, handshake_only=bool(settings.channel))
        finally:
            watch.end_soon()
            tasks.cancel_scope.cancel()


def choice(settings: Settings) -> Choice:
    """Which tools the host is to have."""
    return Choice(
        toolsets=names(settings.toolsets),
        tools=names(settings.tools),
        exclude_tools=names(settings.exclude_tools),
        read_only=settings.read_only,
        chat=settings.chat,
    )


def allowed(settings: Settings) -> Allowed:
    """Which rooms and senders the host may have to do with. Raises `BadSetting`, which shows no value."""
    rooms, senders = names(settings.allow_rooms), names(settings.allow_senders)
    if not all(re.fullmatch(ID, room) for room in rooms) or _says_nothing(settings.allow_rooms):
        raise BadSetting("THENVOI_ALLOW_ROOMS must be ids of rooms, with commas between")
    if any(re.search(r"\s", sender) for sender in senders) or _says_nothing(settings.allow_senders):
        raise BadSetting("THENVOI_ALLOW_SENDERS must be ids or handles, with commas between")
    if settings.chat is not None and not re.fullmatch(ID, settings.chat):
        raise BadSetting("THENVOI_CHAT must be the id of a room")
    if settings.chat and rooms and settings.chat not in rooms:
        raise BadSetting("THENVOI_CHAT must be one of THENVOI_ALLOW_ROOMS")
    return Allowed(rooms, senders, settings.chat)


def _says_nothing(text: str) -> bool:
    """Whether a list was given and has nothing in it; taken for none, it would allow everything."""
    return bool(text) and not names(text)


def check_choice(settings: Settings) -> None:
    """Raise `BadSetting`, which names the variable, for a choice of tools that cannot be had."""
    try:
        check(sides(settings), choice(settings))
    except NoSuchTool as exc:
        (row,) = (row for row in rows() if row.name == exc.choice)
        raise BadSetting(f"{variable(row)}: {exc}") from exc
