"""Every bug that was ever planted is noticed by the tests that are there."""

from __future__ import annotations

import pytest

from tests.planted.__main__ import ROOT, noticed
from tests.planted.bugs import BUGS, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_fits_the_code(bug: Bug) -> None:
    assert (ROOT / "src" / "thenvoi_bridge" / bug.file).read_text().count(bug.good) == 1


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_noticed(bug: Bug) -> None:
    assert noticed(bug, bug.tests)


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_without_a_bug_the_same_tests_pass() -> None:
    assert not noticed(None, tuple(dict.fromkeys(test for bug in BUGS for test in bug.tests)))
