"""A person, an agent of hers and a room with both, on a platform that the tests of a module share."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.world import Somebody, World, world
from thenvoi_bridge import client
from thenvoi_bridge.bridge import seat
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.listener import Listener, Pace

NUMBERS = count(1)
SOON = Pace(backoff=(0.0, 0.1), cut=(0.0, 0.1), restart=(0.0, 0.1))


@dataclass(frozen=True)
class Scene:
    """Alice owns the agent Scout and the room with the two of them. Nobody else is in her organisation."""

    here: World
    alice: Somebody
    scout: Somebody
    room: ChatRoom
    organization: str


async def played(here: World) -> Scene:
    organization = f"Acme{next(NUMBERS)}"
    alice = await here.person(organization=organization)
    scout = await here.agent(alice, "Scout")
    return Scene(here, alice, scout, await here.room(alice, scout), organization)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """A platform that is not stopped."""
    async with world(tmp_path_factory.mktemp("town") / "platform") as it:
        yield it


@pytest.fixture
async def scene(town: World) -> Scene:
    return await played(town)


@pytest.fixture
async def island(here: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The same on a platform of one's own, which may be stopped; it is back at once when it comes back."""
    monkeypatch.setattr(seat, "Listener", partial(Listener, pace=SOON))
    monkeypatch.setattr(client, "_FIRST_PAUSE", 0.01)
    return await played(here)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The bridge's folder; nothing is in it yet."""
    return tmp_path / "state"


@pytest.fixture
async def inbox(state: Path) -> AsyncGenerator[Inbox]:
    """An inbox with nothing in it."""
    owner = Owner.start(state)
    inbox = await Inbox.open(state, owner)
    yield inbox
    await inbox.close()
    owner.close()
