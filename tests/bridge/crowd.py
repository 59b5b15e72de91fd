"""Hosts of one agent that come and go, all in this process; one that hangs; and a socket that is none."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import ByteStream, SocketAttribute, TaskGroup, TaskStatus

from tests.bridge.cable import GONE
from tests.bridge.desk import PATIENCE, Desk, desk
from thenvoi_bridge.bridge.endpoint import Locate
from thenvoi_bridge.inbox.ownership import Leadership


@dataclass
class _Place:
    leave: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)


class Crowd:
    """Hosts that come and go in any order. Made by `crowd`."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._places: dict[int, _Place] = {}

    async def seat(self, locate: Locate, state: Path) -> Desk:
        """Have a host come, and wait until its session knows its agent."""
        it: Desk = await self._tasks.start(self._host, locate, state)

        async def has_a_seat() -> bool:
            return it.session.seat_now is not None

        await it.rung(has_a_seat)
        return it

    async def seat_all(self, locate: Locate, state: Path, number: int) -> list[Desk]:
        """Have so many come at once."""
        desks: list[Desk] = []

        async def one() -> None:
            desks.append(await self.seat(locate, state))

        async with anyio.create_task_group() as tasks:
            for _ in range(number):
                tasks.start_soon(one)
        return desks

    async def see_off(self, host: Desk) -> None:
        """Have a host go, and wait until its session has ended."""
        place = self._places.pop(id(host))
        place.leave.set()
        with anyio.fail_after(PATIENCE):
            await place.left.wait()

    async def see_off_all(self) -> None:
        """Have everybody go who is left."""
        places, self._places = self._places, {}
        for place in places.values():
            place.leave.set()
        with anyio.fail_after(PATIENCE):
            for place in places.values():
                await place.left.wait()

    async def _host(self, locate: Locate, state: Path, *, task_status: TaskStatus[Desk]) -> None:
        place = _Place()
        async with desk(locate, state) as it:
            self._places[id(it)] = place
            task_status.started(it)
            await place.leave.wait()
        place.left.set()


@asynccontextmanager
async def crowd() -> AsyncGenerator[Crowd]:
    """Hosts until the end of the block."""
    async with anyio.create_task_group() as tasks:
        it = Crowd(tasks)
        yield it
        await it.see_off_all()


@contextmanager
def hanging(state: Path) -> Iterator[Leadership]:
    """A process that receives for the one agent that `state` has, and gives no more sign of life from now on.

    What the board says of receiving is what the last host before it has said.
    """
    (folder,) = (state / "agents").iterdir()
    lead = Leadership(folder)
    assert lead.take()
    try:
        yield lead
    finally:
        lead.give()


@asynccontextmanager
async def no_socket(answer: bytes | None) -> AsyncGenerator[str]:
    """The address of a socket that is none: it answers this and closes, or keeps quiet."""

    async def refuse(stream: ByteStream) -> None:
        with suppress(*GONE):
            async with stream:
                await stream.receive()
                if answer is None:
                    await anyio.sleep_forever()
                await stream.send(answer or b" ")

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, refuse)
        yield f"ws://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()
