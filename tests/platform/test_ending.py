"""How a platform says that it serves, and how it ends: in steps, and nobody who is served is cut off."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import Process
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.home import environ_of, opened
from tests.platform.line import PATIENCE, Line, called, line
from tests.platform.town import Town
from tests.world import say, world
from thenvoi_bridge.platform import ending
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import running
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.openapi.document import document
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Database


@pytest.mark.parametrize(("path", "answer"), [("/healthz", "ok"), ("/readyz", "ready")])
async def test_health_is_told_without_a_key_and_is_not_of_the_api(town: Town, path: str, answer: str) -> None:
    told = await town.http.get(f"{town.here.url}{path}")
    assert (told.status_code, told.text) == (200, answer)
    assert path not in document()["paths"]


async def test_without_a_database_it_lives_and_is_not_ready(db: Database) -> None:
    async with running(db, Site(Keys(b"pepper"))) as app:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as http:
            assert (await http.get("/readyz")).status_code == 200
            await db.close()
            told = await http.get("/readyz")
            assert (told.status_code, told.text) == (503, "no database")
            assert (await http.get("/healthz")).status_code == 200


class Held:
    """The app; its requests wait for `go` before they are answered."""

    def __init__(self) -> None:
        self.inside, self.go = anyio.Event(), anyio.Event()

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def held(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/version":
                self.inside.set()
                await self.go.wait()
            await app(scope, receive, send)

        return held


async def test_a_request_that_is_under_way_comes_to_its_end(tmp_path: Path) -> None:
    held, answers = Held(), list[int]()
    async with world(tmp_path, around=held) as here, httpx2.AsyncClient() as http:

        async def ask() -> None:
            answers.append((await http.get(f"{here.url}/version")).status_code)

        async with anyio.create_task_group() as tasks, line(here.url, await here.person()) as it:
            tasks.start_soon(ask)
            await held.inside.wait()
            tasks.start_soon(here.stop)
            assert await it.closed() == (1012, [])
            held.go.set()
    assert answers == [200]


@pytest.mark.thorough
async def test_what_a_socket_has_heard_is_sent_before_the_end(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        async with line(here.url, alice) as slow, anyio.create_task_group() as tasks:
            await slow.join(f"chat_room:{room.id}")
            slow.ws.transport.pause_reading()
            said = [(await say(alice, room, scout, "x" * 100_000)).id for _ in range(80)]
            tasks.start_soon(here.stop)
            with anyio.fail_after(PATIENCE):
                while await accepts(here.url):
                    await anyio.lowlevel.checkpoint()
            slow.ws.transport.resume_reading()
            code, frames = await slow.closed()
    assert [frame[4]["id"] for frame in frames] == said
    assert code == 1012


async def accepts(url: str) -> bool:
    """Whether connections are taken there."""
    try:
        async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])):
            return True
    except OSError:
        return False


@pytest.mark.thorough
async def test_many_sockets_are_closed_one_after_another_and_the_others_hear_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "AT_ONCE", 4)
    ends: list[list[str]] = []

    async with world(tmp_path, Platform(drain=3)) as here, AsyncExitStack() as stack:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        room = await here.room(alice, scout)
        first = anyio.Event()

        async def hear(it: Line) -> None:
            code, frames = await it.closed()
            assert code == 1012
            ends.append([frame[4]["id"] for frame in frames])
            first.set()

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                it = await stack.enter_async_context(line(here.url, alice))
                await it.join(f"chat_room:{room.id}")
                tasks.start_soon(hear, it)
            before = (await say(alice, room, scout, "before")).id
            tasks.start_soon(here.stop)
            await first.wait()
            after = (await say(alice, room, scout, "after")).id
    assert ends[0] == [before]
    assert ends[-1] == [before, after]


# The command


@asynccontextmanager
async def serving(data: Path, *args: str) -> AsyncGenerator[tuple[Process, str]]:
    """`platform serve` as a process of its own, and its address."""
    where = data / "address"
    command = [sys.executable, "-m", "thenvoi_bridge", "platform", "serve", "--data", str(data)]
    command += ["--port", "0", "--address-file", str(where), *args]
    async with await anyio.open_process(command, env={**os.environ, **environ_of(data)}) as process:
        assert process.stderr
        with anyio.fail_after(30):
            while b"Ctrl-C" not in await process.stderr.receive():
                pass
        yield process, where.read_text()
        with anyio.fail_after(30):
            assert await process.wait() == 0


async def key_of_somebody(data: Path) -> str:
    async with opened(data) as (db, keys):
        add = partial(add_user, email="a@b.example", name="A", organization="O")
        return str((await administer(db, keys, add))["api_key"])


@pytest.mark.thorough
async def test_a_platform_that_is_told_to_end_says_so_and_serves_until_proxies_have_noticed(
    tmp_path: Path,
) -> None:
    key = await key_of_somebody(tmp_path)
    async with (
        serving(tmp_path, "--notice", "600") as (process, url),
        httpx2.AsyncClient() as http,
        called(url, {"api_key": key}) as it,
    ):
        process.terminate()
        with anyio.fail_after(PATIENCE):
            while (told := await http.get(f"{url}/readyz")).status_code == 200:
                pass
        assert told.text == "ending"
        mine = await http.get(f"{url}/api/v1/me/profile", headers={"X-API-Key": key})
        assert mine.status_code == 200
        assert await it.rest() == []
        process.send_signal(signal.SIGTERM)  # ten minutes are not waited for
        assert await it.closed() == (1012, [])


@pytest.mark.thorough
async def test_a_second_signal_ends_requests_too(tmp_path: Path) -> None:
    key = await key_of_somebody(tmp_path)
    head = f"POST /api/v1/me/chats HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 9\r\n\r\n"
    async with serving(tmp_path) as (process, url):
        port = int(url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as half:
            await half.send(head.encode())
            async with called(url, {"api_key": key}) as it:
                process.terminate()
                assert await it.closed() == (1012, [])
            process.terminate()
            with anyio.fail_after(2):
                await process.wait()
