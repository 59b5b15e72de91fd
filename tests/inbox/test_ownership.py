"""Who lives and who leads, as told by locks, and folders that are nobody else's."""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, sleep, to_thread

from tests.inbox.mentions import Process
from thenvoi_bridge.inbox.ownership import Leadership, Owner
from thenvoi_bridge.inbox.privacy import NotPrivate, private_folder

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no modes, free links, signals or forks"
)

SLEEPER = """
import sys
from pathlib import Path
from thenvoi_bridge.inbox.ownership import Owner

owner = Owner.start(Path(sys.argv[1]))
print(owner.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(folder: Path) -> Iterator[Owner]:
    with closing(Owner.start(folder)) as owner:
        yield owner


def locks(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "procs").iterdir()}


def test_an_owner_lives_until_it_is_closed(folder: Path, owner: Owner) -> None:
    other = Owner.start(folder)
    assert owner.alive(owner.id)
    assert owner.alive(other.id)
    assert other.alive(owner.id)
    other.close()
    assert not owner.alive(other.id)


async def test_a_killed_process_is_dead_at_once(folder: Path, owner: Owner) -> None:
    process = Process(SLEEPER, folder)
    theirs = await process.line()
    assert owner.alive(theirs)
    await process.kill()
    assert not owner.alive(theirs)


async def test_a_process_that_ends_by_itself_is_dead_too(folder: Path, owner: Owner) -> None:
    process = Process(SLEEPER, folder)
    theirs = await process.line()
    assert await process.end() == ""
    assert not owner.alive(theirs)


def test_nobody_was_ever_known_by_a_strange_id_and_asking_leaves_no_trace(folder: Path, owner: Owner) -> None:
    assert not owner.alive("somebody")
    assert locks(folder) == {owner.id}


def test_starting_tidies_up_after_the_dead_and_only_them(folder: Path, owner: Owner) -> None:
    Owner.start(folder).close()
    with closing(Owner.start(folder)) as last:
        assert locks(folder) == {owner.id, last.id}
        assert last.alive(owner.id)


async def test_all_who_start_at_the_same_time_live(folder: Path) -> None:
    owners: list[Owner] = []

    def start() -> None:
        owners.append(Owner.start(folder))

    async with create_task_group() as group:
        for _ in range(20):
            group.start_soon(partial(to_thread.run_sync, start))
    with ExitStack() as closings:
        for owner in owners:
            closings.callback(owner.close)
        assert len({owner.id for owner in owners}) == 20
        assert all(owners[0].alive(owner.id) for owner in owners)
        assert all(owners[-1].alive(owner.id) for owner in owners)


def test_a_private_folder_is_made_with_its_parents_and_found_again(folder: Path) -> None:
    assert private_folder(folder) == folder
    assert private_folder(folder) == folder
    assert folder.is_dir()


def test_a_file_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotPrivate, match="is not a folder"):
        private_folder(tmp_path / "file")


@posix
def test_nobody_else_can_enter_a_private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o777)
    folder.chmod(0o777)
    assert private_folder(folder).stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("target", ["real", "missing"])
def test_a_link_is_no_private_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(NotPrivate, match="is a link"):
        private_folder(tmp_path / "link")


@posix
def test_a_folder_of_another_account_is_no_private_folder(tmp_path: Path) -> None:
    foreign = Path("/usr")
    if os.getuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.mkdir()
        os.chown(foreign, 65534, 65534)
    with pytest.raises(NotPrivate, match="belongs to another account"):
        Owner.start(foreign)


# Who leads

CANDIDATE = """
import os, sys, time
from pathlib import Path
from thenvoi_bridge.inbox.ownership import Leadership

lead = Leadership(Path(sys.argv[1]))
for line in sys.stdin:
    match line.split():
        case ["pid"]:
            print(os.getpid(), flush=True)
        case ["take", at]:
            while time.monotonic() < float(at):
                pass
            print(lead.take(), flush=True)
        case [order]:
            print(getattr(lead, order)(), flush=True)
"""

PARENT = """
import os, subprocess, sys, threading
from pathlib import Path
from thenvoi_bridge.inbox.ownership import Leadership

lead = Leadership(Path(sys.argv[1]))
assert lead.take()
child = "print(input(), flush=True)"
if FORKS:
    if os.fork() == 0:
        exec(child)
        os._exit(0)
