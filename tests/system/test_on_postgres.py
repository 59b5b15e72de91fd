"""A platform on Postgres: from the command line, and all that is true of one on a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest

from tests import postgres
from tests.home import SWITCH
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.serving import served
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

ROOT = Path(__file__).parents[2]
PLATFORM = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "platform"]
ALICE = ["--email", "alice@acme.example", "--name", "Alice Doe", "--org", "Acme"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


async def run(*args: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """A command of the platform's, as a process of its own."""
    with anyio.fail_after(60):
        return await anyio.run_process([*PLATFORM, *args], check=False, env={**os.environ, **environ})


async def test_a_platform_is_administered_and_served_on_postgres_alone(server: str, tmp_path: Path) -> None:
    where, address = postgres.fresh(server), tmp_path / "address"
    data = ["--data", str(tmp_path / "data")]
    added = await run("user", "add", *data, "--database", where, "--json", *ALICE)
    key = json.loads(added.stdout)["api_key"]
    serving = [*PLATFORM, "serve", *data, "--port", "0", "--address-file", str(address)]
    process = await anyio.open_process(serving, env={**os.environ, "THENVOI_PLATFORM_DATABASE": where})
    async with process, httpx2.AsyncClient(headers={"X-API-Key": key}) as http:
        assert process.stderr
        with anyio.fail_after(30):
            await process.stderr.receive()
        answer = await http.get(f"{address.read_text()}/api/v1/me/profile")
        process.terminate()
    assert answer.json()["data"]["handle"] == "alice"
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["pepper"]


async def test_requests_are_unavailable_while_the_database_is_away(tmp_path: Path) -> None:
    database = ExitStack()
    place = database.enter_context(postgres.server())
    async with opened(tmp_path, place) as (db, keys):
        add = partial(add_user, email="alice@acme.example", name="Alice Doe", organization="Acme")
        key = (await administer(db, keys, add))["api_key"]
    async with (
        served(tmp_path, bind("127.0.0.1", 0), Platform(database=place)) as platform,
        httpx2.AsyncClient(headers={"X-API-Key": key}) as http,
    ):
        chats = f"{platform.url}/api/v1/me/chats"
        assert (await http.post(chats, json={"chat": {}})).status_code == 201
        database.close()
        for answer in (await http.post(chats, json={"chat": {}}), await http.get(chats)):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize("command", [["serve"], ["user", "list"]])
@pytest.mark.parametrize(
    "address", ["postgresql://me:hush@db.example/x", "postgresql://me@db.example/x?password=hush"]
)
async def test_a_password_is_refused_in_a_command_line(
    tmp_path: Path, command: list[str], address: str
) -> None:
    refused = await run(*command, "--data", str(tmp_path), "--database", address)
    said = " ".join(re.findall(r"\S+", refused.stderr.decode()))
    assert refused.returncode == 2
    assert "must not have a password, since others can read command lines" in said
    assert "THENVOI_PLATFORM_DATABASE_FILE" in said
    assert "hush" not in said


async def test_an_address_that_is_none_is_refused_without_being_shown(tmp_path: Path) -> None:
    refused = await run(
        "user", "list", "--data", str(tmp_path), THENVOI_PLATFORM_DATABASE="mysql://x:hush@y/z"
    )
    said = refused.stderr.decode()
    assert refused.returncode == 2
    assert "THENVOI_PLATFORM_DATABASE must begin with postgresql:// or postgres:// and name a host" in said
    assert "hush" not in said


async def test_a_database_that_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "address"
    secret.write_text("postgresql://me:hush@127.0.0.1:1/x\n")
    for command in (["serve", "--port", "0"], ["user", "list"]):
        refused = await run(*command, "--data", str(tmp_path), THENVOI_PLATFORM_DATABASE_FILE=str(secret))
        said = refused.stderr.decode()
        assert refused.returncode == 1
        assert said.startswith("Error: Postgres: ")
        assert said.count("\n") == 1
        assert "hush" not in said


async def test_without_the_driver_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError")
    place = {"THENVOI_PLATFORM_DATABASE": "postgresql://localhost/x", "PYTHONPATH": str(tmp_path)}
    refused = await run("user", "list", "--data", str(tmp_path / "data"), **place)
    assert refused.returncode == 1
    assert refused.stderr.decode() == (
        "Error: Postgres needs the extra `postgres`; install thenvoi-bridge[postgres]\n"
    )


@pytest.mark.thorough
@pytest.mark.timeout(1200)
async def test_the_tests_of_the_platform_pass_on_postgres(server: str) -> None:
    chosen = ["-m", "not sqlite and not thorough and not endurance", "tests/platform"]
    command = [sys.executable, "-m", "pytest", "-q", *chosen]
    done = await anyio.run_process(command, check=False, cwd=ROOT, env={**os.environ, SWITCH: server})
    summary = done.stdout.decode().strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout.decode()[-5000:]
    assert "skipped" not in summary
    with psycopg.connect(server) as db:
        platforms = db.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'of_%'").fetchall()
    assert len(platforms) > 50, summary
