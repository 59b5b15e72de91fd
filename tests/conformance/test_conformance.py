"""The official conformance suites find no fault in the server that the bridge builds.

`UPDATE_SNAPSHOTS=1 uv run pytest -m thorough tests/conformance` rewrites the table in docs/conformance.md.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.suites import Suite, failed, table, total
from tests.wire.foreign import ROOT, STARTING

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(2 * STARTING)]

OLD = Suite("0.1.16")
OLD_NEWLY = Suite("0.2.0-alpha.12", "2025-11-25")
NEW = Suite("0.2.0-alpha.12", "2026-07-28")
DOC = ROOT / "docs/conformance.md"
BEGINNING, END = "<!-- generated: conformance -->\n", "<!-- end of conformance -->"


@contextmanager
def served() -> Generator[str]:
    """The server under test, in a process of its own, and its URL."""
    command = [sys.executable, "-m", "tests.conformance"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def test_the_official_suites_find_no_fault_in_either_era(tmp_path: Path, npm_cache: Path) -> None:
    with served() as url:
        found = {suite: suite.run(url, npm_cache, tmp_path / str(suite)) for suite in (OLD, OLD_NEWLY, NEW)}
    for suite, results in found.items():
        print(f"{suite}: {len(results)} scenarios, {dict(total(results))}")
    assert len(found[OLD]) == 32
    assert failed(found[OLD]) == failed(found[OLD_NEWLY]) == set()
    assert {name for name in failed(found[NEW]) if not name.startswith("tasks-")} == set()
    for suite in (OLD_NEWLY, NEW):
        assert suite.required(npm_cache) <= found[suite].keys()
    before, _, rest = DOC.read_text(encoding="utf-8").partition(BEGINNING)
    text = before + BEGINNING + table(found) + END + rest.partition(END)[2]
    if os.environ.get("UPDATE_SNAPSHOTS"):
        DOC.write_text(text, encoding="utf-8")
    assert text == DOC.read_text(encoding="utf-8"), "if this is meant: UPDATE_SNAPSHOTS=1, as at the top"
