"""`thenvoi-bridge platform migrate`: ahead of a newer version, and beside nodes of the one before."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from tests.home import contents, database_of, environ_of, opened
from tests.world import World, say
from thenvoi_bridge.cli import main
from thenvoi_bridge.contract.messages import ListMessages
from thenvoi_bridge.platform.app import MIGRATIONS, open_database
from thenvoi_bridge.storage import TooNew, Tx
from thenvoi_bridge.storage.migrate import migrate

LAST = sum(file.name.endswith(".sql") for file in resources.files(MIGRATIONS).iterdir())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a platform that has come as far as the second migration."""
    older = tmp_path / f"older_{tmp_path.name}"
    shutil.copytree(
        str(resources.files(MIGRATIONS)), older, ignore=shutil.ignore_patterns("000[3-9]*", "__pycache__")
    )
    monkeypatch.syspath_prepend(tmp_path)
    data = tmp_path / "data"
    data.mkdir()

    async def begin() -> None:
        db = await open_database(data, database_of(data))
        assert await migrate(db, older.name) == 2
        await db.close()

    anyio.run(begin)
    return data


def run(folder: Path, *arguments: str) -> Result:
    command = ["platform", "migrate", "--data", str(folder), *arguments]
    return CliRunner().invoke(main, command, env=environ_of(folder))


def version(folder: Path) -> int:
    return max(int(row[0]) for row in contents(folder)["schema_version"])


def put_ahead(folder: Path) -> None:
    """As if a newer program had been at work."""

    async def work() -> None:
        async with opened(folder) as (db, _):
            await db.write(newer)

    anyio.run(work)


def newer(tx: Tx) -> None:
    tx.run("INSERT INTO schema_version (number, name, applied_at) VALUES (?, 'newer', 'later')", LAST + 1)


def test_a_check_applies_nothing_and_ends_with_1_while_something_is_missing(folder: Path) -> None:
    looked = run(folder, "--check", "--json")
    assert looked.exit_code == 1
    assert json.loads(looked.stdout) == {"from": 2, "to": LAST}
    assert looked.stderr == ("Error: the database is not up to date: run `thenvoi-bridge platform migrate`\n")
    assert version(folder) == 2


def test_it_says_from_which_version_to_which_and_then_all_is_well(folder: Path) -> None:
    done = run(folder)
    assert (done.exit_code, done.stdout) == (0, f"from: 2\nto: {LAST}\n")
    assert version(folder) == LAST
    for again in (run(folder, "--check"), run(folder)):
        assert (again.exit_code, again.stdout) == (0, f"from: {LAST}\nto: {LAST}\n")


def test_it_makes_a_database_where_there_is_none_and_no_secret(tmp_path: Path) -> None:
    assert json.loads(run(tmp_path / "new", "--json").stdout) == {"from": 0, "to": LAST}
    assert "pepper" not in [file.name for file in (tmp_path / "new").glob("*")]


@pytest.mark.parametrize("more", [[], ["--check"]], ids=str)
def test_what_a_newer_program_has_changed_is_refused(folder: Path, more: list[str]) -> None:
    put_ahead(folder)
    refused = run(folder, *more)
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"Error: This database has version {LAST + 1}, and this program knows versions up to {LAST}. "
        "Please upgrade the program.\n"
    )


@pytest.mark.sqlite
def test_a_folder_that_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run(tmp_path / "file" / "data")
    assert refused.exit_code == 1
    assert refused.stderr.endswith(": Not a directory\n")


async def test_a_node_goes_on_while_a_newer_one_has_added_tables_and_columns(here: World) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    tables = sorted(contents(here.folder))

    def expand(tx: Tx) -> None:
        for table in tables:
            tx.script(f'ALTER TABLE "{table}" ADD COLUMN of_tomorrow TEXT')
        tx.script("CREATE TABLE tomorrow (id TEXT PRIMARY KEY)")
        newer(tx)

    async with opened(here.folder) as (db, _):
        await db.write(expand)
    bob = await here.agent(alice, "Bob")
    room = await here.room(alice, scout, bob)
    sent = await say(alice, room, scout, "still there?")
    assert [message.id for message in (await scout.call(ListMessages(chat_id=room.id))).data] == [sent.id]
    with pytest.raises(TooNew):  # but one that starts anew is refused
        async with opened(here.folder):
            pass
