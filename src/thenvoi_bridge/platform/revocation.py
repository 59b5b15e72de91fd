"""Ends the sockets of those who may not be connected any more, whoever decided that.

Keys are revoked and actors deleted over REST and by an administrator in another process, and keys expire by
themselves. So the database is asked about everybody who is connected, again and again.
"""

from __future__ import annotations

import logging
from functools import partial

import anyio

from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.socket import CLOSED_REVOKED
from thenvoi_bridge.storage import Database, StorageError, Tx

PERIOD = 2.0
"""Seconds between two looks."""

CHUNK = 500
"""Connections that are looked up with one query."""

logger = logging.getLogger(__name__)


class Revocation:
    """The watch over the sockets of this process."""

    def __init__(self, db: Database, presence: Presence) -> None:
        self._db, self._presence = db, presence

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await anyio.sleep(PERIOD)
            try:
                await self._look()
            except StorageError as exc:
                logger.warning("cannot tell who may stay connected, will look again: %s", exc)

    async def _look(self) -> None:
        everybody = list(self._presence)
        for start in range(0, len(everybody), CHUNK):
            some = everybody[start : start + CHUNK]
            ids = sorted({id for one in some for id in _rests_on(one.principal)})
            good = await self._db.read(partial(good_ids, ids=ids, now=clock.now()))
            for one in some:
                if not good.issuperset(_rests_on(one.principal)):
                    one.end(CLOSED_REVOKED, "credential revoked")


def good_ids(tx: Tx, ids: list[str], now: str) -> set[str]:
    """Those of these ids that are actors who are not deleted, or good keys of such actors."""
    marks = ", ".join("?" for _ in ids)
    rows = tx.all(
        f"SELECT id FROM actors WHERE deleted_at IS NULL AND id IN ({marks}) "
        "UNION ALL SELECT keys.id FROM keys JOIN actors ON actors.id = actor_id "
        "WHERE deleted_at IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) "
        f"AND keys.id IN ({marks})",
        *ids, now, *ids,
    )  # fmt: skip
    return {row["id"] for row in rows}


def _rests_on(principal: Principal) -> tuple[str, str]:
    """What must be good for somebody to stay: itself, and its key or else the person whose token it used."""
    return principal.id, principal.key_id or principal.owner_id
