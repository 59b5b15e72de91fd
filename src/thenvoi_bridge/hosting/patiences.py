"""How the hosts of one principal wait, which share its session."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from weakref import WeakKeyDictionary

from thenvoi_bridge.bridge import patience
from thenvoi_bridge.bridge.hosts import host_of
from thenvoi_bridge.bridge.patience import OverHttp, Patience, Unconnected


class Patiences:
    """The patience of every host of one principal: of one with a connection its own, else by its kind."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._connected: WeakKeyDictionary[Hashable, Patience] = WeakKeyDictionary()
        self._others: dict[str, Patience] = {}

    def around(self, connection: Hashable | None, client: str | None) -> AbstractContextManager[None]:
        """Answer one request of this host's."""
        if connection is None:
            kind = host_of(client).name
            if kind not in self._others:
                self._others[kind] = Unconnected(self._longest, client)
            return patience.asking(self._others[kind])
        mine = self._connected.setdefault(connection, OverHttp(self._longest, client))
        mine.client = mine.client or client
        return patience.asking(mine)
