"""Which rooms and senders the settings allow."""

from __future__ import annotations

import re

from thenvoi_bridge.bridge.allowing import Allowed
from thenvoi_bridge.contract.call import ID
from thenvoi_bridge.settings import BadSetting, Settings, names


def allowed(settings: Settings) -> Allowed:
    """Which rooms and senders the host may have to do with. Raises `BadSetting`, which shows no value."""
    rooms, senders = names(settings.allow_rooms), names(settings.allow_senders)
    if not all(re.fullmatch(ID, room) for room in rooms) or says_nothing(settings.allow_rooms):
        raise BadSetting("THENVOI_ALLOW_ROOMS must be ids of rooms, with commas between")
    if any(re.search(r"\s", sender) for sender in senders) or says_nothing(settings.allow_senders):
        raise BadSetting("THENVOI_ALLOW_SENDERS must be ids or handles, with commas between")
    if settings.chat is not None and not re.fullmatch(ID, settings.chat):
        raise BadSetting("THENVOI_CHAT must be the id of a room")
    if settings.chat and rooms and settings.chat not in rooms:
        raise BadSetting("THENVOI_CHAT must be one of THENVOI_ALLOW_ROOMS")
    return Allowed(rooms, senders, settings.chat)


def says_nothing(text: str) -> bool:
    """Whether a list was given and has nothing in it; taken for none, it would mean what nobody said."""
    return bool(text) and not names(text)
