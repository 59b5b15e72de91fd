"""Administration: as functions, and through the real command line while the platform runs."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from click.testing import CliRunner

from tests.home import environ_of, opened
from tests.platform.line import line
from tests.platform.town import Json, data, refused
from tests.world import World
from thenvoi_bridge.cli import main
from thenvoi_bridge.contract.chats import ListChats
from thenvoi_bridge.contract.contacts import ListMyContacts
from thenvoi_bridge.contract.errors import Conflict
from thenvoi_bridge.contract.memories import ListMyMemories
from thenvoi_bridge.contract.messages import ListMyMessages, NextMessage
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.storage import StorageError

ALICE = ["--email", "Alice@Acme.example", "--name", "Alice Doe", "--org", "Acme"]


async def command(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line as a process of its own."""
    folder = Path(args[args.index("--data") + 1])
    whole = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "platform", *args]
    with anyio.fail_after(60):
        done = await anyio.run_process(
            whole, check=False, env={**os.environ, "NO_COLOR": "1", **environ_of(folder)}
        )
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


def administered(folder: Path, *args: str) -> Any:
    """What a command prints as JSON, in this process."""
    done = CliRunner().invoke(
        main, ["platform", *args, "--data", str(folder), "--json"], env=environ_of(folder)
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def printed(folder: Path, *args: str) -> str:
    """What a command prints for people, in this process."""
    command = ["platform", *args, "--data", str(folder)]
    return CliRunner().invoke(main, command, env=environ_of(folder)).output


def refusal(folder: Path, *args: str) -> str:
    """What a command says that does not work."""
    done = CliRunner().invoke(main, ["platform", *args, "--data", str(folder)], env=environ_of(folder))
    assert done.exit_code == 1, done.output
    return done.output


def test_organisations_people_and_agents_are_added_and_listed(tmp_path: Path) -> None:
    acme = administered(tmp_path, "org", "add", "--name", "Acme")
    assert acme == {"id": acme["id"], "name": "Acme", "plan": "free"}
    id = "6f1e1fd5-6ff1-4c7e-9a35-0a7a3f3f2f10"
    alice = administered(tmp_path, "user", "add", *ALICE, "--id", id, "--admin")
    assert (alice["id"], alice["handle"]) == (id, "alice")
    scout = ["--owner", "Alice@acme.example", "--name", "Scout", "--description", "helps", "--global"]
    made = administered(tmp_path, "agent", "add", *scout)
    assert (made["handle"], made["api_key"][:7]) == ("alice/scout", "thnv_a_")
    administered(tmp_path, "org", "set-plan", "Acme", "--plan", "enterprise")
    assert administered(tmp_path, "org", "list") == [{**acme, "plan": "enterprise", "people": 1, "agents": 1}]
    about = {"id": id, "handle": "alice", "name": "Alice Doe", "organization": "Acme"}
    assert administered(tmp_path, "user", "list") == [
        {**about, "email": "alice@acme.example", "role": "admin"}
    ]
    about = {"id": made["id"], "handle": "alice/scout", "name": "Scout", "organization": "Acme"}
    listed = administered(tmp_path, "agent", "list")
    assert listed == [{**about, "description": "helps", "is_global": True}]


def test_what_is_listed_for_people_to_read_is_a_table(tmp_path: Path) -> None:
    assert printed(tmp_path, "user", "list") == "none\n"
    id = administered(tmp_path, "user", "add", *ALICE)["id"]
    shown = printed(tmp_path, "user", "list").splitlines()
    assert [line.split() for line in shown] == [
        ["id", "handle", "name", "email", "role", "organization"],
        [id, "alice", "Alice", "Doe", "alice@acme.example", "user", "Acme"],
    ]
    assert shown[0].index("handle") == shown[1].index("alice")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["org", "add", "--name", "Acme"], "There is already an organisation Acme"),
        (["org", "set-plan", "Nope", "--plan", "free"], "There is no organisation Nope"),
        (["user", "add", *ALICE], "There is already a user with the e-mail address"),
        (["user", "add", "--email", "alice", "--name", "A", "--org", "O"], "needs an e-mail address"),
        (["user", "add", "--email", "a@b", "--name", " ", "--org", "O"], "and a name"),
        (["agent", "add", "--owner", "nobody", "--name", "A", "--description", "b"], "There is nobody with"),
        (
            ["agent", "add", "--owner", "alice/scout", "--name", "A", "--description", "b"],
            "There is no person",
        ),
        (["key", "create", "--for", "nobody"], "There is nobody with"),
        (["key", "list", "--for", "nobody"], "There is nobody with"),
        (["key", "rotate", "nope"], "There is no key nope"),
        (["key", "revoke", "nope"], "There is no key nope"),
        (["chat", "delete", "nope"], "Chat room not found"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path, args: list[str], said: str) -> None:
    administered(tmp_path, "user", "add", *ALICE)
    administered(tmp_path, "agent", "add", "--owner", "alice", "--name", "Scout", "--description", "helps")
    assert said in refusal(tmp_path, *args)
    assert refusal(tmp_path, *args).count("\n") == 1


