"""A transaction on a Postgres connection, and the one place where the driver's errors become ours.

Writers take turns, those of all processes: a transaction that writes begins with an update of the one row of
`turns`, whose lock it has until it ends. So the code in it may count, look and decide as if it were alone, as
in SQLite, and is never run twice. Each statement sees all that was committed before the turn.
"""

from typing import Any, LiteralString

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from thenvoi_bridge.storage import (
    Busy,
    Corrupt,
    Duplicate,
    Full,
    Lost,
    ReadOnly,
    Row,
    StorageError,
    Value,
    Violated,
)
from thenvoi_bridge.storage.dialect import definitions, placeholders

OURS: dict[str, type[StorageError]] = {
    "08": Lost,  # connection exception
    "23": Violated,
    "23505": Duplicate,
    "25006": ReadOnly,  # inside `read`, or on a standby
    "25P03": Lost,  # held a transaction open for longer than FROZEN
    "40": Busy,  # serialization failure, deadlock
    "53100": Full,
    "53300": Busy,  # too many connections
    "55P03": Busy,  # the lock was not to be had within our patience
    "57P": Lost,  # shut down, crashed, or still starting
    "XX001": Corrupt,
    "XX002": Corrupt,
}
"""Kinds of errors by the beginning of their SQLSTATE, the longest that fits."""

FROZEN = 60.0
"""Seconds after which Postgres ends the turn of a process that says nothing any more."""

ALIVE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "thenvoi",
}
"""How libpq notices in half a minute that the other end is gone; what the URL says of this goes first."""

TURNS = """
CREATE TABLE IF NOT EXISTS turns (number BIGINT NOT NULL);
INSERT INTO turns (number) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM turns);
"""


def translated(error: psycopg.Error, where: str = "") -> StorageError:
    """Return the driver's error as one of ours, to be raised from it; `where` goes before its text.

    Of the text only the first line is taken: those behind it may hold what somebody wrote.
    """
    state = error.sqlstate or ("08" if isinstance(error, psycopg.OperationalError) else "")
    kind = next((OURS[state[:n]] for n in (5, 3, 2) if state[:n] in OURS), StorageError)
    text = error.diag.message_primary or str(error).partition("\n")[0]
    hint = ": another process is writing" if state == "55P03" else ""
    return kind(f"{where}{text}{hint}")


class PostgresTx:
    """A `Tx` on one connection, which is made anew where it was lost. Raises `StorageError`."""

    def __init__(self, conninfo: str, patience: float, frozen: float | None = None) -> None:
        self._conninfo = make_conninfo(conninfo, **{**ALIVE, **psycopg.conninfo.conninfo_to_dict(conninfo)})
        self._patience, self._frozen = patience, FROZEN if frozen is None else frozen
        self._own = 0  # turns of this connection that were committed
        self._connection = self._connect()

    def all(self, sql: LiteralString, *args: Value) -> list[Row]:
        """Run one statement and return every row."""
        cursor = self._statement(sql, args)
        return [*cursor.fetchall()] if cursor.description else []

    def one(self, sql: LiteralString, *args: Value) -> Row | None:
        """Run one statement and return its first row, if any."""
        rows = self.all(sql, *args)
        return rows[0] if rows else None

    def run(self, sql: LiteralString, *args: Value) -> int:
        """Run one statement and return how many rows it changed."""
        return self._statement(sql, args).rowcount

    def script(self, sql: str) -> None:
        """Run several statements."""
        self._execute(definitions(sql))

    def prepare(self) -> None:
        """Make what turns need, if it is not there. Raises `StorageError` for an encoding but UTF8."""
        encoding = self._connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StorageError(f"the database's encoding is {encoding}; please make one with ENCODING 'UTF8'")
        self.alone(TURNS)

    def alone(self, sql: str) -> None:
        """Run several statements that make something, when no other process does: both would fail."""
        self._execute(f"BEGIN; SELECT pg_advisory_xact_lock(7463821093); {sql} COMMIT".encode())

    def begin(self) -> None:
        """Begin to write, once it is this connection's turn."""
        self._first(b"BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE turns SET number = number + 1")

    def snapshot(self) -> None:
        """Begin to read."""
        self._first(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        """Keep what was done."""
        self._execute(b"COMMIT")
        self._own += 1

    def roll_back(self) -> None:
        """End the transaction, if it still stands, and keep nothing of it."""
        if self.is_open():
            self._execute(b"ROLLBACK")

    def is_open(self) -> bool:
        """Whether the transaction still stands, though it may be good for nothing but to be undone."""
        return self._connection.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        )

    def nest(self) -> None:
        """Begin a part of the transaction."""
        self._execute(b"SAVEPOINT job")

    def keep(self) -> None:
        """End the part. Raises `StorageError` after an error in it that was passed over."""
        # What is deferred is looked at now: left to COMMIT, all of the group would pay.
        self._execute(b"SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE job")

    def undo(self) -> None:
        """Undo the part."""
        self._execute(b"ROLLBACK TO job; RELEASE job")

    def version(self) -> int:
        """A number that other connections' commits change; the connection's own do not."""
        return int(self._first(b"SELECT number FROM turns").fetchall()[0]["number"]) - self._own

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _statement(self, sql: LiteralString, args: tuple[Value, ...]) -> psycopg.Cursor[DictRow]:
        if not args:
            return self._execute(sql.encode())
        return self._execute(placeholders(sql), tuple(map(_storable, args)))

    def _first(self, sql: bytes) -> psycopg.Cursor[DictRow]:
        """Run what goes first; where the connection turns out to be lost, again on a new one."""
        try:
            return self._execute(sql)
        except Lost:  # and with it nothing, for nothing had been done
            self._connection.close()
            self._connection = self._connect()
            return self._execute(sql)

    def _execute(self, sql: bytes, args: tuple[Value, ...] | None = None) -> psycopg.Cursor[DictRow]:
        try:
            return self._connection.execute(sql, args)
        except psycopg.Error as error:
            raise translated(error) from error

    def _connect(self) -> Connection[DictRow]:
        try:
            # Nothing is prepared: a program that changes a table would break it for those that run already.
            connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                prepare_threshold=None,
                row_factory=dict_row,
                client_encoding="utf8",
            )
            connection.execute(
                f"SET lock_timeout = {round(self._patience * 1000)};"
                f"SET idle_in_transaction_session_timeout = {round(self._frozen * 1000)}".encode()
            )
        except psycopg.Error as error:
            raise translated(error, where="Postgres: ") from error
        return connection


class WithoutTurns(PostgresTx):
    """The same for statements that need not be alone, and must not wait for those that do."""

    def begin(self) -> None:
        """Begin to write, at once."""
        self._first(b"BEGIN ISOLATION LEVEL READ COMMITTED")


def _storable(value: Value) -> Value:
    """The value as SQLite has it: a truth value is a number. And without NUL, which no text in Postgres has:
    what is looked up is not there either way.
    """
    if isinstance(value, bool):
        return int(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
