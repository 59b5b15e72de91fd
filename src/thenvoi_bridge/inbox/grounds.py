"""What an inbox is kept in, a file or a schema of a Postgres, and what can be wrong with that."""

from __future__ import annotations

import logging
from typing import LiteralString, Protocol

from thenvoi_bridge.inbox import repair, soundness
from thenvoi_bridge.inbox.trouble import Damaged, File, Trouble
from thenvoi_bridge.storage import Busy, Database, Full, Lost, ReadOnly, StorageError, TooNew
from thenvoi_bridge.storage.migrate import migrate

logger = logging.getLogger(__name__)

BROKEN = (StorageError, UnicodeDecodeError)
"""What a transaction raises where what it stands on is at fault: SQLite does not look after what is in it."""


SIZE_OF_WAITING: LiteralString = "SELECT COALESCE(SUM(LENGTH(message)), 0) AS number FROM waiting"
"""Characters of what waits for an answer: a table is no smaller for what was thrown away of it."""


class Ground(Protocol):
    """Where the rows are."""

    @property
    def size(self) -> LiteralString:
        """The statement that says how much room they take."""

    async def check(self, db: Database) -> None:
        """Raise `StorageError` unless it is sound, as far as that can be told at the start."""

    def look_after(self) -> None:
        """Raise `Damaged` once what is written here nobody will ever read."""

    def meaning(self, error: Exception) -> Trouble:
        """What an error means for the inbox."""

    async def trouble(self, db: Database, error: Exception) -> Trouble:
        """The same of an open one, after a closer look."""


class InFile:
    """A file, which may be damaged, or be set aside because of that."""

    size = soundness.SIZE_OF_FILE

    def __init__(self, file: File) -> None:
        self._file = file
        self._damaged: Damaged | None = None

    async def check(self, db: Database) -> None:
        """Look through all of it."""
        await db.read(soundness.check)

    def look_after(self) -> None:
        """See whether it still has its name, and was found to be damaged."""
        if self._damaged is None and not self._file.is_there:
            self._damaged = Damaged(self._file, "it was set aside as damaged, or taken away")
        if self._damaged:
            raise Damaged(self._file, self._damaged.reason)

    def meaning(self, error: Exception) -> Trouble:
        """As `repair` has it."""
        return repair.trouble_with(self._file, error)

    async def trouble(self, db: Database, error: Exception) -> Trouble:
        """What is not as we know it is damaged, or a newer version of this program has changed it."""
        trouble = self.meaning(error)
        if isinstance(trouble, Damaged):
            try:
                await migrate(db, soundness.MIGRATIONS)
            except TooNew as newer:
                return self.meaning(newer)
            except BROKEN:
                pass
            self._damaged = trouble
        return trouble


_TROUBLES: dict[type[StorageError], tuple[str, str]] = {
    Lost: ("inbox_away", "its database cannot be reached"),
    Busy: ("inbox_busy", "another process is writing"),
    Full: ("disk_full", "the disk of its database is full"),
    ReadOnly: ("inbox_read_only", "its database may not be written"),
    TooNew: ("inbox_too_new", "a newer version of this program has changed it"),
}


class OnServer:
    """A schema of a Postgres, which looks after its files itself. Its words may name hosts; ours do not."""

    size = SIZE_OF_WAITING

    async def check(self, db: Database) -> None:
        """Nothing can be told at the start."""

    def look_after(self) -> None:
        """There is nothing to look after."""

    def meaning(self, error: Exception) -> Trouble:
        """What it means, most often that it passes."""
        if isinstance(error, Trouble):
            return error
        logger.info("the database of an inbox: %s", error)
        said = next((said for kind, said in _TROUBLES.items() if isinstance(error, kind)), None)
        return Trouble(*(said or ("inbox_unusable", "its database refuses it")))

    async def trouble(self, db: Database, error: Exception) -> Trouble:
        """The same."""
        return self.meaning(error)
