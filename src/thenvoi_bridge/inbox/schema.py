"""The database of one identity: a schema of its own in a Postgres that all identities share."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, LiteralString, Self

from thenvoi_bridge.inbox import leases
from thenvoi_bridge.inbox.errors import LeadLost
from thenvoi_bridge.storage import Database, StorageError, T, Tx, Value

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.pulse import Member


class Schema:
    """A `Database` over one that others use, too, for transactions on the tables of one identity.

    What `member` is told at the beginning of each is exact for as long as that lasts, for writers take turns.
    """

    def __init__(self, db: Database, name: str, shared: str, member: Member) -> None:
        self._db, self._member = db, member
        self._path = f'"{name}", "{shared}"'
        self._closed = False
        self._epoch: int | None = None

    def guarded(self, epoch: int) -> Self:
        """The same for whoever took the lead with this epoch: it raises `LeadLost` once that is over."""
        other = copy(self)
        other._epoch = epoch
        return other

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As `Database.write`."""
        return await self._db.write(lambda tx: self._change(tx, work))

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As `Database.read`."""
        return await self._db.read(lambda tx: work(self._entered(tx)))

    async def version(self) -> int:
        """As `Database.version`, as of a moment ago."""
        return self._member.version

    async def close(self) -> None:
        """Take no more work; the database goes on, for it is not this one's."""
        self._closed = True

    def _entered(self, tx: Tx) -> Tx:
        if self._closed:
            raise StorageError("the schema is closed")
        living, epoch = leases.enter(tx, self._path, self._member.identity, self._member.id)
        self._member.note_living(living)
        if self._epoch not in (None, epoch):
            raise LeadLost
        return tx

    def _change(self, tx: Tx, work: Callable[[Tx], T]) -> T:
        noting = _Noting(self._entered(tx))
        result = work(noting)
        if noting.has_changed:
            leases.note_change(tx, self._member.identity, self._member.id)
        return result


class _Noting:
    """A `Tx` that notes whether it has changed anything."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.all, self.one = tx.all, tx.one
        self.has_changed = False

    def run(self, sql: LiteralString, *args: Value) -> int:
        """As `Tx.run`."""
        many = self._tx.run(sql, *args)
        self.has_changed |= many > 0
        return many

    def script(self, sql: str) -> None:
        """As `Tx.script`."""
        self._tx.script(sql)
        self.has_changed = True
