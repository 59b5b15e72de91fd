"""What this host may see, posted beside the messages: hooks and shells that look into the inbox go by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thenvoi_bridge.bridge.hosts import host_of
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.inbox.sight import Sight

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat


class Posting:
    """Looks on when the session rings, as the rungs of the ladder do; what is new it posts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._posted: tuple[Seat, Sight] | None = None

    async def look(self) -> None:
        """Post what may be seen: once there is a seat, in every new one, and when somebody was met."""
        seat, sight = self._session.seat_now, self._session.doorman.sight
        if seat and self._posted != (seat, sight):
            await seat.inbox.board.show(host_of(self._session.patience.client).name, sight)
            self._posted = seat, sight
