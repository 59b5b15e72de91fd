"""What can be wrong with an inbox: each spoils the one in a folder, and returns what is said of that."""

from __future__ import annotations

from pathlib import Path

import apsw


def garbage(folder: Path) -> str:
    (folder / "inbox.db").write_bytes(b"this is no database\x1b[2J" * 400)
    return "file is not a database"


def damaged_structure(folder: Path) -> str:
    file = folder / "inbox.db"
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE inbox", b"CREATE \x1b[2Jx inbox"))
    return 'malformed database schema (inbox) - unrecognized token: "\\x1b"'


def too_new(folder: Path) -> str:
    change(folder, "INSERT INTO schema_version VALUES (99, 'x', 'x')")
    return "This database has version 99"


def damaged_row(folder: Path) -> str:
    change(folder, "UPDATE inbox SET message = '{', state = 'dead'")
    return "it is damaged"


def damaged_note(folder: Path) -> str:
    change(folder, "UPDATE about SET value = '{' WHERE name = 'identity'")
    return "it is damaged"


def folder_for_a_file(folder: Path) -> str:
    for file in folder.glob("inbox.db*"):
        file.unlink()
    (folder / "inbox.db").mkdir()
    return "unable to open database file"


def link(folder: Path) -> str:
    folder.rename(elsewhere := folder.parents[1] / "elsewhere")
    folder.symlink_to(elsewhere)
    return "is a link"


def change(folder: Path, sql: str) -> None:
    connection = apsw.Connection(str(folder / "inbox.db"))
    connection.execute(sql).fetchall()
    connection.close()


def link_within(folder: Path) -> str:
    (folder / "procs").rename(elsewhere := folder.parents[1] / "elsewhere")
    (folder / "procs").symlink_to(elsewhere)
    return "is a link"


SPOILED = (
    garbage,
    damaged_structure,
    damaged_row,
    damaged_note,
    too_new,
    folder_for_a_file,
    link,
    link_within,
)
