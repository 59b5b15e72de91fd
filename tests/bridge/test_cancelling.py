"""Whatever moment a host chooses to take a wait back, the wait has taken nothing."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, live
from tests.world import say
from thenvoi_bridge.bridge.profiles import chosen
from thenvoi_bridge.bridge.tools import Tools


@types.coroutine
def stepwise(work: Coroutine[Any, Any, Any], pausing: Callable[[], None]) -> Generator[Any, Any, Any]:
    """Do some work, and say so before each of its pauses."""
    go_on = partial(work.send, None)
    while True:
        try:
            waited_for = go_on()
        except StopIteration as done:
            return done.value
        pausing()
        go_on = partial(work.send, None)
        try:
            yield waited_for
        except BaseException as exc:
            go_on = partial(work.throw, exc)


async def nothing(*_: object) -> None:
    """No progress."""


async def test_a_wait_that_is_cancelled_at_any_point_takes_nothing(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        tools = Tools(host.session, chosen(["agent"]))

        async def wait(pauses: int) -> Any:
            """What a wait says that is cancelled in its last of so many pauses, if it comes to that."""
            paused = count(1)
            with anyio.CancelScope() as scope, anyio.fail_after(PATIENCE):
                work = tools.run("inbox_wait", {"timeout_s": 0}, nothing)
                return await stepwise(work, lambda: scope.cancel() if next(paused) == pauses else None)

        cancelled = count(1)
        while (result := await wait(next(cancelled))) is None:
            assert (await host.seat.inbox.at_hand(time.monotonic()))[1] == 1
            assert await host.seat.inbox.ledger.of(sent.id) == []
    (message,) = result.structured_content["messages"]
    assert (message["id"], message["attempt"]) == (sent.id, 1)
    pauses = next(cancelled) - 2  # the last wait was not cancelled, and it was counted
    print(f"cancelled in each of {pauses} pauses")
    assert pauses >= 6
