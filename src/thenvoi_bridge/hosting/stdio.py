"""The bridge over stdin and stdout, as Claude Desktop and IDEs start it."""

from __future__ import annotations

import gc
import logging
import os
from typing import BinaryIO

import anyio

from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.seeing import Posting
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.hosting import rungs, watch, wire
from thenvoi_bridge.hosting.allowing import allowed
from thenvoi_bridge.hosting.choosing import check, choice
from thenvoi_bridge.hosting.locating import locate, sides
from thenvoi_bridge.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings, wire_in: BinaryIO, wire_out: BinaryIO, parent: int) -> None:
    """Serve the host at the end of two pipes until it has gone, then end the process at once.

    It has gone when it closes either pipe, when a signal says so, or when `parent` is no longer our parent.
    The exit code is 0 then, and 1 only if the bridge itself broke down. Raises `BadSetting` as
    `check` does, and for a feed that may not be written.
    """
    gc.freeze()  # what was imported stays, and need not be searched for garbage
    check(settings)
    rungs.check_feed(settings)
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
        tasks.start_soon(fan_out, session, [Posting(session), *ladder])
        try:
            await sdk.serve(server, read, write, handshake_only=bool(settings.channel))
        finally:
            watch.end_soon()
            tasks.cancel_scope.cancel()
