"""A damaged inbox is found out, set aside once, followed by a fresh one; what is not ours is left alone."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from tests.inbox.disks import disk_under, disk_without_shared_memory
from tests.inbox.hosts import WALL, bury, finish, ids, order, state
from tests.inbox.mentions import NOW, PATIENCE, Process, as_kept, mention
from thenvoi_bridge.inbox import repair
from thenvoi_bridge.inbox.core import OPEN, State
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.privacy import private_folder
from thenvoi_bridge.inbox.shelf import Shelf
from thenvoi_bridge.inbox.soundness import MIGRATIONS
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.inbox.trouble import Damaged, File, Trouble, found_in
from thenvoi_bridge.storage import Database, Tx
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite

pytestmark = pytest.mark.sqlite

LATER = NOW + 10_000
OPENED = [f"m{n}" for n in range(5, 30)]
"""What the platform calls unprocessed; `fill` leaves it open."""


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Inbox]:
    owner = Owner.start(folder)
    try:
        inbox = await Inbox.open(folder, owner)
        try:
            yield inbox
        finally:
            await inbox.close()
    finally:
        owner.close()


async def fill(folder: Path) -> bytes:
    """An inbox with something in every state; return its file."""
    async with opened(folder) as inbox:
        await inbox.put([mention(f"m{n}", f"room{n % 3}", n) for n in range(30)], {"room1": "Tea"})
        await finish(inbox, "m0", "m3")
        await bury(inbox, "m1")
        await inbox.end(["m2", "m4"], "processed", None, NOW)
        await inbox.lease("room2", 3, NOW)
        await inbox.outbox.say(order("on its way"), NOW)
        await inbox.board.entered("room1", "Tea")
        await inbox.tidy(WALL)
        await inbox.tidy(WALL + 90_000)
    return (folder / "inbox.db").read_bytes()


async def use(folder: Path) -> None:
    """Do all that a bridge does, and lose nothing of what the platform calls unprocessed."""
    async with opened(folder) as inbox:
        await inbox.page(None, None, 99, set(State))
        await inbox.to_tell(LATER)
        await inbox.outbox.adopt(LATER)
        await inbox.board.rooms()
        for room in range(3):
            listed = [mention(id, f"room{room}", n) for n, id in enumerate(OPENED, 5) if n % 3 == room]
            await inbox.sweep(f"room{room}", listed, await inbox.seq())
            await inbox.lease(f"room{room}", 99, LATER)
        await inbox.tidy(WALL)
        assert {item.state for item in await inbox.get(OPENED)} <= OPEN
        assert len(await inbox.get(OPENED)) == len(OPENED)


async def damage_of(folder: Path) -> Damaged:
    with pytest.raises(Damaged) as caught:
        await use(folder)
    return caught.value


def aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("inbox.db.damaged-*Z"))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("inbox.db*"))


# Found out


def spoil(folder: Path, damaged: bytes) -> None:
    folder.mkdir()
    (folder / "inbox.db").write_bytes(damaged)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda sound: random.Random(1).randbytes(len(sound)),
        lambda sound: b"\0" * len(sound),
        lambda sound: b"this is no database" * 1000,
        lambda sound: sound[:100],
        lambda sound: sound[: len(sound) // 2],
        lambda sound: sound[:-1],
        lambda sound: sound[:-4096],
        lambda sound: sound[:8192] + b"\0" * 4096 + sound[12288:],
        lambda sound: sound.replace(b"ready", b"reaey"),
        lambda sound: sound.replace(b"sender_id", b"sendes_id"),
        lambda sound: sound.replace(b"lease_until", b"lease_umtil"),
        lambda sound: sound.replace(b"the secret of m2", b"the secret of \xff\xff"),
        lambda sound: sound[:18] + b"\x09\x09" + sound[20:],
    ],
    ids=[
        "random",
        "zeros",
        "text",
        "the header alone",
        "half",
        "a byte short",
        "a page short",
        "a page of zeros",
        "no state",
        "no message",
        "no column",
        "no text",
        "a version of tomorrow's SQLite",
    ],
)
async def test_a_damaged_inbox_is_set_aside_as_it_is_and_a_fresh_one_takes_its_place(
    folder: Path, tmp_path: Path, spoilt: Callable[[bytes], bytes]
) -> None:
    sound = await fill(folder)
    damaged = spoilt(sound)
    assert damaged != sound
    spoil(other := tmp_path / "other", damaged)
    error = await damage_of(other)
    assert error.code == "inbox_damaged"
    assert str(other) not in error.reason
    kept = await repair.set_aside(error.file)
    assert kept is not None
    assert [kept] == aside(other)
    assert kept.stat().st_size == len(damaged)
    await use(other)
    assert aside(other) == [kept]


@pytest.mark.parametrize("left", [0, 1])
async def test_of_a_file_with_next_to_nothing_in_it_a_new_one_is_made(folder: Path, left: int) -> None:
    sound = await fill(folder)
    (folder / "inbox.db").write_bytes(sound[:left])
    await use(folder)


async def test_whoever_was_killed_when_he_had_only_begun_to_make_one_has_done_no_damage(
    folder: Path,
) -> None:
    private_folder(folder)
    db = await open_sqlite(folder / "inbox.db")
    with pytest.raises(ZeroDivisionError):
        await migrate(Killed(db), MIGRATIONS)
    await db.close()
    await use(folder)
    assert aside(folder) == []


class Killed:
    """A database that takes one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._left = 1
        self.read, self.version, self.close = db.read, db.version, db.close

    async def write(self, work: Callable[[Tx], Any]) -> Any:
        self._left = 1 // self._left - 1
        return await self._db.write(work)


