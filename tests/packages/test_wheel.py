"""What is published: the wheel and the source, the same from every build, with all that is needed in it."""

from __future__ import annotations

import os
import re
import shlex
import tarfile
import time
import tomllib
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packages.checkout import ROOT, copied, done, uv
from thenvoi_bridge import __version__

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

EPOCH = "1767225600"
(BUILD,) = re.findall(r"^ *(uv build .*)$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def built(checkout: Path, *more: str) -> dict[str, Path]:
    """Both files, by the end of their names."""
    _, *command = shlex.split(BUILD)
    done([uv(), *command, "--quiet", *more], checkout, SOURCE_DATE_EPOCH=EPOCH)
    return {file.suffix: file for file in (checkout / "dist").glob("thenvoi*")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return built(copied(tmp_path_factory.mktemp("one") / "checkout"))


@pytest.fixture(scope="module")
def wheel(published: dict[str, Path]) -> Iterator[ZipFile]:
    with ZipFile(published[".whl"]) as opened:
        yield opened


def digests(files: dict[str, Path]) -> dict[str, str]:
    return {suffix: sha256(file.read_bytes()).hexdigest() for suffix, file in files.items()}


def metadata(wheel: ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_another_checkout_at_another_time_gives_the_same_bytes(
    published: dict[str, Path], tmp_path: Path
) -> None:
    other = copied(tmp_path / "another place")
    for file in (other / "src").rglob("*"):
        os.utime(file, (time.time() - 10**8, time.time() - 10**8))
        file.chmod(0o700 if file.is_dir() else 0o600)
    assert digests(built(other)) == digests(published)


def test_the_source_gives_the_same_wheel(published: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(published[".gz"]) as source:
        source.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert digests(built(unpacked, "--wheel"))[".whl"] == digests(published)[".whl"]
    assert {"tests", "docs", "requirements.lock", "Dockerfile", ".ci"} <= {f.name for f in unpacked.iterdir()}


def test_the_wheel_has_every_file_of_the_program_and_no_other(wheel: ZipFile) -> None:
    package = ROOT / "src" / "thenvoi_bridge"
    ours = {file.relative_to(package.parent).as_posix() for file in package.rglob("*") if file.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == ours
    assert any(name.endswith(".sql") for name in packed)
    assert "thenvoi_bridge/py.typed" in packed


def test_its_metadata_say_what_pyproject_does(wheel: ZipFile) -> None:
    said = metadata(wheel)
    assert (said["Name"], said["Version"], said["License-Expression"]) == (
        PROJECT["name"],
        __version__,
        "MIT",
    )
    assert said.get_all("Provides-Extra") == sorted(PROJECT["optional-dependencies"])
    plain = [one for one in said.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert len(plain) == len(PROJECT["dependencies"]) <= 12


def test_nothing_in_it_names_this_machine(published: dict[str, Path], wheel: ZipFile) -> None:
    with tarfile.open(published[".gz"]) as source:
        assert {(member.uid, member.uname) for member in source} == {(0, "")}
    record = "\n".join(wheel.read(name).decode() for name in wheel.namelist())
    assert str(published[".whl"].parents[1]) not in record
    assert not re.search(r"thnv_[ua]_\w{12,}_\w{20,}", record)
