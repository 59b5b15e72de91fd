"""An inbox of each kind there is, and as many hosts on it as a test starts, each with a sign of life."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from tests import postgres
from tests.inbox.hosts import Host, living
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import postgres as storage_postgres

Start = Callable[[], Awaitable[Host]]
Open = Callable[[], Awaitable[Inbox]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is true of an inbox is true of a file and on Postgres. A test that has the folder or a mark of its
    own is about a file.
    """
    if "place" in metafunc.fixturenames:
        on_postgres = pytest.param("postgres", marks=pytest.mark.thorough)
        marked = any(map(metafunc.definition.get_closest_marker, ("sqlite", "thorough")))
        of_a_file = marked or "folder" in inspect.signature(metafunc.function).parameters
        metafunc.parametrize("place", ["file"] if of_a_file else ["file", on_postgres], indirect=True)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "agent"


@pytest.fixture
def place(request: pytest.FixtureRequest, folder: Path) -> Path | str:
    """A folder, or the address of a Postgres."""
    return folder if request.param == "file" else postgres.fresh(request.getfixturevalue("server"))


@pytest.fixture
async def start(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Starts a host, for a test that lets it die."""
    monkeypatch.setattr(storage_postgres, "READERS", 1)  # each would have a connection
    async with anyio.create_task_group() as tasks, AsyncExitStack() as ends:

        async def start_one() -> Host:
            host = await (Host.start(place) if isinstance(place, Path) else tasks.start(living, place))
            ends.push_async_callback(host.die)
            return host

        yield start_one


@pytest.fixture
async def another(start: Start) -> Open:
    async def open_one() -> Inbox:
        return (await start()).inbox

    return open_one


@pytest.fixture
async def inbox(another: Open) -> Inbox:
    return await another()