async def check_flips(folder: Path, tmp_path: Path, offsets: Iterable[int], seed: int) -> dict[bool, int]:
    """Change a byte at each offset; count whether that was damage."""
    sound, rng = await fill(folder), random.Random(seed)
    seen = {True: 0, False: 0}
    for nth, offset in enumerate(offsets):
        at = offset % len(sound)
        damaged = bytearray(sound)
        damaged[at] ^= rng.randrange(1, 256)
        other = tmp_path / f"{nth}"
        spoil(other, bytes(damaged))
        with anyio.fail_after(PATIENCE):
            seen[found := await set_aside_if_damaged(other)] += 1
            if found:
                await use(other)
    return seen


async def set_aside_if_damaged(folder: Path) -> bool:
    """Use an inbox, whatever its state; whether it had to be set aside."""
    try:
        await use(folder)
    except Damaged as error:
        return await repair.set_aside(error.file) is not None
    return False


async def test_any_byte_of_the_header_may_be_wrong(folder: Path, tmp_path: Path) -> None:
    seen = await check_flips(folder, tmp_path, range(0, 100, 3), seed=1)
    assert seen[True] > 5


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_any_byte_at_all_may_be_wrong(folder: Path, tmp_path: Path) -> None:
    rng = random.Random(2)
    offsets = [*range(200), *(rng.randrange(1 << 30) for _ in range(1000))]
    seen = await check_flips(folder, tmp_path, offsets, seed=2)
    print(f"of {len(offsets)} wrong bytes {seen[True]} were found out, {seen[False]} did no harm")
    assert seen[True] > 50


@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
async def test_a_killed_bridge_whose_file_or_log_is_spoilt_loses_nothing(
    folder: Path, tmp_path: Path, part: str
) -> None:
    async with opened(folder) as inbox:
        await inbox.put([mention("m1"), mention("m2", minute=1)])
        other = tmp_path / "other"
        other.mkdir()
        for each in ("", "-wal", "-shm"):  # as they lie there when the process is killed
            (other / f"inbox.db{each}").write_bytes((folder / f"inbox.db{each}").read_bytes())
    spoilt = other / f"inbox.db{part}"
    spoilt.write_bytes(random.Random(3).randbytes(spoilt.stat().st_size))
    await set_aside_if_damaged(other)
    async with opened(other) as inbox:
        await inbox.sweep("room", [mention("m1"), mention("m2", minute=1)], 0)
        assert [id for id in ids(await inbox.lease("room", 9, LATER)) if id in ("m1", "m2")] == ["m1", "m2"]


