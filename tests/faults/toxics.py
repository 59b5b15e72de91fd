"""What can go wrong with one direction of a TCP connection; each draws only from a generator of its own.

Where a fault happens depends on its generator and on how many bytes have passed, never on how the network cut
them into pieces, so that the same seed gives the same faults at the same bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

import anyio

Send = Callable[[bytes], Awaitable[None]]
"""Passes bytes on. No bytes mean that the sender has finished (FIN)."""


class Torn(Exception):
    """The connection is to end with a reset (RST)."""


@dataclass
class Spot:
    """Where a toxic works. `note` takes the byte, counted from where the toxic began to work.

    `lose` says that bytes are missing from now on.
    """

    rng: Random
    note: Callable[[int], None]
    lose: Callable[[], None]
    _noted: bool = False

    def note_once(self, at: int = 0) -> None:
        """Note it unless it has been noted here before."""
        if not self._noted:
            self._noted = True
            self.note(at)


@dataclass(frozen=True)
class Toxic:
    """A fault. By itself it passes everything on."""

    def over(self, onward: Send, spot: Spot) -> Send:
        """This fault, put before `onward`."""
        return onward


@dataclass(frozen=True)
class Latency(Toxic):
    """Whatever was read at once waits so long, and up to `jitter` longer. Seconds; noted once."""

    seconds: float
    jitter: float = 0.0

    def over(self, onward: Send, spot: Spot) -> Send:
        async def delayed(data: bytes) -> None:
            spot.note_once()
            await anyio.sleep(self.seconds + spot.rng.uniform(0, self.jitter))
            await onward(data)

        return delayed


@dataclass(frozen=True)
class Throttle(Toxic):
    """At most so many bytes a second, in twenty pieces a second. Noted once."""

    bytes_per_second: int

    def over(self, onward: Send, spot: Spot) -> Send:
        most = max(1, self.bytes_per_second // 20)

        async def throttled(data: bytes) -> None:
            spot.note_once()
            for at in range(0, len(data) or 1, most):
                piece = data[at : at + most]
                await anyio.sleep(len(piece) / self.bytes_per_second)
                await onward(piece)

        return throttled


@dataclass(frozen=True)
class Slice(Toxic):
    """Pieces of 1 to `most` bytes, each sent on by itself. Noted once."""

    most: int

    def over(self, onward: Send, spot: Spot) -> Send:
        left = 0

        async def sliced(data: bytes) -> None:
            nonlocal left
            spot.note_once()
            at = 0
            while at < (len(data) or 1):
                left = left or spot.rng.randint(1, self.most)
                piece = data[at : at + left]
                left -= len(piece)
                at += len(piece) or 1
                await onward(piece)

        return sliced


@dataclass(frozen=True)
class Corrupt(Toxic):
    """Flips one bit of a byte, of one byte in `every` on average. Each is noted."""

    every: int

    def over(self, onward: Send, spot: Spot) -> Send:
        def gap() -> int:
            return spot.rng.randint(1, 2 * self.every - 1)

        passed, due = 0, gap() - 1

        async def corrupted(data: bytes) -> None:
            nonlocal passed, due
            bad = bytearray(data)
            while due < passed + len(bad):
                bad[due - passed] ^= 1 << spot.rng.randrange(8)
                spot.note(due)
                due += gap()
            passed += len(bad)
            await onward(bytes(bad))

        return corrupted


@dataclass(frozen=True)
class Reset(Toxic):
    """Both ends are reset (RST) once so many bytes have passed; after 0, when anything is to pass.

    What was sent just before may be lost too where the system throws it away with the reset; Linux does not.
    """

    after_bytes: int = 0

    def over(self, onward: Send, spot: Spot) -> Send:
        left = self.after_bytes

        async def ending(data: bytes) -> None:
            nonlocal left
            if left:
                head = data[:left]
                left -= len(head)
                await onward(head)
            if not left:
                spot.note_once(self.after_bytes)
                raise Torn

        return ending


@dataclass(frozen=True)
class BlackHole(Toxic):
    """Whatever follows so many bytes is swallowed, the end included; the connection stays open.

    A connection that lost bytes stays a black hole for good, as a stream with a gap would be no TCP.
    """

    after_bytes: int = 0

    def over(self, onward: Send, spot: Spot) -> Send:
        left = self.after_bytes

        async def swallowed(data: bytes) -> None:
            nonlocal left
            if left:
                head, data = data[:left], data[left:]
                left -= len(head)
                await onward(head)
                if not data:
                    return
            spot.note_once(self.after_bytes)
            spot.lose()

        return swallowed


@dataclass(frozen=True)
class IdleClose(Toxic):
    """Both ends get a FIN after so many seconds without traffic in either direction."""

    after: float


@dataclass(frozen=True)
class Refuse(Toxic):
    """The connection is accepted and closed at once, without one to the target."""


@dataclass(frozen=True)
class Cut(Toxic):
    """What `FaultProxy.cut` leaves in the history."""


Direction = Literal["up", "down"]
"""Up goes to the target."""


@dataclass(frozen=True)
class Faults:
    """The toxics of a connection's two directions; bytes meet them in this order."""

    up: tuple[Toxic, ...] = ()
    down: tuple[Toxic, ...] = ()

    def __iter__(self) -> Iterator[tuple[Direction, Toxic]]:
        yield from (("up", toxic) for toxic in self.up)
        yield from (("down", toxic) for toxic in self.down)


HEALTHY = Faults()


def both(*toxics: Toxic) -> Faults:
    """These in either direction."""
    return Faults(toxics, toxics)


@dataclass(frozen=True)
class Happening:
    """A fault that came about at this byte of a direction of a connection."""

    connection: int
    direction: Direction
    fault: Toxic
    offset: int
