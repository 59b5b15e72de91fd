"""One browser and one platform for all of this folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.async_api import Browser

from tests.console.browser import chromium
from tests.world import Somebody, World, world


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as it:
        yield it


@dataclass(frozen=True)
class Street:
    """A platform with Alice and Bob of one organisation, and an agent of Alice's."""

    here: World
    alice: Somebody
    bob: Somebody
    scout: Somebody


@pytest.fixture
async def street() -> AsyncGenerator[Street]:
    with TemporaryDirectory() as folder:
        async with world(Path(folder) / "platform") as here:
            alice, bob = await here.person("Alice Doe"), await here.person("Bob Roe")
            yield Street(here, alice, bob, await here.agent(alice, "Scout"))
