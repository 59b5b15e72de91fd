"""Several nodes on one Postgres are one platform: what is said at one is heard at all, whatever is cut."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import psycopg
import pytest
from websockets.exceptions import InvalidStatus

from tests import natsd, postgres
from tests.home import SWITCH, environ_of, opened, served
from tests.machine import free_port
from tests.platform.line import Line, answered, called, line
from tests.platform.town import Town, by, town_on
from tests.world import Somebody, world
from thenvoi_bridge.platform import app, hub, nodes
from thenvoi_bridge.platform.bells import Carrier, carriers
from thenvoi_bridge.platform.bells.nats import NatsBell
from thenvoi_bridge.platform.bells.postgres import PostgresBell
from thenvoi_bridge.platform.log import Bell, Topics
from thenvoi_bridge.platform.presence import Presence
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.ports import bind
from thenvoi_bridge.settings import Platform

pytestmark = pytest.mark.thorough

PATIENCE = 20
PLATFORM = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "platform"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@dataclass(frozen=True)
class Two:
    """A town whose clients speak to the first node, and the address of the second."""

    town: Town
    second: str

    @property
    def first(self) -> str:
        return self.town.here.url


@asynccontextmanager
async def two(folder: Path, settings: Platform | None = None) -> AsyncGenerator[Two]:
    """Two nodes of one platform."""
    async with (
        world(folder, settings) as here,
        served(folder, bind("127.0.0.1", 0), settings) as other,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        yield Two(await town_on(here, http), other.url)


Switch = Callable[[str], None]


@pytest.fixture
def on_postgres(server: str, monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Platforms of this test are on a server of Postgres: the module's, unless it is told another."""

    def switch(url: str) -> None:
        monkeypatch.setenv(SWITCH, url)

    switch(server)
    return switch


def only(monkeypatch: pytest.MonkeyPatch, *kinds: str, polling: bool = False) -> None:
    """Leave nodes these carriers of the bell, by the name of their class, and the polling or not."""

    def chosen(site: Site, bell: Bell) -> list[Carrier]:
        return [one for one in carriers(site, bell) if type(one).__name__ in kinds]

    monkeypatch.setattr(app, "carriers", chosen)
    if not polling:
        monkeypatch.setattr(hub, "POLL_OF_MANY", math.inf)
        monkeypatch.setattr(hub, "POLL", math.inf)


async def hears(it: Two, listening: Line, room: str, count: int = 20) -> None:
    """What is said at the first node is heard at the second, once and in order."""
    said = [await it.town.say(room, it.town.scout, text=str(nth)) for nth in range(count)]
    assert [(await listening.event("message_created"))["id"] for _ in said] == said
    assert await listening.rest() == []


@asynccontextmanager
async def at_second(it: Two, who: Somebody) -> AsyncGenerator[tuple[Line, str]]:
    """Somebody who listens to a new room at the second node."""
    room = await it.town.room(it.town.scout)
    async with line(it.second, who) as listening:
        await listening.join(f"chat_room:{room}")
        yield listening, room


async def test_a_message_posted_at_one_node_reaches_a_socket_at_the_other_by_postgres(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "PostgresBell")
    async with two(tmp_path) as it, at_second(it, it.town.scout) as (listening, room):
        await hears(it, listening, room)


async def test_it_does_so_by_nats_alone(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "NatsBell")
    with natsd.server(free_port()) as url:
        async with two(tmp_path, Platform(nats=url)) as it, at_second(it, it.town.scout) as (listening, room):
            await hears(it, listening, room)


async def test_with_every_bell_cut_polling_does(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, polling=True)
    async with two(tmp_path) as it, at_second(it, it.town.alice) as (listening, room):
        for _ in range(3):
            await hears(it, listening, room)


