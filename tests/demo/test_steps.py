"""Steps: played in order, timed, and ended by the first that is not observed."""

import time
from collections.abc import Awaitable, Callable

import anyio
import pytest

from thenvoi_bridge.contract.errors import Unreachable
from thenvoi_bridge.demo.steps import Done, Failed, Seen, Step, Unexpected, play

Act = Callable[[list[str]], Awaitable[Seen]]


class Watcher:
    """Notes what an audience is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def working(self, what: str) -> None:
        self.told.append(f"working: {what}")

    def show(self, step: Done | Failed) -> None:
        self.told.append(f"{type(step).__name__}: {step.what}")


def step(what: str, act: Act, since: str | None = None, limit: float = 5.0) -> Step[list[str]]:
    return Step(what, "REST", act, "a miracle", since, limit)


def doing(*, seconds: float = 0.0, ago: float = 0.0, raising: Exception | None = None) -> Act:
    """An act that takes a while; it was observed some time before it returns, or fails."""

    async def act(scene: list[str]) -> Seen:
        await anyio.sleep(seconds)
        scene.append("acted")
        if raising:
            raise raising
        return Seen(("a line",), time.perf_counter() - ago if ago else None)

    return act


async def test_steps_follow_each_other_on_one_scene() -> None:
    scene: list[str] = []
    watcher = Watcher()
    outcome = await play([step("one", doing()), step("two", doing())], scene, watcher)
    assert outcome.complete
    assert [done.lines for done in outcome.done] == [("a line",), ("a line",)]
    assert scene == ["acted", "acted"]
    assert watcher.told == ["working: one", "Done: one", "working: two", "Done: two"]


async def test_time_counts_from_the_beginning_of_the_step_it_is_measured_from() -> None:
    slow, quick = doing(seconds=0.1), doing()
    outcome = await play([step("ask", slow), step("pause", slow), step("hear", quick, "ask")], [], Watcher())
    ask, pause, hear = outcome.done
    assert ask.took >= 0.1
    assert pause.took >= 0.1
    assert hear.took >= 0.2
    assert outcome.seconds >= hear.took


async def test_what_was_observed_earlier_is_timed_by_then() -> None:
    outcome = await play(
        [step("ask", doing(seconds=0.2)), step("hear", doing(ago=0.1), "ask")], [], Watcher()
    )
    ask, hear = outcome.done
    assert 0.05 <= hear.took < ask.took


@pytest.mark.parametrize(
    ("act", "clause"),
    [
        (doing(raising=Unexpected("two messages came")), "two messages came"),
        (doing(raising=Unreachable()), "this came: The platform cannot be reached (unreachable)"),
        (doing(raising=OSError("disk full")), "this came: disk full (OSError)"),
        (doing(raising=ExceptionGroup("tasks", [Unexpected("one of two")])), "one of two"),
        (doing(seconds=5), "nothing came within 0 seconds"),
    ],
)
async def test_the_first_that_fails_ends_the_story_with_a_sentence(act: Act, clause: str) -> None:
    scene: list[str] = []
    steps = [step("one", doing()), step("two", act, limit=0.1), step("three", doing())]
    outcome = await play(steps, scene, Watcher())
    assert not outcome.complete
    assert [done.what for done in outcome.done] == ["one"]
    assert outcome.failed
    assert outcome.failed.sentence == f"Step 2 of 3, “two”, failed. Expected a miracle, but {clause}."
