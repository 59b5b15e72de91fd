"""Waiting for something to see in inboxes that other processes work on, come and go."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.inbox.hosts import Host
from tests.inbox.mentions import PATIENCE, mention
from tests.system.shell import until
from thenvoi_bridge.inbox import marks, repair, watching
from thenvoi_bridge.inbox.found import Found
from thenvoi_bridge.inbox.trouble import File
from thenvoi_bridge.inbox.watching import Watch


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "TICK", 0.01)
    monkeypatch.setattr(watching, "SEARCH", 0.02)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def start(state: Path, name: str) -> Host:
    host = await Host.start(state / "agents" / name)
    await host.inbox.board.introduce({"platform": "https://x", "id": name, "handle": f"alice/{name}"})
    return host


class Eyes:
    """Looks for messages, and counts how often it had to."""

    def __init__(self) -> None:
        self.looks = 0
        self.seen: list[str] = []
        self.looked = anyio.Event()

    async def __call__(self, found: Found) -> bool:
        self.looks += 1
        self.looked.set()
        page = await found.inbox.page(None, None, 9)
        self.seen += [item.id for item in page.items]
        return bool(page.items)


async def test_what_is_there_is_seen_at_once_and_nothing_is_looked_for_any_more(state: Path) -> None:
    host = await start(state, "scout")
    await host.inbox.put([mention("m1")])
    eyes = Eyes()
    assert await Watch(state, None, eyes).until_seen(PATIENCE)
    assert (eyes.seen, eyes.looks) == (["m1"], 1)
    await host.die()


async def test_it_looks_again_when_something_has_changed_or_time_has_passed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await start(state, "scout")
    eyes = Eyes()
    assert not await Watch(state, None, eyes).until_seen(0.3)
    assert eyes.looks <= 2  # the folder is new, and so is the file
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Watch(state, None, eyes).until_seen, PATIENCE)
        await host.inbox.put([mention("m1")])
    assert eyes.seen == ["m1"]
    monkeypatch.setattr(watching, "ESCALATE", 0.02)
    await host.inbox.end(["m1"], "processed", None, 1.0)
    eyes = Eyes()
    assert not await Watch(state, None, eyes).until_seen(0.5)
    assert eyes.looks > 4
    await host.die()


async def test_an_inbox_that_comes_later_is_looked_into_and_that_of_another_agent_is_not(state: Path) -> None:
    eyes = Eyes()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Watch(state, "alice/writer", eyes).until_seen, PATIENCE)
        scout, writer = await start(state, "scout"), await start(state, "writer")
        await scout.inbox.put([mention("m1")])
        await writer.inbox.put([mention("m2")])
    assert eyes.seen == ["m2"]
    for host in (scout, writer):
        await host.die()


async def test_a_file_that_is_set_aside_is_left_for_the_new_one(state: Path) -> None:
    host = await start(state, "scout")
    eyes = Eyes()
    watch = Watch(state, None, eyes)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.until_seen, PATIENCE)
        await eyes.looked.wait()
        await repair.set_aside(File.at(state / "agents" / "scout" / "inbox.db"))
        await host.die()
        host = await start(state, "scout")
        await host.inbox.put([mention("m1")])
    assert eyes.seen == ["m1"]
    assert watch.unusable == {}
    await host.die()


async def test_one_that_cannot_be_used_is_named_and_hides_no_other(state: Path) -> None:
    (folder := state / "agents" / "broken").mkdir(parents=True)
    (folder / "inbox.db").write_bytes(b"this is no database" * 400)
    eyes = Eyes()
    watch = Watch(state, None, eyes)
    assert not await watch.until_seen(0.3)
    assert [*watch.unusable] == [folder]
    host = await start(state, "scout")
    await host.inbox.put([mention("m1")])
    assert await watch.until_seen(PATIENCE)
    assert eyes.seen == ["m1"]
    await host.die()


async def test_it_looks_again_when_what_else_a_look_depends_on_has_changed(state: Path) -> None:
    host = await start(state, "scout")
    eyes, depends = Eyes(), ["this"]
    watch = Watch(state, None, eyes, lambda: tuple(depends))
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.until_seen, PATIENCE)
            await eyes.looked.wait()
            eyes.looked = anyio.Event()
            depends.append("that")
            await eyes.looked.wait()
            tasks.cancel_scope.cancel()
    assert eyes.looks == 2
    await host.die()


async def test_an_inbox_may_get_the_mark_that_is_looked_for_later(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ESCALATE", 0.05)
    host, wanted = await start(state, "scout"), marks.mark("a new key")
    await host.inbox.put([mention("m1")])
    procs = anyio.Path(state / "agents" / "scout" / "procs")
    eyes = Eyes()

    async def has_been_there() -> bool:
        ids = [lock.stem async for lock in procs.glob("*.lock")]
        return not all(map(host.owner.alive, ids))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Watch(state, wanted, eyes).until_seen, PATIENCE)
            await until(has_been_there)
            marks.put(state / "agents" / "scout", wanted)
    assert eyes.seen == ["m1"]
    await host.die()