async def test_an_index_that_hides_a_message_is_damage(folder: Path) -> None:
    async with opened(folder) as inbox:
        await inbox.put([mention("m1")])
    rename = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'ready', 'READY')"
    where = " WHERE name = 'inbox_waiting'"
    change(folder, rename + where)
    change(folder, "UPDATE inbox SET id = 'm2', sent_at = '2026'")
    change(folder, rename.replace("'ready', 'READY'", "'READY', 'ready'") + where)
    assert (await damage_of(folder)).code == "inbox_damaged"


# While it is open


async def test_what_is_damaged_while_it_is_open_is_found_out_by_whoever_reads_it_and_by_its_watch(
    inbox: Inbox, folder: Path
) -> None:
    await inbox.put([mention("m1")])
    assert await inbox.unread() == 1
    change(folder, "UPDATE inbox SET message = '{'")
    with pytest.raises(Damaged):
        await inbox.get(["m1"])
    with anyio.fail_after(PATIENCE), pytest.raises(Damaged) as caught:
        await inbox.watch(0.01)
    assert (await repair.set_aside(caught.value.file)) in aside(folder)


def change(folder: Path, sql: str) -> None:
    connection = apsw.Connection(str(folder / "inbox.db"))
    connection.set_busy_timeout(10_000)
    connection.execute(sql).fetchall()
    connection.close()


async def test_whoever_has_a_file_open_that_another_sets_aside_keeps_nothing_more_in_it_and_notices(
    folder: Path,
) -> None:
    async with opened(folder) as one, opened(folder) as other:
        await one.put([mention("m1")])
        file = File.at(folder / "inbox.db")
        kept = await repair.set_aside(file)
        async with opened(folder) as fresh:
            assert await fresh.unread() == 0
            with pytest.raises(Damaged):
                await other.put([mention("m2")])
            with anyio.fail_after(PATIENCE), pytest.raises(Damaged) as caught:
                await one.watch(0.01)
            assert await repair.set_aside(caught.value.file) == kept  # and does not touch the fresh one
            await fresh.put([mention("m3")])
            await one.close()
            await other.close()  # which must not take the fresh one's log for its own
            await fresh.put([mention("m4", minute=1)])
    async with opened(folder) as again:
        assert ids(await again.lease(None, 9, NOW)) == ["m3", "m4"]
    assert aside(folder) == [kept]


async def test_nobody_opens_a_file_while_another_process_sets_it_aside_or_the_other_way_round(
    folder: Path,
) -> None:
    await fill(folder)
    file = File.at(folder / "inbox.db")
    kept: list[Path | None] = []
    opening = anyio.Event()

    async def open_and_close() -> None:
        async with opened(folder):
            opening.set()

    async def put_away() -> None:
        kept.append(await repair.set_aside(file))

    async with anyio.create_task_group() as tasks, repair.alone(file.path):
        tasks.start_soon(open_and_close)
        tasks.start_soon(put_away)
        await anyio.sleep(0.2)  # longer than either takes
        assert not opening.is_set()
        assert file.is_there
    assert kept == aside(folder) != []


async def test_a_closed_inbox_is_being_opened_again(inbox: Inbox) -> None:
    await inbox.close()
    for work in (inbox.unread(), inbox.put([mention("m1")]), inbox.watch()):
        with pytest.raises(Trouble) as caught:
            await work
        assert caught.value.code == "inbox_closed"
    await inbox.release_all()


async def test_a_file_that_is_taken_away_is_noticed(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention("m1")])
    for part in ("", "-wal", "-shm"):
        (folder / f"inbox.db{part}").unlink()
    with pytest.raises(Damaged) as caught:
        await inbox.put([mention("m2")])
    assert await repair.set_aside(caught.value.file) is None
    assert aside(folder) == []
    async with opened(folder) as fresh:
        assert await fresh.put([mention("m1")]) == 1


async def test_three_damaged_files_are_kept_the_last_ones(folder: Path) -> None:
    kept = []
    for _ in range(5):
        await fill(folder)
        for part in ("-wal", "-shm"):
            (folder / f"inbox.db{part}").touch()
        kept.append(await repair.set_aside(File.at(folder / "inbox.db")))
    assert aside(folder) == kept[2:]
    assert len(files(folder)) == 3 * 3