async def test_what_is_said_at_both_nodes_at_once_is_heard_at_both_once_and_in_the_order_of_the_room(
    on_postgres: Switch, tmp_path: Path
) -> None:
    """With two carriers, so that every ring comes twice."""
    with natsd.server(free_port()) as url:
        async with two(tmp_path, Platform(nats=url)) as it:
            room = await it.town.room(it.town.scout)
            async with line(it.first, it.town.alice) as one, line(it.second, it.town.alice) as other:
                for each in (one, other):
                    await each.join(f"chat_room:{room}")
                async with anyio.create_task_group() as tasks:
                    for base in (it.first, it.second):
                        tasks.start_soon(say_many, base, it.town, room, 50)
                heard = [[await each.event("message_created") for _ in range(100)] for each in (one, other)]
                assert await one.rest() == await other.rest() == []
            ids = [[message["id"] for message in messages] for messages in heard]
            assert ids[0] == ids[1]
            assert len(set(ids[0])) == 100
            times = [message["inserted_at"] for message in heard[0]]
            assert times == sorted(times)


async def say_many(base: str, town: Town, room: str, count: int) -> None:
    async with httpx2.AsyncClient(base_url=f"{base}/api/v1", headers=by(town.alice)) as http:
        for nth in range(count):
            message = {"content": str(nth), "mentions": [{"id": town.scout.id}]}
            answer = await http.post(f"/me/chats/{room}/messages", json={"message": message})
            assert answer.status_code == 201


