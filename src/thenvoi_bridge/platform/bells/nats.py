"""The bell over a NATS server, a few milliseconds sooner. Needs the extra `nats`.

Core NATS keeps nothing, and nothing of ours has to be kept: what is lost on the way is found by polling.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import anyio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from thenvoi_bridge.platform.bells import AGAIN, Rings, read
from thenvoi_bridge.platform.log import Bell

logger = logging.getLogger(__name__)


class NatsBell:
    """Carries the bell over the NATS server at an address, to all who use the same name there."""

    def __init__(self, address: str, name: str, bell: Bell) -> None:
        self._address, self._name = address, name
        self._bell, self._rings = bell, Rings(bell)
        self._silent = False

    async def run(self) -> None:
        """Carry until cancelled."""
        while True:
            with suppress(Error, OSError, TimeoutError):
                await self._carry()
            if not self._silent:  # no word of why: it may have the address, and that a password
                logger.warning("NATS cannot be reached: others' events come by way of Postgres")
            self._silent = True
            await anyio.sleep(AGAIN)

    async def _carry(self) -> None:
        """Carry until the connection is lost. `no_echo` keeps our own rings from us."""
        lost = anyio.Event()

        async def closed() -> None:
            lost.set()

        server = Client()  # not by `nats.connect`, which leaves a connection open that was refused
        try:
            await server.connect(
                self._address,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                no_echo=True,
                closed_cb=closed,
                error_cb=_quiet,
            )
            await server.subscribe(self._name, cb=self._heard)
            self._silent = False
            self._bell.echo(None)  # whatever was rung before
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._ring, server)
                await lost.wait()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(AGAIN, shield=True):
                await server.close()

    async def _ring(self, server: Client) -> None:
        while True:
            text = await self._rings.take()
            with suppress(Error):  # the connection is lost, and `_carry` about to learn of it
                await server.publish(self._name, text.encode())

    async def _heard(self, message: Msg) -> None:
        self._bell.echo(read(message.data.decode(errors="replace")))


async def _quiet(_: Exception) -> None:
    """The client would log the error with all it knows."""
