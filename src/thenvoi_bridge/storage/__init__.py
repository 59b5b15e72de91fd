"""Where durable state lives: the seam between our SQL and a database.

Transactions are plain functions, run off the event loop: they cannot be suspended or cancelled half-way, and
the code in them stays ordinary. This is no ORM and no query builder. SQL is text in the common subset of
SQLite and Postgres: `?` placeholders, `RETURNING`, `ON CONFLICT`, JSON and times as text.
"""

from collections.abc import Callable, Mapping
from typing import Any, LiteralString, Protocol, TypeVar

T = TypeVar("T")

Value = None | int | float | str | bytes
"""What a placeholder takes. Text to be kept must not hold NUL; Postgres would keep U+FFFD in its place."""

Row = Mapping[str, Any]
"""One row of an answer, by column name."""


class StorageError(Exception):
    """The database refused or failed, and kept nothing (but see `Lost`). The driver's error is the cause."""


class Busy(StorageError):
    """Another process held the write lock for longer than we wait. Trying again may help."""


class Lost(StorageError):
    """The connection to the database broke. If it did during the commit, nobody knows whether that was kept.

    Trying again may help: the next transaction makes a new connection.
    """


class Full(StorageError):
    """The disk is full. Reading still works, and writing does again once there is room."""


class ReadOnly(StorageError):
    """Writing was refused: inside `read`, or because the file may not be written."""


class Corrupt(StorageError):
    """The file is damaged, or is no database."""


class Violated(StorageError):
    """A constraint does not hold: a check, a foreign key, a missing value."""


class Duplicate(Violated):
    """A primary key or unique value exists already."""


class TooNew(StorageError):
    """A newer version of this program has changed the database in ways this one does not know."""


class Tx(Protocol):
    """A running transaction, valid until the function it was given to returns.

    Its beginning and end are not that function's business: it never says BEGIN, COMMIT or ROLLBACK. Let a
    `StorageError` out of the function; after one, Postgres takes no more statements in the transaction.
    """

    def all(self, sql: LiteralString, *args: Value) -> list[Row]:
        """Run one statement and return every row. Raises `StorageError`."""

    def one(self, sql: LiteralString, *args: Value) -> Row | None:
        """Run one statement and return its first row, if any. Raises `StorageError`."""

    def run(self, sql: LiteralString, *args: Value) -> int:
        """Run one INSERT, UPDATE or DELETE and return how many rows it changed. Raises `StorageError`.

        Other statements run too, but then the number means nothing.
        """

    def script(self, sql: str) -> None:
        """Run several statements that take no arguments, as migrations do. Raises `StorageError`."""


class Database(Protocol):
    """A database, used from the event loop that opened it."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction of its own and return its answer once that is committed.

        Raises what `work` raised, or `StorageError`; then nothing was kept. A caller that is cancelled while
        waiting takes its work along, unless that has begun: then it is committed as usual. `work` runs on
        another thread and holds up every other writer, so it neither waits nor calls out.
        """

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a snapshot, beside any writer. Writing in it raises `ReadOnly`.

        Raises what `work` raised, or `StorageError`. The snapshot is taken by its first statement.
        """

    async def version(self) -> int:
        """Return a number that differs from the last one if another process has committed in between.

        Writes through this object do not change it. Nothing else can be told from it. Raises `StorageError`.
        """

    async def close(self) -> None:
        """Finish what waits, then let go of the database. Later calls raise `StorageError`."""
