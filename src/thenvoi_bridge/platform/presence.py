"""Who is connected to this process right now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Protocol

from thenvoi_bridge.phoenix.frames import Broadcast
from thenvoi_bridge.platform.rules.access import Principal


class Connection(Protocol):
    """A socket, as others see it."""

    @property
    def principal(self) -> Principal: ...

    def hear(self, broadcast: Broadcast) -> None:
        """Send an event, if its topic is joined; does not block or raise."""

    def end(self, code: int, reason: str) -> None:
        """Close once everything heard until now is sent; does not block or raise."""


class Presence:
    """The sockets of this process by identity.

    Changed on the event loop only; `online` may be asked on any thread.
    """

    def __init__(self) -> None:
        self._here: defaultdict[str, list[Connection]] = defaultdict(list)

    def __iter__(self) -> Iterator[Connection]:
        return iter([one for several in self._here.values() for one in several])

    def of(self, actor_id: str) -> list[Connection]:
        """Somebody's sockets, the oldest first."""
        return list(self._here.get(actor_id, ()))

    def online(self, actor_id: str) -> bool:
        """Whether somebody has a socket."""
        return actor_id in self._here

    def enter(self, connection: Connection) -> None:
        """A socket was opened."""
        self._here[connection.principal.id].append(connection)

    def leave(self, connection: Connection) -> None:
        """A socket that was opened has ended."""
        several = self._here[connection.principal.id]
        several.remove(connection)
        if not several:
            del self._here[connection.principal.id]
