"""What is thrown at a hosted bridge meets the right answer, and nobody else notices much of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio
import pytest

from tests.hosting.server import serving
from tests.hosting.team import host, live, read
from tests.overload import bombs
from tests.overload.bombs import BOMBS, Bomb, Target
from tests.world import world


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_every_bomb_meets_what_it_should_and_the_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bombs, "PATIENCE", 0.5)
    met: dict[str, Counter[str]] = {name: Counter() for name in BOMBS}

    async def throw(name: str, bomb: Bomb, at: Target) -> None:
        met[name][await bomb(at)] += 1

    async with world(tmp_path / "platform") as here, serving(here, tmp_path, "--sse") as server:
        alice = await here.person()
        bomber, victim = await here.agent(alice, "Bomber"), await here.agent(alice, "Victim")
        async with host(server, victim.key) as llm:
            await live(llm)
            for name, (bomb, _) in BOMBS.items():
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(throw, name, bomb, Target(server.url, bomber.key))
                assert (await read(llm, "thenvoi://status"))["connection"] == "live"
        said = server.log.read_text()
    print({name: dict(found) for name, found in met.items()})
    assert {name: {*found} - BOMBS[name][1] for name, found in met.items()} == {name: set() for name in BOMBS}
    assert "Traceback" not in said, said
    assert bomber.key not in said
