"""A configuration is replaced whole or not at all, and what was there is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from thenvoi_bridge.install import files
from thenvoi_bridge.install.files import Refused


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "own" / "mcp.json"
    file.parent.mkdir()
    file.write_bytes(b"before")
    yield file
    file.parent.chmod(0o700)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_there_is_kept_for_this_account_alone(config: Path) -> None:
    config.chmod(0o644)
    kept = files.replace(files.find(config), b"after", private=False)
    assert kept
    assert kept.name.startswith("mcp.json.backup-")
    assert (config.read_bytes(), kept.read_bytes()) == (b"after", b"before")
    assert (mode(config), mode(kept)) == (0o644, 0o600)
    assert sorted(config.parent.iterdir()) == [config, kept]


def test_with_a_key_in_it_a_file_is_for_this_account_alone(config: Path) -> None:
    config.chmod(0o644)
    files.replace(files.find(config), b"after", private=True)
    assert mode(config) == 0o600


def test_a_new_file_is_for_this_account_alone_and_there_is_nothing_to_keep(config: Path) -> None:
    config.unlink()
    assert files.replace(files.find(config), b"after", private=False) is None
    assert mode(config) == 0o600
    assert [*config.parent.iterdir()] == [config]


@pytest.mark.parametrize("is_new", [False, True])
def test_a_link_stays_a_link_and_the_file_it_leads_to_is_replaced(config: Path, is_new: bool) -> None:
    dotfiles = config.parent.parent / "dotfiles"
    dotfiles.mkdir()
    if not is_new:
        config.rename(dotfiles / "cursor.json")
    config.unlink(missing_ok=True)
    config.symlink_to(dotfiles / "cursor.json")
    kept = files.replace(files.find(config), b"after", private=False)
    assert config.is_symlink()
    assert (dotfiles / "cursor.json").read_bytes() == b"after"
    assert [*dotfiles.iterdir()] == [dotfiles / "cursor.json"]
    assert (kept is None) is is_new


def test_a_file_that_changes_meanwhile_is_left_as_it_is(config: Path) -> None:
    found = files.find(config)
    config.write_bytes(b"by another program")
    with pytest.raises(Refused, match="changed by another program"):
        files.replace(found, b"after", private=False)
    assert config.read_bytes() == b"by another program"
    assert [*config.parent.iterdir()] == [config]


def test_a_file_that_comes_meanwhile_is_left_as_it_is(config: Path) -> None:
    config.unlink()
    found = files.find(config)
    config.write_bytes(b"by another program")
    with pytest.raises(Refused, match="changed by another program"):
        files.replace(found, b"after", private=False)
    assert config.read_bytes() == b"by another program"


def test_what_is_no_file_is_not_touched(config: Path) -> None:
    config.unlink()
    config.mkdir()
    with pytest.raises(Refused, match="it is no file"):
        files.find(config)
    config.rmdir()
    os.mkfifo(config)
    with pytest.raises(Refused, match="it is no file"):
        files.find(config)
    config.unlink()
    config.symlink_to(config)
    with pytest.raises(OSError, match="symbolic links"):
        files.find(config)


def test_a_file_that_may_not_be_written_is_not_replaced(config: Path) -> None:
    config.chmod(0o444)
    with pytest.raises(Refused, match="it may not be written"):
        files.find(config)


def test_a_file_beyond_measure_is_not_read(config: Path) -> None:
    os.truncate(config, files.LARGEST + 1)
    with pytest.raises(Refused, match="it is too large"):
        files.find(config)


def test_a_mark_of_utf_8_stays_and_other_encodings_are_refused(config: Path) -> None:
    config.write_bytes(b"\xef\xbb\xbf{}\r\n")
    found = files.find(config)
    assert found.text == "{}\r\n"
    assert found.as_bytes("{1}\r\n") == b"\xef\xbb\xbf{1}\r\n"
    config.write_bytes("{}".encode("utf-16"))
    with pytest.raises(Refused, match="no text in UTF-8"):
        _ = files.find(config).text
    with pytest.raises(Refused, match="is no text"):
        found.as_bytes("\udcff")
