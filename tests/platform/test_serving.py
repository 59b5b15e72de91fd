"""A platform on a port: where it listens, what it says about that, and how it ends."""

import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import Process
from starlette.types import Receive, Scope, Send

from tests.home import environ_of, opened, served, settings_of
from tests.platform.line import called
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.serving import Watched, publish, serve
from thenvoi_bridge.ports import PortTaken, address, bind


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def test_port_0_takes_a_free_one() -> None:
    with bind("127.0.0.1", 0) as one, bind("127.0.0.1", 0) as other:
        assert port_of(one) != port_of(other)
        assert address(one) == f"http://127.0.0.1:{port_of(one)}"


def test_an_address_of_the_new_internet_stands_in_brackets() -> None:
    with bind("::1", 0) as listener:
        assert address(listener) == f"http://[::1]:{port_of(listener)}"


def test_a_port_is_taken_before_anything_is_served_on_it() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = port_of(taken)
        with pytest.raises(PortTaken, match=f"127.0.0.1 port {port}: Address already in use. Choose another"):
            bind("127.0.0.1", port)
    bind("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("203.0.113.1", 0), ("no.such.invalid", 0)]
)
def test_an_address_that_cannot_be_is_said_in_a_sentence(host: str, port: int) -> None:
    with pytest.raises(PortTaken, match=f"^Cannot listen on {host} port {port}: .+\\. Choose another --port"):
        bind(host, port)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio turns Nagle's algorithm off only where the socket says that it is TCP."""
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_is_published_whole(tmp_path: Path) -> None:
    path = tmp_path / "address"
    for url in ("http://127.0.0.1:4000", "http://127.0.0.1:1"):
        publish(path, url)
        assert path.read_text() == url
    assert list(tmp_path.iterdir()) == [path]


async def test_nobody_is_idle_while_a_request_is_open() -> None:
    inside, over = anyio.Event(), anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inside.set()
        await over.wait()
        raise LookupError

    async def receive() -> dict[str, str]:
        return {}

    async def send(message: object) -> None: ...

    async def request() -> None:
        with pytest.raises(LookupError):
            await watched({}, receive, send)

    watched = Watched(app)
    assert watched.idle >= 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(request)
        await inside.wait()
        assert watched.idle == 0
        over.set()
    before = anyio.current_time()
    while anyio.current_time() == before:
        await anyio.lowlevel.checkpoint()
    assert watched.idle > 0


async def test_a_platform_that_nobody_uses_ends_by_itself(tmp_path: Path) -> None:
    ready: list[str] = []
    with anyio.fail_after(20):
        await serve(tmp_path, bind("127.0.0.1", 0), settings_of(tmp_path), ready=ready.append, idle_exit=0.01)
    (url,) = ready
    async with httpx2.AsyncClient() as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"{url}/version")


async def test_an_open_socket_is_use(tmp_path: Path) -> None:
    async with opened(tmp_path) as (db, keys):
        new = await administer(db, keys, partial(add_user, email="a@b.example", name="A", organization="O"))
    async with served(tmp_path, bind("127.0.0.1", 0)) as platform:
        async with called(platform.url, {"api_key": new["api_key"]}) as it:
            assert await it.rest() == []
            assert platform.app.idle == 0
            assert await it.rest() == []
            assert platform.app.idle == 0
        with anyio.fail_after(10):
            while platform.app.idle == 0:
                await anyio.lowlevel.checkpoint()


async def test_a_server_that_is_left_lets_its_port_go(tmp_path: Path) -> None:
    listener = bind("127.0.0.1", 0)
    port = port_of(listener)
    async with served(tmp_path, listener) as platform, httpx2.AsyncClient() as http:
        assert platform.url == f"http://127.0.0.1:{port}"
        assert (await http.get(f"{platform.url}/version")).status_code == 200
    assert platform.ended.is_set()
    bind("127.0.0.1", port).close()


# The command


@asynccontextmanager
async def started(*args: str, **environ: str) -> AsyncGenerator[Process]:
    """`platform serve` as a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "thenvoi_bridge", "platform", "serve", *args]
    process = await anyio.open_process(command, env={**os.environ, "NO_COLOR": "1", **environ})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def errors(process: Process) -> str:
    """All that a process says on stderr until it ends."""
    assert process.stderr
    with anyio.fail_after(30):
        said = b"".join([part async for part in process.stderr])
        await process.wait()
    return said.decode()


@pytest.mark.parametrize(("how", "codes"), [(signal.SIGTERM, {-15, 0, 143}), (signal.SIGINT, {0, 1, 130})])
async def test_serving_from_the_command_line(tmp_path: Path, how: signal.Signals, codes: set[int]) -> None:
    where = tmp_path / "address"
    args = ("--data", str(tmp_path / "data"), "--port", "0", "--address-file", str(where))
    async with started(*args, **environ_of(tmp_path / "data")) as process:
        assert process.stderr
        with anyio.fail_after(30):
            hello = (await process.stderr.receive()).decode()
        url = where.read_text()
        assert hello == f"Thenvoi platform on {url} (Ctrl-C ends it)\n"
        async with httpx2.AsyncClient() as http:
            assert (await http.get(f"{url}/api/v1/health")).json()["status"] == "ok"
        process.send_signal(how)
        said = await errors(process)
        assert "Traceback" not in said
        assert len([line for line in said.splitlines() if "platform.requests" not in line]) <= 1
        assert process.returncode in codes


@pytest.mark.parametrize("port", ["taken", "70000"])
async def test_a_port_that_cannot_be_had_is_said_in_one_line(tmp_path: Path, port: str) -> None:
    with bind("127.0.0.1", 0) as taken:
        asked = str(port_of(taken)) if port == "taken" else port
        async with started("--data", str(tmp_path / "data"), "--port", asked) as process:
            said = await errors(process)
            assert process.returncode == 1
    assert said.startswith(f"Error: Cannot listen on 127.0.0.1 port {asked}: ")
    assert said.count("\n") == 1


async def test_serving_is_quiet_about_its_own_machinery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(tmp_path, bind("127.0.0.1", 0)):
        pass
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
