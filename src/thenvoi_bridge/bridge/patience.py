"""How a host waits for mentions: for how long at a time, one wait at a time, how often in vain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import anyio

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.hosts import Host, host_of
from thenvoi_bridge.contract.errors import Conflict

IN_VAIN = 5
"""Waits in vain, one after the other, after which a host is told to stop: each costs a turn of its model."""

GRACE = 1.0
"""Seconds that a wait which was called off may take to end before the next one begins."""


class Patience:
    """That of one host. `client` is what it calls itself, `in_vain` how many waits have brought nothing."""

    at_once = 1

    def __init__(self, longest: float = 0.0) -> None:
        self._longest = longest
        self._one = anyio.Semaphore(self.at_once)
        self.client: str | None = None
        self.in_vain = 0

    @property
    def longest(self) -> float:
        """Seconds that one wait takes at most: as the user says, else as the host is known to stand."""
        return self._longest or self._known(host_of(self.client))

    @property
    def is_spent(self) -> bool:
        """Whether it has waited in vain often enough."""
        return self.in_vain >= IN_VAIN

    @staticmethod
    def _known(host: Host) -> float:
        return host.wait_stdio

    @asynccontextmanager
    async def wait(self) -> AsyncGenerator[None]:
        """One wait. Raises `Conflict` (`already_waiting`) while there is another one."""
        with anyio.move_on_after(GRACE) as grace:
            await self._one.acquire()
        if grace.cancelled_caught:
            raise Conflict(wording.ALREADY_WAITING, code="already_waiting")
        try:
            yield
        finally:
            self._one.release()


class OverHttp(Patience):
    """That of one host over HTTP. Its `client` is known from the start."""

    def __init__(self, longest: float, client: str | None) -> None:
        super().__init__(longest)
        self.client = client

    @staticmethod
    def _known(host: Host) -> float:
        return host.wait_http


class Unconnected(OverHttp):
    """That of the hosts of one kind which have no connection, so that nobody can tell them apart."""

    at_once = 8


ASKING: ContextVar[Patience | None] = ContextVar("asking", default=None)
"""Of several hosts that share a session, that of the one whose request is answered just now."""


@contextmanager
def asking(patience: Patience) -> Generator[None]:
    """Answer a request of this host's."""
    token = ASKING.set(patience)
    try:
        yield
    finally:
        ASKING.reset(token)