async def test_keys_are_made_rotated_and_revoked_while_the_platform_runs(here: World) -> None:
    alice = await here.person()

    async def run(*args: str) -> Any:
        done = await command("key", *args, "--data", str(here.folder), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async with httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:

        async def opens(key: str) -> bool:
            answer = await http.get("/me/profile", headers={"X-API-Key": key})
            if answer.status_code != 200:
                refused(answer, 401, "unauthorized")
            return answer.status_code == 200

        legacy = await run("create", "--for", "alice.doe", "--legacy", "--label", "old")
        assert legacy["api_key"].count("_") == 2
        spent = await run("create", "--for", alice.id, "--expires-in", "0")
        assert [await opens(key["api_key"]) for key in (legacy, spent)] == [True, False]
        *most, last = legacy["api_key"]
        for forged in ("".join(most) + ("0" if last != "0" else "1"), f"thnv_a_{legacy['api_key'][5:]}"):
            assert not await opens(forged)

        fresh = await run("rotate", legacy["id"])
        assert [await opens(key["api_key"]) for key in (legacy, fresh)] == [False, True]
        kept = await run("rotate", fresh["id"], "--keep", "600")
        assert [await opens(key["api_key"]) for key in (fresh, kept)] == [True, True]
        await run("revoke", fresh["id"])
        assert [await opens(key["api_key"]) for key in (fresh, kept)] == [False, True]

        listed = await run("list", "--for", "@Alice.Doe")
        assert len(listed) == 5
        assert {row["id"]: row["label"] for row in listed}[kept["id"]] == "old"
        assert kept["api_key"].rpartition("_")[2] not in json.dumps(listed)


async def test_a_revoked_key_loses_its_sockets_within_seconds(here: World) -> None:
    alice = await here.person()
    bob = await here.person("Bob Roe")
    async with line(here.url, alice) as cut, line(here.url, bob) as stays:
        done = await command("key", "revoke", alice.key.split("_")[2], "--data", str(here.folder))
        assert done.returncode == 0, done.stderr
        with anyio.fail_after(5):
            assert (await cut.closed())[0] == 1008
        assert await stays.rest() == []


async def test_whoever_is_in_a_deleted_room_is_told_and_finds_it_no_more(here: World) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = (await here.room(alice, scout)).id
    async with line(here.url, scout) as it:
        await it.join(f"agent_rooms:{scout.id}")
        await it.join(f"room_participants:{room}")
        done = await command("chat", "delete", room, "--data", str(here.folder), "--json")
        assert json.loads(done.stdout)["id"] == room
        told = {frame[3]: frame[4] for frame in [await it.read(), await it.read()]}
        assert told["room_deleted"] == {"id": room}
        assert (told["room_removed"]["id"], told["room_removed"]["status"]) == (room, "removed")
        assert await it.ask(f"chat_room:{room}") == {
            "status": "error",
            "response": {"reason": "unauthorized"},
        }
    assert (await scout.call(ListChats())).data == []
    assert administered_rooms(await command("chat", "list", "--data", str(here.folder), "--json")) == []


def administered_rooms(done: subprocess.CompletedProcess[str]) -> list[Json]:
    rooms: list[Json] = json.loads(done.stdout)
    return rooms


async def test_the_sample_data_is_there_to_be_used(here: World) -> None:
    done = await command("seed", "--data", str(here.folder), "--json")
    keys = {one["handle"]: one["api_key"] for one in json.loads(done.stdout)}
    assert set(keys) == {"alice", "bob", "carol", "alice/scout", "alice/scribe", "bob/rover"}
    alice, scribe = await here.client(keys["alice"]), await here.client(keys["alice/scribe"])
    (room,) = (await scribe(ListChats())).data
    waiting = await scribe(NextMessage(chat_id=room.id))
    assert waiting
    assert "write that down" in waiting.content
    said = (await alice(ListMyMessages(chat_id=room.id))).data
    assert [one.message_type for one in said] == ["text", "text", "thought", "text"]
    contacts = (await alice(ListMyContacts())).data
    assert [one.user.handle for one in contacts if one.user] == ["carol"]
    assert len((await alice(ListMyMemories())).data) == 1
    again = await command("seed", "--data", str(here.folder))
    assert (again.returncode, again.stdout) == (1, "")


async def test_the_sample_data_goes_beside_people_of_the_same_names(tmp_path: Path) -> None:
    folder = ("--data", str(tmp_path), "--json")
    who = ("--email", "alice@example.com", "--name", "Alice Doe", "--org", "Acme")
    first = json.loads((await command("user", "add", *folder, *who)).stdout)
    done = await command("seed", *folder)
    assert (done.returncode, done.stderr) == (0, "")
    handles = [one["handle"] for one in json.loads(done.stdout)]
    assert len(handles) == 6
    assert first["handle"] not in handles


async def test_an_address_is_taken_however_it_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys):
        await administer(
            db, keys, partial(add_user, email="Alice@Acme.example", name="Alice", organization="Acme")
        )
        for email in ("alice@acme.example", "ALICE@ACME.EXAMPLE"):
            with pytest.raises(Conflict, match=email):
                await administer(
                    db, keys, partial(add_user, email=email, name="Another", organization="Other")
                )
        assert len(await db.read(lambda tx: tx.all("SELECT * FROM actors"))) == 1
        assert len(await db.read(lambda tx: tx.all("SELECT * FROM organizations"))) == 1


