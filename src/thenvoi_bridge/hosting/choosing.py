"""What a host is to have and may do, read off its user's settings, and refused where it cannot be."""

from __future__ import annotations

from collections.abc import Collection

from thenvoi_bridge.bridge import profiles
from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.profiles import Choice, NoSuchTool
from thenvoi_bridge.hosting.allowing import allowed, says_nothing
from thenvoi_bridge.hosting.locating import sides
from thenvoi_bridge.settings import BadSetting, Settings, names, rows, variable


def check(settings: Settings) -> None:
    """Raise `BadSetting`, which names the variable, for what a bridge cannot have or do. Changes nothing."""
    check_choice(settings)
    allowed(settings)
    check_channel(settings)
    if settings.database:
        raise BadSetting(
            "THENVOI_DATABASE (--database) is for `thenvoi-bridge serve` only; over stdio the inbox is a file"
        )


def choice(settings: Settings) -> Choice:
    """Which tools the host is to have."""
    return Choice(
        toolsets=names(settings.toolsets),
        tools=names(settings.tools),
        exclude_tools=names(settings.exclude_tools),
        read_only=settings.read_only,
        chat=settings.chat,
    )


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
        if says_nothing(given):
            raise BadSetting(f"THENVOI_{name} must be handles or ids, with commas between")
    if settings.approvers and not settings.channel:
        raise BadSetting("THENVOI_APPROVERS: it works over the channel only; set THENVOI_CHANNEL, too")
