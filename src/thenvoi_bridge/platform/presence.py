"""Who is connected right now: to this process, which is all unless others serve the platform, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Protocol

from thenvoi_bridge.contract.errors import Conflict
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.storage import Tx


class Connection(Protocol):
    """A socket, as others see it."""

    @property
    def principal(self) -> Principal: ...

    def supersede(self) -> None:
        """Say that a newer socket has taken over, and close; does not block or raise."""

    def come_back(self, reason: str) -> None:
        """Close so that the client connects anew; does not block or raise."""

    def end(self, code: int, reason: str) -> None:
        """Close once everything heard until now is sent; does not block or raise."""


class Presence:
    """The sockets of this process by identity.

    Changed on the event loop only; `online` and `leads` may be asked on any thread. Made from another one, it
    shares that one's sockets.
    """

    def __init__(self, other: Presence | None = None) -> None:
        self._here: defaultdict[str, list[Connection]] = other._here if other else defaultdict(list)

    def __iter__(self) -> Iterator[Connection]:
        return iter([one for several in self._here.values() for one in several])

    def of(self, actor_id: str) -> list[Connection]:
        """Somebody's sockets here, the oldest first."""
        return list(self._here.get(actor_id, ()))

    def online(self, tx: Tx, ids: Collection[str]) -> set[str]:
        """Those of these who have a socket."""
        return {id for id in ids if id in self._here}

    def leads(self, tx: Tx) -> bool:
        """Whether this process is the one that does what one should do for all."""
        return True

    async def enter(self, connection: Connection, *, alone: bool) -> bool:
        """Count a socket in; returns whether others of its identity are there.

        Raises `Conflict` if it would be `alone` and is not, and `StorageError`; then it is not counted.
        """
        others = connection.principal.id in self._here
        if others and alone:
            raise conflict()
        self._here[connection.principal.id].append(connection)  # nothing was awaited since the check
        return others

    async def supersede_older(self, connection: Connection) -> None:
        """End the sockets of the same identity that entered before. Raises `StorageError`."""
        several = self.of(connection.principal.id)
        for one in several[: several.index(connection)]:
            one.supersede()

    def leave(self, connection: Connection) -> None:
        """A socket that was counted in has ended."""
        several = self._here[connection.principal.id]
        several.remove(connection)
        if not several:
            del self._here[connection.principal.id]


def conflict() -> Conflict:
    """What somebody is told who would rather be refused than take over."""
    return Conflict("This agent has another live connection", code="connection_conflict")