async def test_sockets_outlive_a_restart_of_postgres_and_miss_nothing(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bell alone: once it is connected anew, it has everything looked at."""
    only(monkeypatch, "PostgresBell")
    with postgres.crashing_server() as (url, switch):
        on_postgres(url)
        async with two(tmp_path) as it, at_second(it, it.town.scout) as (listening, room):
            await hears(it, listening, room, 1)
            await anyio.to_thread.run_sync(postgres.restart, switch)
            said = await said_at_last(it.town, room)
            assert (await listening.event("message_created"))["id"] == said
            await hears(it, listening, room)


async def said_at_last(town: Town, room: str) -> str:
    """The id of a message that a platform takes as soon as it can."""
    message = {"content": "again", "mentions": [{"id": town.scout.id}]}
    path = f"/me/chats/{room}/messages"
    with anyio.fail_after(PATIENCE):
        while True:
            answer = await town.http.post(path, json={"message": message}, headers=by(town.alice))
            if answer.status_code == 201:
                return str(answer.json()["data"]["id"])
            assert answer.status_code == 503


async def test_where_nats_is_killed_delivery_goes_on_by_postgres_and_later_by_both(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    only(monkeypatch, "PostgresBell", "NatsBell")
    port, server = free_port(), ExitStack()
    url = server.enter_context(natsd.server(port, "--user", "thenvoi", "--pass", "hush"))
    settings = Platform(nats=url.replace("//", "//thenvoi:hush@"))
    async with two(tmp_path, settings) as it, at_second(it, it.town.scout) as (listening, room):
        await hears(it, listening, room)
        server.close()
        await hears(it, listening, room)
        await appears(caplog, "NATS cannot be reached", times=2)
        with natsd.server(port, "--user", "thenvoi", "--pass", "hush"):
            await hears(it, listening, room)
    assert "hush" not in caplog.text


async def test_nats_that_refuses_us_keeps_nobody_from_hearing(
    on_postgres: Switch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with natsd.server(free_port(), "--user", "thenvoi", "--pass", "hush") as url:
        settings = Platform(nats=url.replace("//", "//thenvoi:wrong@"))
        async with two(tmp_path, settings) as it, at_second(it, it.town.scout) as (listening, room):
            await hears(it, listening, room)
            await appears(caplog, "NATS cannot be reached", times=2)
    assert "wrong" not in caplog.text


async def test_rings_reach_others_gathered_and_nobody_hears_his_own_twice(server: str) -> None:
    with natsd.server(free_port()) as url:
        for kind, address in ((PostgresBell, server), (NatsBell, url)):
            await gathered(partial(kind, address, "thenvoi_test"))


async def gathered(carrier: Callable[[Bell], Carrier]) -> None:
    ours, theirs, all_heard = Bell(), Bell(), anyio.Event()
    mine: list[Topics] = []
    heard: list[Topics] = []

    def hear(topics: Topics) -> None:
        heard.append(topics)
        if topics and "999" in topics:
            all_heard.set()

    async with anyio.create_task_group() as tasks:
        for bell in (ours, theirs):
            connected = anyio.Event()
            stop = bell.listen(lambda topics, connected=connected: connected.set())  # type: ignore[misc]
            tasks.start_soon(carrier(bell).run)
            with anyio.fail_after(PATIENCE):
                await connected.wait()
            stop()
        ours.listen(mine.append)
        theirs.listen(hear)
        for nth in range(1000):
            ours.ring([str(nth)])
        with anyio.fail_after(PATIENCE):
            await all_heard.wait()
            theirs.ring(["back"])
            while ["back"] not in mine:  # noqa: ASYNC110 - and nothing of ours before it
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert len(mine) == 1001
    assert len(heard) < 20


async def test_without_the_client_of_nats_it_is_said_what_to_install(
    on_postgres: Switch, tmp_path: Path
) -> None:
    (tmp_path / "nats.py").write_text("raise ImportError")
    environ = {"PYTHONPATH": str(tmp_path), "THENVOI_PLATFORM_NATS": "nats://bus.example"}
    serving = [*PLATFORM, "serve", "--data", str(tmp_path / "data"), "--port", "0"]
    with anyio.fail_after(60):
        refused = await anyio.run_process(
            serving, check=False, env={**os.environ, **environ_of(tmp_path), **environ}
        )
    assert refused.returncode == 2
    said = " ".join(refused.stderr.decode().split())
    assert said.endswith("NATS needs the extra `nats`; install thenvoi-bridge[nats]")


@pytest.mark.parametrize("address", ["nats://me:hush@bus.example", "nats://hush@bus.example"])
async def test_a_password_or_token_of_nats_is_refused_in_a_command_line(tmp_path: Path, address: str) -> None:
    serving = [*PLATFORM, "serve", "--data", str(tmp_path), "--nats", address]
    with anyio.fail_after(60):
        refused = await anyio.run_process(serving, check=False)
    said = " ".join(refused.stderr.decode().split())
    assert refused.returncode == 2
    assert "THENVOI_PLATFORM_NATS, or into a file that THENVOI_PLATFORM_NATS_FILE names" in said
    assert "hush" not in said


async def appears(caplog: pytest.LogCaptureFixture, text: str, times: int = 1) -> None:
    with anyio.fail_after(PATIENCE):
        while caplog.text.count(text) < times:  # noqa: ASYNC110 - a log has no event for it
            await anyio.sleep(0.01)


async def test_what_was_pushed_at_one_node_is_delivered_for_all(on_postgres: Switch, tmp_path: Path) -> None:
    async with two(tmp_path) as it, at_second(it, it.town.scout) as (listening, room):
        said = await it.town.say(room, it.town.scout)
        await listening.event("message_created")
        with anyio.fail_after(PATIENCE):
            while await status_of(it.town, room, said) != "delivered":
                pass


async def status_of(town: Town, room: str, message: str) -> str | None:
    (shown,) = (await town.get(town.alice, f"/me/chats/{room}/messages"))["data"]
    assert shown["id"] == message
    status = shown["metadata"].get("delivery_status", {}).get(town.scout.id)
    return status and str(status["status"])


# Who is connected


async def is_online(base: str, it: Town, who: Somebody) -> bool:
    """What the owner is shown of an agent at a node."""
    async with httpx2.AsyncClient(headers=by(it.alice)) as http:
        peers = (await http.get(f"{base}/api/v1/me/peers", params={"page_size": 100})).json()["data"]
    (found,) = [peer["online"] for peer in peers if peer["id"] == who.id]
    return bool(found)


async def becomes(base: str, it: Town, who: Somebody, *, online: bool) -> None:
    with anyio.fail_after(PATIENCE):
        while await is_online(base, it, who) is not online:
            pass


async def test_both_nodes_show_who_is_connected_to_either(on_postgres: Switch, tmp_path: Path) -> None:
    async with two(tmp_path) as it:
        for here, there in ((it.first, it.second), (it.second, it.first)):
            async with line(here, it.town.scout):
                assert await is_online(here, it.town, it.town.scout)
                assert await is_online(there, it.town, it.town.scout)
                assert not await is_online(there, it.town, it.town.muse)
            await becomes(there, it.town, it.town.scout, online=False)
            assert not await is_online(here, it.town, it.town.scout)


@pytest.mark.parametrize("bells", [("PostgresBell",), ()], ids=["rung", "not rung"])
async def test_the_last_socket_of_an_agent_wins_on_whatever_node(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bells: tuple[str, ...]
) -> None:
    only(monkeypatch, *bells, polling=True)
    if bells:
        monkeypatch.setattr(nodes, "BEAT", math.inf)
    async with (
        two(tmp_path) as it,
        line(it.first, it.town.muse) as another,
        line(it.first, it.town.scout) as old,
    ):
        await old.join(f"agent_control:{it.town.scout.id}")
        async with line(it.second, it.town.scout) as new:
            code, ((_, _, topic, event, payload),) = await old.closed()
            assert (code, topic, event) == (1000, f"agent_control:{it.town.scout.id}", "supersede")
            assert payload["reason"] == "superseded"
            async with line(it.first, it.town.scout) as newest:
                assert await new.closed() == (1000, [])
                assert await newest.rest() == await another.rest() == []
                assert await is_online(it.second, it.town, it.town.scout)


async def test_an_agent_that_would_rather_be_refused_is_while_it_is_connected_anywhere(
    on_postgres: Switch, tmp_path: Path
) -> None:
    async with two(tmp_path) as it:
        query = {"api_key": it.town.scout.key, "on_conflict": "reject"}
        async with called(it.first, query) as first:
            for base in (it.first, it.second):
                answer = await answered(base, query)
                assert answer.status_code == 409
                assert json.loads(answer.body or b"")["error"]["code"] == "connection_conflict"
            assert await first.rest() == []
        for _ in range(3):
            async with called(it.first, query) as again:  # at the same node there is no moment in between
                assert await again.rest() == []
        await becomes(it.second, it.town, it.town.scout, online=False)
        async with called(it.second, query) as other:
            assert await other.rest() == []


async def test_of_many_at_both_nodes_who_would_rather_be_refused_one_is_let_in(
    on_postgres: Switch, tmp_path: Path
) -> None:
    async with two(tmp_path) as it:
        query = {"api_key": it.town.scout.key, "on_conflict": "reject"}
        statuses: list[int] = []
        decided, over = anyio.Event(), anyio.Event()

        def note(status: int) -> None:
            statuses.append(status)
            if len(statuses) == 20:
                decided.set()

        async def connect(base: str) -> None:
            try:
                async with called(base, query):
                    note(101)
                    await over.wait()
            except InvalidStatus as exc:
                note(exc.response.status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(connect, it.first)
                tasks.start_soon(connect, it.second)
            with anyio.fail_after(PATIENCE):
                await decided.wait()
            over.set()
    assert sorted(statuses) == [101] + [409] * 19


async def test_who_cannot_be_told_from_others_is_asked_to_come_again(
    on_postgres: Switch, tmp_path: Path
) -> None:
    async with two(tmp_path) as it:
        async with line(it.first, it.town.scout) as old:
            in_database(
                tmp_path,
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
                "CREATE TRIGGER t BEFORE UPDATE ON connections FOR EACH ROW EXECUTE FUNCTION fail()",
            )
            async with line(it.second, it.town.scout) as new:
                assert await new.closed() == (1012, [])
            assert await old.rest() == []
        in_database(tmp_path, "ALTER TABLE connections RENAME TO away")
        answer = await answered(it.second, {"api_key": it.town.scout.key})
        assert answer.status_code == 503
        assert json.loads(answer.body or b"")["error"]["code"] == "tracking_failed"


async def test_a_node_that_was_killed_is_forgotten_in_seconds(on_postgres: Switch, tmp_path: Path) -> None:
    address = tmp_path / "address"
    async with (
        world(tmp_path / "platform") as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        town = await town_on(here, http)
        query = {"api_key": town.scout.key, "on_conflict": "reject"}
        process = await anyio.open_process(
            [*PLATFORM, "serve", "--data", str(here.folder), "--port", "0", "--address-file", str(address)],
            env={**os.environ, **environ_of(here.folder)},
        )
        async with process:
            assert process.stderr
            with anyio.fail_after(PATIENCE):
                await process.stderr.receive()
            async with line(address.read_text(), town.scout):
                await becomes(here.url, town, town.scout, online=True)
                process.send_signal(signal.SIGKILL)
                before = anyio.current_time()
                await becomes(here.url, town, town.scout, online=False)
                assert anyio.current_time() - before < nodes.LEASE + 1
            async with called(here.url, query) as it:
                assert await it.rest() == []


def in_database(folder: Path, sql: str) -> list[Any]:
    with psycopg.connect(environ_of(folder)["THENVOI_PLATFORM_DATABASE"], autocommit=True) as db:
        cursor = db.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


async def test_others_delete_the_rows_of_a_node_that_is_long_dead(
    on_postgres: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "STEADY", 1)
    monkeypatch.setattr(nodes, "BEAT", 0.05)
    async with two(tmp_path):
        in_database(tmp_path, "INSERT INTO nodes VALUES ('dead', 1)")
        with anyio.fail_after(PATIENCE):
            while len(in_database(tmp_path, "SELECT id FROM nodes")) > 2:
                await anyio.lowlevel.checkpoint()
    assert in_database(tmp_path, "SELECT id FROM nodes") == []


async def test_a_node_that_was_taken_for_dead_has_its_sockets_come_back(
    on_postgres: Switch, tmp_path: Path
) -> None:
    async with two(tmp_path) as it:
        async with line(it.first, it.town.scout) as old, line(it.second, it.town.alice) as person:
            in_database(tmp_path, "DELETE FROM nodes")
            assert await old.closed() == (1012, [])
            assert await person.closed() == (1012, [])
        async with line(it.first, it.town.scout) as new:
            assert await new.rest() == []
            assert await is_online(it.second, it.town, it.town.scout)


# One pepper


OTHER = "b3RoZXIgcGVwcGVyIG90aGVyIHBlcHBlciBvdGhlciE="
"""Base64 of 32 bytes."""


async def command(folder: Path, data: Path, **environ: str) -> tuple[int, str]:
    """List the people of the platform of `folder` on a folder of one's own; exit code and what was said."""
    listing = [*PLATFORM, "user", "list", "--data", str(data), "--json"]
    with anyio.fail_after(60):
        done = await anyio.run_process(
            listing, check=False, env={**os.environ, **environ_of(folder), **environ}
        )
    return done.returncode, (done.stderr or done.stdout).decode()


async def test_a_node_with_another_pepper_is_refused_in_one_sentence(
    on_postgres: Switch, tmp_path: Path
) -> None:
    async with opened(tmp_path / "first"):
        pass
    for environ in ({}, {"THENVOI_PLATFORM_PEPPER": OTHER}):
        code, said = await command(tmp_path / "first", tmp_path / "second", **environ)
        assert code == 1
        assert said == (
            "Error: This database belongs to another pepper, with which its keys were made: start with "
            "the file `pepper`, or the THENVOI_PLATFORM_PEPPER, that the other nodes have\n"
        )
    code, said = await command(tmp_path / "first", tmp_path / "second", THENVOI_PLATFORM_PEPPER="short")
    assert code == 2
    assert "THENVOI_PLATFORM_PEPPER must be base64 of 32 bytes or more" in " ".join(said.split())


async def test_with_the_pepper_as_a_setting_no_folder_is_needed(on_postgres: Switch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{OTHER}\n")
    environ = {"THENVOI_PLATFORM_PEPPER_FILE": str(tmp_path / "secret")}
    assert await command(tmp_path, tmp_path / "none", **environ) == (0, "[]\n")
    assert not (tmp_path / "none").exists()


# The log


async def test_one_node_at_a_time_trims_the_log(on_postgres: Switch, tmp_path: Path) -> None:
    leading: list[bool] = []
    async with two(tmp_path) as it:
        ids = [row[0] for row in in_database(tmp_path, "SELECT id FROM nodes")]
        assert len(ids) == 2
        async with opened(tmp_path) as (db, _):
            for id in ids:
                node = nodes.Nodes(db, Bell(), Presence())
                node.id = id
                leading.append(await db.read(node.leads))
        assert await it.town.get(it.town.alice, "/me/profile")
    assert sorted(leading) == [False, True]
