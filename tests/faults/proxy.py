"""A TCP proxy on loopback that does harm as planned, repeats it from its seed, and keeps account."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from random import Random
from typing import Self

import anyio
from anyio.abc import TaskGroup

from tests.faults.connection import Connection, connect, opened, reset_on_close
from tests.faults.toxics import HEALTHY, Direction, Faults, Happening, Refuse, Toxic

PATIENCE = 10.0
"""Seconds any wait for an event takes at most; TimeoutError after that."""

Plan = Faults | Callable[[int, Random], Faults]
"""Every connection's faults, or how to choose them by a connection's number (from 1) and generator."""


class FaultProxy:
    """Stands before a target, as an async context manager; `port` and `url` say where.

    `plan` may be set at any time. Open connections follow from their next bytes on, and toxics that count
    bytes count from there. `history` has what really happened; within one direction of one connection its
    order comes from the seed alone, while the order between directions is that of the moment.
    """

    def __init__(self, target_host: str, target_port: int, seed: int = 0, plan: Plan = HEALTHY) -> None:
        self.seed = seed
        self.history: list[Happening] = []
        self._target = (target_host, target_port)
        self._plan = plan
        self._numbers = count(1)
        self._made = 0
        self._open: dict[int, Connection] = {}
        self._news = anyio.Event()
        self._tasks: TaskGroup
        self._door: socket.socket
        self._listening = False

    async def __aenter__(self) -> Self:
        self._door = _door(0)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._door.close()

    @property
    def port(self) -> int:
        """The same for as long as it lives, refusals included."""
        port: int = self._door.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """For HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def plan(self) -> Plan:
        """What is to go wrong."""
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self._plan = plan
        for number, connection in self._open.items():
            connection.take(self.faults(number))

    def faults(self, number: int) -> Faults:
        """What the plan has for a connection."""
        if isinstance(self._plan, Faults):
            return self._plan
        return self._plan(number, Random(f"{self.seed}/{number}"))

    def cut(self) -> None:
        """Reset every connection there is; the plan says what becomes of new ones."""
        for connection in self._open.values():
            connection.cut()

    def refuse(self) -> None:
        """Stop listening: who connects is refused by the system, until `heal`."""
        if self._listening:
            port = self.port
            self._listening = False
            anyio.notify_closing(self._door)
            self._door.close()
            self._door = _door(port)

    def heal(self) -> None:
        """Listen, and let everything through. Connections that have lost bytes stay lost."""
        self.plan = HEALTHY
        if not self._listening:
            self._listen()

    def happened(self, kind: type[Toxic]) -> list[Happening]:
        """Every time such a fault came about."""
        return [one for one in self.history if isinstance(one.fault, kind)]

    async def until(self, kind: type[Toxic], times: int = 1) -> None:
        """Wait until such a fault has come about so many times."""
        await self._until(lambda: len(self.happened(kind)) >= times)

    async def connected(self, connections: int = 1) -> None:
        """Wait until so many connections, counted from the beginning, have reached the target."""
        await self._until(lambda: self._made >= connections)

    async def disconnected(self) -> None:
        """Wait until no connection is open."""
        await self._until(lambda: not self._open)

    def note(self, connection: int, direction: Direction, fault: Toxic, offset: int) -> None:
        """Put a fault into the history."""
        self.history.append(Happening(connection, direction, fault, offset))
        self._ring()

    async def _until(self, so: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            while not so():
                await self._news.wait()

    def _ring(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    def _listen(self) -> None:
        self._door.listen()
        self._listening = True
        self._tasks.start_soon(self._accept, self._door)

    async def _accept(self, door: socket.socket) -> None:
        with suppress(anyio.ClosedResourceError):
            while door.fileno() >= 0:
                await anyio.wait_readable(door)
                with suppress(OSError):  # refused meanwhile, or the caller has gone
                    near, _ = door.accept()
                    self._tasks.start_soon(self._carry, near, next(self._numbers))

    async def _carry(self, near: socket.socket, number: int) -> None:
        with opened(near), opened() as far:
            for direction, toxic in self.faults(number):
                if isinstance(toxic, Refuse):
                    self.note(number, direction, toxic, 0)
                    return
            try:
                await connect(far, self._target)
            except OSError:
                reset_on_close(near)
            else:
                await self._join(number, near, far)

    async def _join(self, number: int, near: socket.socket, far: socket.socket) -> None:
        it = Connection(near, far, partial(self.note, number), f"{self.seed}/{number}")
        it.take(self.faults(number))
        self._open[number] = it
        self._made += 1
        self._ring()
        try:
            await it.run()
        finally:
            del self._open[number]
            self._ring()


def _door(port: int) -> socket.socket:
    """A socket that keeps the port without listening."""
    door = opened()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    return door
