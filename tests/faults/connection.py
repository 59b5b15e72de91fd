"""One proxied connection: two lanes of bytes, and how it ends."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random

import anyio

from tests.faults.toxics import Cut, Direction, Faults, IdleClose, Send, Spot, Torn, Toxic

Note = Callable[[Direction, Toxic, int], None]
"""Told of each fault that comes about, and at which byte of the direction."""


class Connection:
    """A caller, the target, and the two lanes between them."""

    def __init__(self, near: socket.socket, far: socket.socket, note: Note, seed: str) -> None:
        self._note = note
        self._ends = near, far
        self._scope = anyio.CancelScope()
        self._torn = False
        self._idle: tuple[Direction, IdleClose] | None = None
        self._lanes = (Lane("up", near, far, note, seed), Lane("down", far, near, note, seed))

    def take(self, faults: Faults) -> None:
        """Suffer these from now on."""
        self._idle = next(((way, one) for way, one in faults if isinstance(one, IdleClose)), None)
        self._stir()
        for lane in self._lanes:
            lane.take(faults.up if lane.direction == "up" else faults.down)

    def cut(self) -> None:
        """Reset both ends, and say so."""
        if not self._torn:
            for lane in self._lanes:
                self._note(lane.direction, Cut(), lane.passed)
            self._tear()

    async def run(self) -> None:
        """Carry bytes until both sides have finished, or a fault ends it."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    for lane in self._lanes:
                        tasks.start_soon(self._keep, lane)
            if self._scope.cancelled_caught and not self._torn and self._idle:
                way, fault = self._idle
                self._note(way, fault, self._lanes[way == "down"].passed)
        finally:
            if self._torn:
                for end in self._ends:
                    reset_on_close(end)

    async def _keep(self, lane: Lane) -> None:
        try:
            await lane.carry(self._stir)
        except Torn:
            self._tear()

    def _stir(self) -> None:
        self._scope.deadline = anyio.current_time() + (self._idle[1].after if self._idle else math.inf)

    def _tear(self) -> None:
        self._torn = True
        self._scope.cancel()


class Lane:
    """One direction of a connection. `passed` counts the bytes that came in."""

    def __init__(
        self, direction: Direction, source: socket.socket, sink: socket.socket, note: Note, seed: str
    ) -> None:
        self.direction = direction
        self.passed = 0
        self._note = note
        self._seed = f"{seed}/{direction}"
        self._source, self._sink = source, sink
        self._lost = False
        self._send: Send = partial(send, sink)

    def take(self, toxics: tuple[Toxic, ...]) -> None:
        """Suffer these from the next byte on, unless bytes have been lost."""
        if not self._lost:
            self._send = partial(send, self._sink)
            for place, toxic in reversed([*enumerate(toxics)]):
                self._send = toxic.over(self._send, self._spot(place, toxic))

    async def carry(self, stir: Callable[[], None]) -> None:
        """Pass everything on, the end included. Raises Torn when the connection is to be reset."""
        try:
            data = b"to begin with"
            while data:
                data = await receive(self._source)
                stir()
                self.passed += len(data)
                await self._send(data)
        except OSError as exc:
            if not self._lost:
                raise Torn from exc

    def _spot(self, place: int, toxic: Toxic) -> Spot:
        rng = Random(f"{self._seed}/{place}")
        start = self.passed

        def note(at: int) -> None:
            self._note(self.direction, toxic, start + at)

        return Spot(rng, note, self._lose)

    def _lose(self) -> None:
        self._lost = True


def opened(made: socket.socket | None = None) -> socket.socket:
    """A socket, new or just accepted, that neither waits nor gathers small pieces."""
    it = made or socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    it.setblocking(False)
    it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return it


async def connect(far: socket.socket, target: tuple[str, int]) -> None:
    """Connect. Raises OSError."""
    with suppress(BlockingIOError):
        far.connect(target)
    await anyio.wait_writable(far)
    if error := far.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, "the target is not there")


async def receive(source: socket.socket) -> bytes:
    """What is there next; nothing after a FIN. Raises OSError after a reset."""
    while True:
        await anyio.wait_readable(source)
        with suppress(BlockingIOError):
            return source.recv(2**16)


async def send(sink: socket.socket, data: bytes) -> None:
    """Send it all, or a FIN when that is nothing. Raises OSError."""
    if not data:
        sink.shutdown(socket.SHUT_WR)
    while data:
        await anyio.wait_writable(sink)
        with suppress(BlockingIOError):
            data = data[sink.send(data) :]


def reset_on_close(end: socket.socket) -> None:
    """Let it end with an RST in place of a FIN."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
