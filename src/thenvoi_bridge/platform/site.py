"""What an installation is besides its data: its settings, its keys, and who is connected to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.settings import Platform


@dataclass(frozen=True, slots=True)
class Site:
    """Handed to every handler with its transaction, as `Change.site`."""

    keys: Keys
    settings: Platform = field(default_factory=Platform)
    presence: Presence = field(default_factory=Presence)