else:
    subprocess.Popen([sys.executable, "-c", child])
print(os.getpid(), flush=True)
threading.Event().wait()
"""


async def told(process: Process, order: str) -> str:
    await process.say(order)
    return await process.line()


async def until(true: Callable[[], bool]) -> None:
    with fail_after(20):
        while True:
            if true():
                return
            await sleep(0.01)


@pytest.fixture
def lead(folder: Path) -> Iterator[Leadership]:
    lead = Leadership(folder)
    yield lead
    lead.give()


def test_one_leads_until_it_gives_the_lead_away(folder: Path, lead: Leadership) -> None:
    other = Leadership(folder)
    assert lead.take()
    assert lead.take()
    assert not other.take()
    other.give()
    assert not other.take()
    lead.give()
    assert other.take()
    lead.give()
    assert not lead.take()
    other.give()


async def test_the_lead_of_a_killed_process_is_free_at_once(folder: Path, lead: Leadership) -> None:
    process = Process(CANDIDATE, folder)
    assert await told(process, "take 0") == "True"
    assert not lead.take()
    await process.kill()
    assert lead.take()


@pytest.mark.parametrize("forks", [False, pytest.param(True, marks=posix)])
async def test_a_child_that_lives_on_does_not_keep_the_lead(
    folder: Path, lead: Leadership, forks: bool
) -> None:
    process = Process(PARENT.replace("FORKS", str(forks)), folder)
    os.kill(int(await process.line()), signal.SIGTERM)
    await until(lead.take)
    assert await told(process, "still here") == "still here"
    await process.end()


@pytest.mark.thorough
async def test_of_many_who_want_it_at_the_same_instant_exactly_one_leads(folder: Path) -> None:
    processes = [Process(CANDIDATE, folder) for _ in range(8)]
    for process in processes:
        assert await told(process, "silent") == "inf"
    for _ in range(40):
        for process in processes:
            await process.say(f"take {time.monotonic() + 0.005}")
        assert sorted([await process.line() for process in processes]) == ["False"] * 7 + ["True"]
        for process in processes:
            assert await told(process, "give") == "None"
    for process in processes:
        await process.end()


@posix
async def test_a_leader_that_hangs_goes_on_leading_but_another_may_stand_in_for_it(
    folder: Path, lead: Leadership
) -> None:
    process = Process(CANDIDATE, folder)
    pid = int(await told(process, "pid"))
    await told(process, "take 0")
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: lead.silent() > 0.2)
    assert not lead.take()
    assert lead.stand_in()
    assert lead.stand_in()
    assert not Leadership(folder).stand_in()
    os.kill(pid, signal.SIGCONT)
    hung = lead.silent()
    await told(process, "beat")
    assert lead.silent() < hung
    lead.give()
    assert await told(process, "stand_in") == "True"
    assert not lead.stand_in()
    await process.kill()
    assert lead.take()


def test_who_begins_to_lead_stands_in_no_more(folder: Path, lead: Leadership) -> None:
    assert lead.stand_in()
    assert lead.take()
    other = Leadership(folder)
    assert other.stand_in()
    other.give()


def test_silence_begins_with_the_lead_and_again_with_every_sign(lead: Leadership) -> None:
    assert lead.silent() == math.inf
    before = time.monotonic()
    assert lead.take()
    assert 0 <= lead.silent() <= time.monotonic() - before
    before = time.monotonic()
    lead.beat()
    assert 0 <= lead.silent() <= time.monotonic() - before


def test_a_sign_from_before_a_restart_of_the_computer_is_none(folder: Path, lead: Leadership) -> None:
    lead.take()
    ahead = time.monotonic_ns() + 10**9
    os.utime(folder / "leader.beat", ns=(ahead, ahead))
    assert lead.silent() == math.inf
    lead.give()
    assert lead.take()
    assert lead.silent() < math.inf


@posix
def test_a_sign_that_cannot_be_given_is_missed(folder: Path, lead: Leadership) -> None:
    (folder / "leader.beat").symlink_to(folder / "missing" / "file")
    assert lead.take()
    assert lead.silent() == math.inf


def test_nobody_leads_in_a_folder_that_is_not_private(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotPrivate, match="is not a folder"):
        Leadership(tmp_path / "file")
