"""Our SQL as Postgres wants it. The text is the common subset; what is left to change is here."""

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \? | % | \bTEXT\b""", re.S | re.X
)


@lru_cache(maxsize=1000)
def placeholders(sql: str) -> bytes:
    """A statement as psycopg reads it: `%s` for each placeholder `?`, and any other `%` doubled."""
    return _TOKEN.sub(lambda found: "%s" if found[0] == "?" else found[0].replace("%", "%%"), sql).encode()


def definitions(sql: str) -> bytes:
    """A script whose columns sort by code point, as in SQLite, whatever the locale of the database."""
    return _TOKEN.sub(lambda found: 'TEXT COLLATE "C"' if found[0] == "TEXT" else found[0], sql).encode()
