"""A transaction on a SQLite connection, and the one place where the driver's errors become ours."""

from itertools import chain
from typing import LiteralString

import apsw

from thenvoi_bridge.storage import (
    Busy,
    Corrupt,
    Duplicate,
    Full,
    ReadOnly,
    Row,
    StorageError,
    Value,
    Violated,
)

OURS: dict[type[apsw.Error], type[StorageError]] = {
    apsw.BusyError: Busy,
    apsw.ProtocolError: Busy,  # lost too many races for the write-ahead log
    apsw.FullError: Full,
    apsw.ReadOnlyError: ReadOnly,
    apsw.CorruptError: Corrupt,
    apsw.NotADBError: Corrupt,
    apsw.ConstraintError: Violated,
}
UNIQUE = {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID}


def translated(error: apsw.Error, where: str = "") -> StorageError:
    """Return the driver's error as one of ours, to be raised from it; `where` goes before its text."""
    kind = OURS.get(type(error), StorageError)
    if kind is Violated and getattr(error, "extendedresult", 0) in UNIQUE:
        kind = Duplicate
    hint = ": another process is writing" if kind is Busy else ""
    return kind(f"{where}{error}{hint}")


class SqliteTx:
    """A `Tx` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def all(self, sql: LiteralString, *args: Value) -> list[Row]:
        """Run one statement and return every row."""
        try:
            cursor = self._connection.execute(sql, args)
            first = cursor.fetchone()
            if first is None:
                return []
            names = [name for name, _ in cursor.get_description()]
            return [dict(zip(names, row, strict=True)) for row in chain([first], cursor)]
        except apsw.Error as error:
            raise translated(error) from error

    def one(self, sql: LiteralString, *args: Value) -> Row | None:
        """Run one statement and return its first row, if any."""
        rows = self.all(sql, *args)
        return rows[0] if rows else None

    def run(self, sql: LiteralString, *args: Value) -> int:
        """Run one statement and return how many rows it changed."""
        self.all(sql, *args)
        return self._connection.changes()

    def script(self, sql: str) -> None:
        """Run several statements."""
        try:
            self._connection.execute(sql).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def is_open(self) -> bool:
        """Whether the transaction still stands. SQLite itself ends it after some errors."""
        return self._connection.in_transaction

    def dangles(self) -> bool:
        """Whether a deferred foreign key points nowhere, which COMMIT would refuse."""
        return self._connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0] > 0

    def roll_back(self) -> None:
        """End the transaction, if it still stands, and keep nothing of it."""
        if self.is_open():
            self.run("ROLLBACK")