async def test_people_of_one_organisation_share_it_and_handles_are_shared_by_nobody(tmp_path: Path) -> None:
    people = [("a@one.example", "One"), ("b@one.example", "One"), ("a@two.example", "Two")]
    async with opened(tmp_path) as (db, keys):
        new = [
            await administer(db, keys, partial(add_user, email=email, name="X", organization=org))
            for email, org in people
        ]
        rows = await db.read(lambda tx: tx.all("SELECT id, organization_id FROM actors"))
    assert [one["handle"] for one in new] == ["a", "b", "a-2"]
    organization = {row["id"]: row["organization_id"] for row in rows}
    first, second, third = [organization[one["id"]] for one in new]
    assert first == second != third


async def test_of_many_who_add_the_same_address_at_once_one_succeeds(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys), opened(tmp_path) as (other, other_keys):
        results: list[str] = []

        async def add(nth: int) -> None:
            through, with_keys = ((db, keys), (other, other_keys))[nth % 2]
            try:
                await administer(
                    through, with_keys, partial(add_user, email="a@b.example", name="A", organization="O")
                )
                results.append("added")
            except Conflict:
                results.append("refused")

        async with anyio.create_task_group() as tasks:
            for nth in range(10):
                tasks.start_soon(add, nth)
    assert sorted(results) == ["added"] + ["refused"] * 9
