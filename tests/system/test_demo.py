"""`thenvoi-bridge demo` as anybody runs it, and as it looks in a pipe."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from thenvoi_bridge.demo.story import STEPS

COMMAND = [sys.executable, "-m", "thenvoi_bridge", "demo"]
LINE = r"✓ +\d+\.\d\d s +(?P<took>\d+ ms|\d+\.\d s)  {} +{}"

ELSEWHERE = {
    "THENVOI_API_KEY": "thnv_a_of_the_caller",
    "THENVOI_BASE_URL": "https://elsewhere.invalid",
    "THENVOI_WS_URL": "wss://elsewhere.invalid",
    "THENVOI_LOCAL": "perhaps",
}
"""Settings a caller may have; none of them may take part."""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which everything temporary is in `folder`."""
    plain = {n: v for n, v in os.environ.items() if not n.startswith("THENVOI_") and n != "FORCE_COLOR"}
    return {**plain, "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8", **more}


def demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder, **more)
    return subprocess.run(COMMAND, env=env, capture_output=True, encoding="utf-8", timeout=100)


def left_behind(folder: Path) -> list[str]:
    """Files in the folder, and processes that have it in their command line or environment."""
    return [str(path) for path in folder.rglob("*")] + [name for name in _processes() if str(folder) in name]


def _processes() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield f"{process} {(process / 'cmdline').read_text()} {(process / 'environ').read_text()}"
        except (OSError, UnicodeDecodeError):  # it has just ended, or is nobody's business
            continue


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints in a pipe, once it has ended well."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, **ELSEWHERE)
    assert (done.returncode, done.stderr) == (0, "")
    assert left_behind(folder) == []
    return done.stdout


def test_every_step_is_observed_and_shown_in_order_with_its_time(shown: str) -> None:
    lines = iter(shown.splitlines())
    for step in STEPS:
        wanted = LINE.format(re.escape(step.what), re.escape(step.way))
        assert any(re.fullmatch(wanted, line) for line in lines), f"{step.what}\n{shown}"


def test_the_answers_are_shown_as_the_person_reads_them(shown: str) -> None:
    said = re.findall(r"^ {20}(Alice|Scout|Writer) +(@\w+)", shown, re.MULTILINE)
    assert said == [("Alice", "@Scout"), ("Scout", "@Alice"), ("Scout", "@Writer"), ("Writer", "@Alice")]


def test_the_summary_has_the_times_of_the_timeline(shown: str) -> None:
    timeline, summary = shown.split(f"All {len(STEPS)} steps were observed in ")
    assert re.match(r"\d+\.\d s\.\n", summary)
    measured = [step for step in STEPS if step.since]
    assert measured
    for step in measured:
        line = re.search(LINE.format(re.escape(step.what), ""), timeline)
        assert line
        assert f"{line['took']:>9}  {step.since} → {step.what}\n" in summary


def test_a_pipe_gets_no_control_characters(shown: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_a_step_that_fails_is_named_with_its_reason_and_nothing_stays(tmp_path: Path) -> None:
    done = demo(tmp_path, THENVOI_LOG_LEVEL="loud")
    assert done.returncode == 1
    assert (
        "Step 5 of 16, “Two hosts start bridges”, failed. Expected both bridges to speak MCP" in done.stderr
    )
    assert "THENVOI_LOG_LEVEL must be debug, info, warning or error" in done.stderr
    assert "✗" in done.stdout
    assert "observed" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_whoever_ends_it_early_finds_nothing_left(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    env = environment(tmp_path, PYTHONUNBUFFERED="1")
    with subprocess.Popen(COMMAND, env=env, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        assert process.stdout
        before = STEPS[3].what  # the next step starts both bridges
        assert any(before in line for line in process.stdout)
        assert left_behind(tmp_path)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "\nInterrupted. Everything that was started has ended.\n")
    assert left_behind(tmp_path) == []


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE to speak of")
def test_when_nobody_reads_on_it_still_ends_in_order(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    env = environment(tmp_path)
    with subprocess.Popen(COMMAND, env=env, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(timeout=60), said) == (0, "")
    assert left_behind(tmp_path) == []
