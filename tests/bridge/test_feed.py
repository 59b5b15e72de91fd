"""The feed: each message once in a file of the user's, whatever becomes of the file or of a bridge."""

import json
import os
import resource
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, Desk, live
from tests.inbox.disks import disk_under
from tests.world import say
from thenvoi_bridge.bridge import delivery, feed
from thenvoi_bridge.bridge.delivery import fan_out
from thenvoi_bridge.bridge.feed import Feed, Refused, append, check
from thenvoi_bridge.inbox import ladder
from thenvoi_bridge.inbox.ladder import Rung


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.jsonl"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "QUIET", 0.01)
    monkeypatch.setattr(delivery, "ESCALATE", 0.1)


@asynccontextmanager
async def fed(scene: Scene, state: Path, path: Path) -> AsyncGenerator[Desk]:
    """A host whose bridge has a feed."""
    async with live(scene.here, scene.scout, state) as host, anyio.create_task_group() as tasks:
        tasks.start_soon(fan_out, host.session, [Feed(host.session, path, state / "feed.lock")])
        yield host
        tasks.cancel_scope.cancel()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def until(so: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            if so():
                return
            await anyio.sleep(0.02)


async def written(path: Path, *ids: str) -> list[dict[str, Any]]:
    """Wait until the feed has these, and nothing else."""
    await until(lambda: [line["id"] for line in lines(path)] == [*ids])
    return lines(path)


async def noted(host: Desk, id: str, path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            shown = await host.seat.inbox.ledger.of(id)
            if (Rung.FEED, str(path)) in [(past.rung, past.session) for past in shown]:
                return
            await anyio.sleep(0.01)


async def test_what_a_person_says_is_a_line_of_the_feed_that_only_this_account_can_read(
    scene: Scene, state: Path, path: Path
) -> None:
    async with fed(scene, state, path) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "look\nhere")
        (line,) = await written(path, sent.id)
        await noted(host, sent.id, path)
        (item,) = await host.seat.inbox.get([sent.id])
    assert line["content"].endswith("look\nhere")
    assert (line["agent"], line["platform"], line["rung"]) == (scene.scout.handle, scene.here.url, "feed")
    assert item.state == "ready"  # to be written is not to be delivered
    assert os.stat(path).st_mode & 0o777 == 0o600


async def test_of_several_bridges_one_writes_each_message_and_a_later_one_none_again(
    scene: Scene, state: Path, path: Path
) -> None:
    async with fed(scene, state, path), fed(scene, state, path) as host:
        ids = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(5)]
        await host.unread(5)
        await written(path, *ids)
        for id in ids:
            await noted(host, id, path)
    async with fed(scene, state, path):
        last = await say(scene.alice, scene.room, scene.scout, "another")
        await written(path, *ids, last.id)


async def test_what_a_higher_rung_has_shown_is_written_only_once_nobody_took_it_in_time(
    scene: Scene, state: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        taken = await say(scene.alice, scene.room, scene.scout, "take this")
        left = await say(
            scene.alice, await scene.here.room(scene.alice, scene.scout), scene.scout, "not this"
        )
        await host.unread(2)
        now = ladder.ESCALATE
        for id in (taken.id, left.id):
            await host.seat.inbox.ledger.note(Rung.CHANNEL, "s", [id], time.time())
        it = Feed(host.session, path, state / "feed.lock")
        await it.look()
        assert lines(path) == []
        await host.shown("inbox_wait", chat_id=scene.room.id)
        monkeypatch.setattr(ladder, "ESCALATE", now / 1e6)
        await it.look()
        await written(path, left.id)


async def test_a_folder_that_comes_later_gets_what_was_missed_and_nothing_else_suffers(
    scene: Scene, state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "later" / "feed.jsonl"
    async with fed(scene, state, path) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        assert [m["id"] for m in (await host.shown("inbox_read"))["messages"]] == [sent.id]
        await until(lambda: "the feed cannot be written" in caplog.text)
        path.parent.mkdir()
        await written(path, sent.id)
    assert caplog.text.count("the feed cannot be written") == 1


async def test_an_inbox_that_cannot_be_written_does_not_make_it_say_everything_again_and_again(
    scene: Scene, state: Path, path: Path
) -> None:
    with disk_under(state) as disk:
        async with live(scene.here, scene.scout, state) as host:
            sent = await say(scene.alice, scene.room, scene.scout, "hi")
            await host.unread(1)
            it = Feed(host.session, path, state / "feed.lock")
            disk.full = True
            for _ in range(3):
                await it.look()
            await written(path, sent.id)
            disk.full = False
            await it.look()
            await written(path, sent.id)
            await noted(host, sent.id, path)


def test_a_full_file_becomes_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST", 100)
    before = path.with_name("feed.jsonl.1")
    for letter in "abcd":
        append(path, [letter * 39])
    assert [path.read_text()[:1], before.read_text()[:1]] == ["c", "a"]
    append(path, ["e" * 200])
    assert [path.read_text(), before.read_text()[:1]] == ["e" * 200 + "\n", "c"]
    assert {os.stat(p).st_mode & 0o777 for p in (path, before)} == {0o600}


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_no_half_line_is_left_where_there_is_no_room(path: Path) -> None:
    append(path, ["first"])
    with no_room_beyond(10), pytest.raises(OSError, match="large"):
        append(path, ["second"])
    assert path.read_text() == "first\n"
    append(path, ["second"])
    assert path.read_text() == "first\nsecond\n"


def link(path: Path) -> str:
    path.symlink_to(path.with_name("elsewhere"))
    return "is a link"


def folder(path: Path) -> str:
    path.mkdir()
    return "is no file"


def pipe(path: Path) -> str:
    os.mkfifo(path)
    return "is no file"


def readable(path: Path) -> str:
    path.touch()
    path.chmod(0o640)
    return "chmod 600"


def writable(path: Path) -> str:
    path.touch()
    path.chmod(0o602)
    return "chmod 600"


@pytest.mark.parametrize("make", [link, folder, pipe, readable, writable], ids=lambda make: make.__name__)
def test_a_file_that_is_none_or_open_to_others_is_refused(path: Path, make: Any) -> None:
    said = make(path)
    for use in (check, lambda path: append(path, ["x"])):
        with pytest.raises(Refused, match=said):
            use(path)
    assert not path.with_name("elsewhere").exists()


def test_a_file_that_cannot_be_made_yet_is_no_reason_not_to_start(tmp_path: Path) -> None:
    check(tmp_path / "nowhere" / "feed.jsonl")
