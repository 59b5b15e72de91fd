"""Adding people: as a function, and through the real command line while the platform runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.platform.town import Json, data
from tests.world import World
from thenvoi_bridge.contract.errors import Conflict
from thenvoi_bridge.platform.administration import add_user
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.storage import StorageError

ALICE = ["--email", "Alice@Acme.example", "--name", "Alice Doe", "--org", "Acme"]


async def command(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line as a process of its own."""
    whole = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "platform", *args]
    with anyio.fail_after(60):
        done = await anyio.run_process(whole, check=False, env={**os.environ, "NO_COLOR": "1"})
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err, err
    return subprocess.CompletedProcess(whole, done.returncode, out, err)


async def test_a_person_is_added_from_the_command_line_while_the_platform_runs(here: World) -> None:
    folder = str(here.folder)
    added = await command("user", "add", "--data", folder, "--json", *ALICE)
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.count("\n") == 1
    new: Json = json.loads(added.stdout)
    assert set(new) == {"id", "handle", "api_key"}
    assert new["handle"] == "alice"
    async with httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        profile = data(await http.get("/me/profile", headers={"X-API-Key": new["api_key"]}))
    assert profile == {
        "id": new["id"],
        "email": "alice@acme.example",
        "first_name": "Alice",
        "last_name": "Doe",
        "role": "user",
        "handle": "alice",
    }

    again = await command("user", "add", "--data", folder, "--json", *ALICE)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "Error: There is already a user with the e-mail address Alice@Acme.example\n"


async def test_without_json_it_prints_a_line_for_each_thing_to_know(tmp_path: Path) -> None:
    added = await command("user", "add", "--data", str(tmp_path / "new"), *ALICE)
    assert (added.returncode, added.stderr) == (0, "")
    assert [line.partition(": ")[0] for line in added.stdout.splitlines()] == ["id", "handle", "api_key"]


async def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = await command("user", "add", "--data", str(tmp_path / "file" / "platform"), *ALICE)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {tmp_path}/file/platform: Not a directory\n"


async def test_a_folder_that_cannot_be_used_is_a_fault_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/platform: Not a directory"):
        async with opened(tmp_path / "file" / "platform"):
            pass


async def test_an_address_is_taken_however_it_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys):
        await add_user(db, keys, email="Alice@Acme.example", name="Alice", organization="Acme")
        for email in ("alice@acme.example", "ALICE@ACME.EXAMPLE"):
            with pytest.raises(Conflict, match=email):
                await add_user(db, keys, email=email, name="Another", organization="Other")
        assert len(await db.read(lambda tx: tx.all("SELECT * FROM actors"))) == 1
        assert len(await db.read(lambda tx: tx.all("SELECT * FROM organizations"))) == 1


async def test_people_of_one_organisation_share_it_and_handles_are_shared_by_nobody(tmp_path: Path) -> None:
    people = [("a@one.example", "One"), ("b@one.example", "One"), ("a@two.example", "Two")]
    async with opened(tmp_path) as (db, keys):
        new = [await add_user(db, keys, email=email, name="X", organization=org) for email, org in people]
        rows = await db.read(lambda tx: tx.all("SELECT id, organization_id FROM actors"))
    assert [one.handle for one in new] == ["a", "b", "a-2"]
    organization = {row["id"]: row["organization_id"] for row in rows}
    first, second, third = [organization[one.id] for one in new]
    assert first == second != third


async def test_of_many_who_add_the_same_address_at_once_one_succeeds(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys), opened(tmp_path) as (other, other_keys):
        results: list[str] = []

        async def add(nth: int) -> None:
            through, with_keys = ((db, keys), (other, other_keys))[nth % 2]
            try:
                await add_user(through, with_keys, email="a@b.example", name="A", organization="O")
                results.append("added")
            except Conflict:
                results.append("refused")

        async with anyio.create_task_group() as tasks:
            for nth in range(10):
                tasks.start_soon(add, nth)
    assert sorted(results) == ["added"] + ["refused"] * 9
