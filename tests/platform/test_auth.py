"""Keys: what they look like, whom they stand for, and what of them is kept."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.home import opened, stored
from tests.platform.town import Town, by, data, refused
from thenvoi_bridge.contract.errors import Unauthorized
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.storage import Tx


async def test_the_key_tells_people_from_agents(town: Town) -> None:
    assert town.alice.key.startswith("thnv_u_")
    assert town.scout.key.startswith("thnv_a_")
    assert len({who.key for who in (town.alice, town.scout, town.bob)}) == 3


def changed(key: str) -> str:
    return key[:-1] + ("a" if key[-1] != "a" else "b")


@pytest.mark.parametrize(
    "forge",
    [
        lambda key: "",
        lambda key: "thnv",
        lambda key: "thnv___",
        lambda key: "thnv_a__",
        lambda key: "thnv_1700000000_abcdef",
        lambda key: key + "_x",
        lambda key: key.removeprefix("thnv_"),
        lambda key: key.replace("thnv", "band"),
        lambda key: key.rpartition("_")[0] + "_",
        lambda key: key.rpartition("_")[0] + "_" + "0" * 64,
        lambda key: key.rpartition("_")[2],
        lambda key: "thnv_a_nobodyknows_" + key.rpartition("_")[2],
        lambda key: key.upper(),
        lambda key: key * 100,
        changed,
    ],
)
async def test_nothing_but_the_whole_key_is_a_key(town: Town, forge: Callable[[str], str]) -> None:
    for path, who in (("/agent/me", town.scout), ("/me/profile", town.alice)):
        answer = await town.http.get(path, headers={"X-API-Key": forge(who.key)})
        assert refused(answer, 401, "unauthorized") == {}
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_of_strange_characters_is_no_key(town: Town) -> None:
    headers = [(b"X-API-Key", "thnv_a_é_ü".encode())]
    refused(await town.http.get("/agent/me", headers=headers), 401, "unauthorized")


def revoke(tx: Tx, key: str) -> None:
    tx.run("UPDATE keys SET revoked_at = 'now' WHERE id = ?", key.split("_")[2])


def delete(tx: Tx, id: str) -> None:
    tx.run("UPDATE actors SET deleted_at = 'now' WHERE id = ?", id)


async def test_a_revoked_key_opens_nothing(town: Town) -> None:
    someone = await town.newcomer()
    data(await town.http.get("/me/profile", headers=by(someone)))
    async with opened(town.here.folder) as (db, _):
        await db.write(partial(revoke, key=someone.key))
    refused(await town.http.get("/me/profile", headers=by(someone)), 401, "unauthorized")


async def test_the_key_of_a_deleted_agent_opens_nothing(town: Town) -> None:
    agent = await town.here.agent(await town.newcomer(), "Temp")
    data(await town.http.get("/agent/me", headers=by(agent)))
    async with opened(town.here.folder) as (db, _):
        await db.write(partial(delete, id=agent.id))
    refused(await town.http.get("/agent/me", headers=by(agent)), 401, "unauthorized")


async def test_no_key_is_kept_in_clear_text(town: Town) -> None:
    kept = stored(town.here.folder)
    assert town.alice.id.encode() in kept
    for who in (town.alice, town.scout):
        secret = who.key.rpartition("_")[2]
        assert len(secret) == 32
        assert secret.encode() not in kept


@pytest.mark.sqlite
async def test_only_the_owner_of_the_process_may_read_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "platform"
    async with opened(folder):
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert {file.name for file in folder.iterdir()} >= {"pepper", "platform.db"}
        for file in folder.iterdir():
            assert file.stat().st_mode & 0o777 == 0o600, file.name


def test_the_pepper_is_made_once(tmp_path: Path) -> None:
    Keys.kept_in(tmp_path)
    (pepper,) = tmp_path.iterdir()
    made = pepper.read_bytes()
    assert len(made) == 32
    Keys.kept_in(tmp_path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [made]


async def test_without_the_pepper_a_stolen_database_recognises_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys):
        new = await administer(db, keys, partial(add_user, email="a@b.example", name="A", organization="O"))
        assert (await db.read(lambda tx: keys.holder(tx, new["api_key"], clock.now())))["id"] == new["id"]
        with pytest.raises(Unauthorized):
            await db.read(lambda tx: Keys(b"another").holder(tx, new["api_key"], clock.now()))
