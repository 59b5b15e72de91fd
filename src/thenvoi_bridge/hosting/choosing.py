"""What a host is to have and may do, read off its user's settings, and refused where it cannot be."""

from __future__ import annotations

import re
from collections.abc import Collection

from thenvoi_bridge.bridge import profiles
from thenvoi_bridge.bridge.allowing import Allowed
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.profiles import Choice, NoSuchTool
from thenvoi_bridge.contract.call import ID
from thenvoi_bridge.hosting.locating import sides
from thenvoi_bridge.settings import BadSetting, Settings, names, rows, variable


def check(settings: Settings) -> None:
    """Raise `BadSetting`, which names the variable, for what a bridge cannot have or do. Changes nothing."""
    check_choice(settings)
    allowed(settings)
    check_channel(settings)


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


def check_choice(settings: Settings) -> None:
    """Raise `BadSetting`, which names the variable, for a choice of tools that cannot be had."""
    check_choice_for(sides(settings), settings)


def check_choice_for(keys: Collection[Side], settings: Settings) -> None:
    """The same for keys of these sides."""
    try:
        profiles.check(keys, choice(settings))
    except NoSuchTool as exc:
        (row,) = (row for row in rows() if row.name == exc.choice)
        raise BadSetting(f"{variable(row)}: {exc}") from exc


def check_channel(settings: Settings) -> None:
    """Raise `BadSetting`, which names the variable, for a channel that cannot be had."""
    for name, given in (("CHANNEL", settings.channel), ("APPROVERS", settings.approvers)):
        if _says_nothing(given):
            raise BadSetting(f"THENVOI_{name} must be handles or ids, with commas between")
    if settings.approvers and not settings.channel:
        raise BadSetting("THENVOI_APPROVERS: it works over the channel only; set THENVOI_CHANNEL, too")


def _says_nothing(text: str) -> bool:
    """Whether a list was given and has nothing in it; taken for none, it would mean what nobody said."""
    return bool(text) and not names(text)
