"""The checker finds each way in which a run can have gone wrong; several processes can write one history."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.history import (
    ANSWER,
    FAULTS,
    POST,
    History,
    Op,
    Report,
    actor_of,
    assert_happened,
    check,
    impatient,
)

POSTED = {"kitchen": ["k1", "k2", "k3"], "hall": ["h1", "h2"]}
ANSWERS = {
    "kitchen": [("k1", "a1"), ("k2", "a2"), ("k3", "a3")],
    "hall": [("h1", "a4"), ("h2", "a5")],
}


def checked(**changed: Any) -> Report:
    """The report on a run in which all went well, but for what is given."""
    usual: dict[str, Any] = {"posted": POSTED, "answers": ANSWERS, "unprocessed": {}}
    return check(**usual | changed)


def op(t: float, actor: str = "scout", name: str = "GET", **extra: Any) -> Op:
    return Op(t, actor, name, "/", "ok", extra)


# What the platform has


def test_a_run_in_which_every_message_was_answered_once_and_in_order_is_clean() -> None:
    assert checked().clean
    assert check({}, {}, {}).clean


def test_an_answer_to_several_messages_answers_each_once() -> None:
    assert checked(answers={**ANSWERS, "kitchen": [("k1", "a1"), ("k2", "a1"), ("k3", "a1")]}).clean


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([("k1", "a1"), ("k3", "a3")], {"lost": ("k2",)}),
        ([], {"lost": ("k1", "k2", "k3")}),
        ([("k1", "a1"), ("k2", "a2"), ("k1", "b1"), ("k3", "a3")], {"answered_twice": ("k1",)}),
        ([("k2", "a2"), ("k1", "a1"), ("k3", "a3")], {"inversions": (("k2", "k1"),)}),
        ([("k3", "a3"), ("k2", "a2"), ("k1", "a1")], {"inversions": (("k3", "k2"), ("k2", "k1"))}),
        (
            [("k3", "a3"), ("k1", "a1")],
            {"inversions": (("k3", "k1"),), "lost": ("k2",)},
        ),
        ([*ANSWERS["kitchen"], ("h1", "a4")], {"unasked": ("h1",)}),
        ([*ANSWERS["kitchen"], ("never said", "a6")], {"unasked": ("never said",)}),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_answers_of_a_room_is_found(
    answers: list[tuple[str, str]], wrong: dict[str, Any]
) -> None:
    report = checked(answers={**ANSWERS, "kitchen": answers})
    assert report == replace(Report(), **wrong)
    assert not report.clean


def test_the_same_answer_listed_twice_is_one() -> None:
    assert checked(answers={**ANSWERS, "hall": [("h1", "a4"), ("h1", "a4"), ("h2", "a5")]}).clean


def test_a_second_answer_in_another_room_counts_too() -> None:
    report = checked(answers={**ANSWERS, "hall": [*ANSWERS["hall"], ("k1", "b1")]})
    assert report == Report(answered_twice=("k1",), unasked=("k1",))


def test_a_room_without_any_answer_is_lost_and_one_that_nobody_posted_in_is_unasked() -> None:
    report = checked(answers={"kitchen": ANSWERS["kitchen"], "attic": [("x", "a9")]})
    assert report == Report(lost=("h1", "h2"), unasked=("x",))


def test_what_is_still_open_is_found() -> None:
    report = checked(unprocessed={"kitchen": ["k3"], "hall": []})
    assert report == Report(unprocessed=("k3",))
    assert not report.clean


# What was done


def test_what_somebody_was_told_is_there_must_be_there() -> None:
    history = [
        Op(1, "alice", POST, "k1", "ok"),
        Op(2, "alice", POST, "gone", "ok"),
        Op(3, "alice", POST, "maybe", "unknown"),
        Op(4, "alice", POST, "refused", "fail"),
        Op(5, "scout", ANSWER, "k1", "ok"),
        Op(6, "scout", "GET", "/anything", "ok"),
    ]
    assert checked(history=history) == Report(forgotten=("gone",))
    unanswered = {**ANSWERS, "kitchen": ANSWERS["kitchen"][1:]}
    report = checked(history=history, answers=unanswered)
    assert report == Report(lost=("k1",), forgotten=("gone", "k1"))


@pytest.mark.parametrize(
    ("asked", "at", "is_impatient"),
    [
        ({"retry_after": 2.0}, 11.9, True),
        ({"retry_after": 2.0}, 12.0, False),
        ({"retry_after": 2.0}, 9.0, False),
        ({"retry_after": 1e9}, 309.0, True),
        ({"retry_after": 1e9}, 311.0, False),
        ({"retry_after": -5.0}, 10.1, False),
        ({"retry_after": 0}, 10.0, False),
        ({}, 10.1, False),
    ],
    ids=str,
)
def test_a_request_within_a_pause_that_was_asked_for_is_found(
    asked: dict[str, Any], at: float, is_impatient: bool
) -> None:
    late = op(at)
    assert impatient([op(10.0, **asked), late]) == [late] * is_impatient
    assert impatient([late, op(10.0, **asked)]) == [late] * is_impatient
    assert impatient([op(10.0, "somebody else", **asked), late]) == []


def test_a_longer_pause_outlives_a_shorter_one() -> None:
    ops = [op(0, retry_after=10), op(0, retry_after=1), op(5), op(11)]
    assert impatient(ops) == [op(5)]


def test_what_is_on_its_way_when_a_pause_is_asked_for_has_grace() -> None:
    ops = [op(10.0, retry_after=2), op(10.1), op(10.5)]
    assert impatient(ops) == [op(10.1), op(10.5)]
    assert impatient(ops, grace=0.3) == [op(10.5)]


def test_a_run_without_its_faults_fails_and_says_which_were_missing() -> None:
    assert_happened({"slow": 3, "closed": 1}, {"slow": 3})
    with pytest.raises(AssertionError, match=r"slow 3 of 4, status 0 of 1$"):
        assert_happened({"slow": 3, "closed": 1}, {"slow": 4, "status": 1, "closed": 1})


# The file


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_history_gives_back_what_was_noted(tmp_path: Path, on_disk: bool) -> None:
    times = iter([1.5, 2.5])
    history = History(tmp_path / "history" if on_disk else None, now=lambda: next(times))
    assert history.ops() == []
    history.note("alice", POST, "m1", "unknown", room="küche\n", retry_after=None)
    history.note("scout", ANSWER, "m1", "ok", t=0.25)
    history.fault("slow", "/path", status=201)
    assert history.ops() == [
        Op(1.5, "alice", POST, "m1", "unknown", {"room": "küche\n"}),
        Op(0.25, "scout", ANSWER, "m1", "ok"),
        Op(2.5, FAULTS, "slow", "/path", "ok", {"status": 201}),
    ]
    assert history.happened() == {"slow": 1}


def test_several_processes_write_one_history_and_lose_nothing(tmp_path: Path) -> None:
    path, each = tmp_path / "history", 500
    program = (
        "import sys; from pathlib import Path; from tests.faults.history import History\n"
        "history = History(Path(sys.argv[1]))\n"
        f"for n in range({each}): history.note(sys.argv[2], 'post', str(n), 'ok', padding='x' * n)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), actor], cwd=Path(__file__).parents[2])
        for actor in ("one", "two", "three")
    ]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    found = History(path).ops()
    for actor in ("one", "two", "three"):
        assert [one.key for one in found if one.actor == actor] == [str(n) for n in range(each)]


def test_an_actor_is_told_from_others_without_its_key() -> None:
    assert actor_of("thnv_a_one_secret") == actor_of("thnv_a_one_secret") != actor_of("thnv_a_two_secret")
    assert "secret" not in actor_of("thnv_a_one_secret")
