"""Who lives, as told by locks, and folders that are nobody else's."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from anyio import create_task_group, to_thread

from tests.inbox.mentions import Process
from thenvoi_bridge.inbox.ownership import NotPrivate, Owner, private_folder

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


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor free links")


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
