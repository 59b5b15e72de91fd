"""What an installation is besides its data: settings, keys, who is connected, and whether it is ending."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.settings import Platform


@dataclass(frozen=True, slots=True)
class Site:
    """Handed to every handler with its transaction, as `Change.site`. `ending` is set once it shall end."""

    keys: Keys
    settings: Platform = field(default_factory=Platform)
    presence: Presence = field(default_factory=Presence)
    ending: anyio.Event = field(default_factory=anyio.Event)
