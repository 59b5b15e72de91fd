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
        try:
            self._connection.execute(sql, args)
        except apsw.Error as error:
            raise translated(error) from error
        return self._connection.changes()

    def script(self, sql: str) -> None:
        """Run several statements."""
        try:
            self._connection.execute(sql).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def begin(self) -> None:
        """Begin to write, once no other process does."""
        self.run("BEGIN IMMEDIATE")

    def snapshot(self) -> None:
        """Begin to read."""
        self.run("BEGIN")

    def commit(self) -> None:
        """Keep what was done."""
        self.run("COMMIT")

    def roll_back(self) -> None:
        """End the transaction, if it still stands, and keep nothing of it."""
        if self.is_open():
            self.run("ROLLBACK")

    def is_open(self) -> bool:
        """Whether the transaction still stands."""
        return self._connection.in_transaction

    def nest(self) -> None:
        """Begin a part of the transaction."""
        self.run("SAVEPOINT job")

    def keep(self) -> None:
        """End the part. Raises `Violated` if a deferred foreign key points nowhere."""
        if self._connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0] > 0:
            raise Violated("FOREIGN KEY constraint failed")  # left to COMMIT, all of the group would pay
        self.run("RELEASE job")

    def undo(self) -> None:
        """Undo the part."""
        self.run("ROLLBACK TO job")
        self.run("RELEASE job")

    def version(self) -> int:
        """A number that other connections' commits change; the connection's own do not."""
        return int(self.all("PRAGMA data_version")[0]["data_version"])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