OPENER = """
import asyncio, sys
from pathlib import Path
from thenvoi_bridge.inbox import repair
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.privacy import private_folder
from thenvoi_bridge.inbox.shelf import Shelf
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.inbox.trouble import Damaged
from tests.inbox.mentions import mention

async def main(folder):
    owner, mended = Owner.start(folder), 0
    print("ready", flush=True)
    me = sys.stdin.readline().strip()
    while True:
        try:
            inbox = await Inbox.open(folder, owner)
            await inbox.put([mention(me)])
            break
        except Damaged as error:
            await repair.set_aside(error.file)
            mended += 1
    print(mended, (await inbox.page(None, None, 9)).next_cursor.split(".")[0], flush=True)
    sys.stdin.read()
    await inbox.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def check_many(folder: Path, processes: int) -> None:
    """Let processes find a damaged inbox at once."""
    sound = await fill(folder)
    (folder / "inbox.db").write_bytes(sound[:8192] + b"\0" * 4096 + sound[12288:])
    openers = [Process(OPENER, folder) for _ in range(processes)]
    for opener in openers:
        assert await opener.line() == "ready"
    for nth, opener in enumerate(openers):
        await opener.say(f"m{nth}")
    said = [(await opener.line()).split() for opener in openers]
    assert len({epoch for _, epoch in said}) == 1
    assert sum(int(mended) for mended, _ in said) >= 1
    assert len(aside(folder)) == 1
    async with opened(folder) as inbox:
        leased = ids(await inbox.lease(None, processes, NOW))
        assert sorted(leased) == [f"m{nth}" for nth in range(processes)]
    for opener in openers:
        await opener.end()


async def test_of_many_processes_that_find_a_damaged_inbox_one_sets_it_aside_and_all_use_the_same(
    folder: Path,
) -> None:
    await check_many(folder, 3)


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_however_often_many_processes_find_a_damaged_inbox_one_sets_it_aside(tmp_path: Path) -> None:
    for round in range(20):
        await check_many(tmp_path / f"{round}", 8)


# Not damaged, and not ours to touch


async def test_an_inbox_of_a_newer_version_is_refused_and_not_touched(folder: Path) -> None:
    await fill(folder)
    change(folder, "INSERT INTO schema_version VALUES (99, 'x', 'x'); ALTER TABLE inbox RENAME seq TO number")
    before = (folder / "inbox.db").read_bytes()
    for _ in range(2):
        with pytest.raises(Trouble, match="version 99") as caught:
            async with opened(folder):
                pass
        assert caught.value.code == "inbox_too_new"
    assert (folder / "inbox.db").read_bytes() == before


@pytest.mark.parametrize(
    "newer", ["ALTER TABLE inbox RENAME seq TO number", "UPDATE inbox SET state = 'of tomorrow'"]
)
async def test_a_newer_version_that_changes_the_inbox_while_it_is_open_is_no_damage(
    inbox: Inbox, folder: Path, newer: str
) -> None:
    await inbox.put([mention("m1")])
    change(folder, f"INSERT INTO schema_version VALUES (99, 'x', 'x'); {newer}")
    for _ in range(2):
        with pytest.raises(Trouble) as caught:
            await inbox.get(["m1"])
        assert caught.value.code == "inbox_too_new"


async def test_a_number_that_no_version_ever_wrote_is_damage_and_no_newer_version(folder: Path) -> None:
    await fill(folder)
    change(folder, "UPDATE schema_version SET number = 77 WHERE number = 2")
    assert (await damage_of(folder)).code == "inbox_damaged"


# What the disk refuses


async def test_a_full_disk_is_told_reading_goes_on_and_so_does_writing_once_there_is_room(
    folder: Path,
) -> None:
    with disk_under(folder.parent) as disk:
        async with opened(folder) as inbox:
            await inbox.put([mention("m1"), mention("m2", minute=1)])
            disk.full = True
            for write in (inbox.put([mention("m3")]), inbox.lease(None, 9, NOW), inbox.prove()):
                with pytest.raises(Trouble) as caught:
                    await write
                assert caught.value.code == "disk_full"
                assert caught.value.may_pass
            assert await inbox.unread() == 2
            await inbox.release_all()
            disk.full = False
            assert ids(await inbox.lease(None, 9, NOW)) == ["m1", "m2"]
            await inbox.prove()


async def test_a_file_that_may_not_be_written_is_told_and_left_alone(folder: Path) -> None:
    before = await fill(folder)
    with disk_under(folder.parent) as disk, pytest.MonkeyPatch.context() as patch:
        disk.read_only = True
        patch.setattr("os.access", lambda *_: False)  # root may write everything
        with pytest.raises(Trouble) as caught:
            await use(folder)
    assert caught.value.code == "inbox_read_only"
    assert not isinstance(caught.value, Damaged)
    assert (folder / "inbox.db").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="locks of files that are no SQLite locks")
async def test_a_disk_without_a_write_ahead_log_is_told_in_words(folder: Path) -> None:
    with disk_without_shared_memory(), pytest.raises(Trouble, match="perhaps a network share") as caught:
        await use(folder)
    assert caught.value.code == "inbox_unusable"
    assert str(folder) not in caught.value.reason


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device", "/x"), "disk_full"),
        (PermissionError(13, "Permission denied", "/x"), "inbox_read_only"),
        (OSError(30, "Read-only file system", "/x"), "inbox_read_only"),
        (NotADirectoryError(20, "Not a directory", "/x"), "inbox_unusable"),
        (TimeoutError(), "inbox_unusable"),
    ],
    ids=repr,
)
def test_why_there_can_be_no_folder_is_said_without_its_name(error: OSError, code: str) -> None:
    trouble = repair.no_folder(error)
    assert trouble.code == code
    assert trouble.reason
    assert "/x" not in str(trouble)


def test_the_worst_of_what_several_tasks_failed_of_is_told() -> None:
    full, odd = Trouble("disk_full", "full"), Trouble("inbox_unusable", "odd")
    damaged = Damaged(File(Path("inbox.db"), None), "damaged")
    both = ExceptionGroup("", [OSError(), full, ExceptionGroup("", [odd, ValueError()])])
    assert found_in(both) is odd
    assert found_in(ExceptionGroup("", [both, damaged])) is damaged
    assert found_in(ExceptionGroup("", [full])) is full
    assert found_in(ExceptionGroup("", [OSError()])) is None


# What came in


@pytest.mark.parametrize(
    "odd", [{"content": "half \ud83d"}, {"metadata": {"a": "\udc00"}}, {"sender_name": "\ud83d"}]
)
async def test_a_message_that_could_not_be_read_again_is_kept_as_far_as_it_can_be(
    inbox: Inbox, odd: dict[str, object]
) -> None:
    assert await inbox.put([mention("m1").model_copy(update=odd), mention("m2", minute=1)]) == 2
    first, second = await inbox.lease(None, 9, NOW)
    assert (first.id, second.id) == ("m1", "m2")
    assert first.message.content in ("half ?", "the secret of m1")


async def test_a_mistake_of_a_caller_is_no_damage(folder: Path) -> None:
    owner = Owner.start(folder)
    shelf = await Shelf.open(folder, owner)
    for work in (shelf.read, shelf.change):
        with pytest.raises(ValueError, match="invalid literal"):
            await work(lambda _: int("half"))
    with anyio.move_on_after(0.1):
        await shelf.watch(0.01)
    assert await shelf.change(lambda rows: rows.seq()) == 0
    await shelf.close()
    owner.close()


async def test_a_message_nested_without_end_is_kept_without_that(inbox: Inbox) -> None:
    deep: dict[str, object] = {}
    for _ in range(250):
        deep = {"a": deep}
    await inbox.put([mention("m1").model_copy(update={"metadata": deep})])
    (item,) = await inbox.lease(None, 9, NOW)
    assert item.message == as_kept(mention("m1"))
    assert await state(inbox, "m1") is State.LEASED
