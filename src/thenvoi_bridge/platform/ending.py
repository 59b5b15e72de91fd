"""uvicorn's server, but for its end: gradual, so that thousands of clients do not all come back at once."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import socket
from types import FrameType

import anyio
import uvicorn

from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.platform.socket import CLOSED_RESTART, CLOSING
from thenvoi_bridge.platform.upgrade import Upgrade

AT_ONCE = 50
"""Sockets that may as well be closed all at once."""

STEP = 0.1
"""Seconds between one batch of sockets and the next."""

SOON = 0.005
"""Seconds after which to look whether what was just told to end has."""

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Ends at the first signal in steps, at the second at once.

    First it is not ready any more, which proxies have `notice` seconds to see; then nobody new gets in, and
    over `drain` seconds the sockets are closed with 1012, each after it was sent what it had heard. Requests
    are answered all the while; last of all, those under way have five seconds.
    """

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site, self._loop = site, asyncio.get_running_loop()
        self._gently = anyio.CancelScope()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn's handler of signals. The process ends by returning, not by the signal."""
        if self.should_exit:
            self.force_exit = True
            self._loop.call_soon_threadsafe(self._gently.cancel)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn once the server is to end."""
        self._site.ending.set()
        with self._gently:
            await anyio.sleep(self._site.settings.notice)
            for server in self.servers:
                server.close()
            await self._dismiss()
        await super().shutdown(sockets)

    async def _dismiss(self) -> None:
        """Close the sockets a few at a time, in no order, and wait until they know."""
        here, drain = list(self._site.presence), self._site.settings.drain
        batch = max(1, math.ceil(len(here) * STEP / drain)) if drain and len(here) > AT_ONCE else len(here)
        if here:
            logger.info("ending: closing %d sockets", len(here))
        with anyio.move_on_after(drain + CLOSING):
            while here := list(self._site.presence):
                for one in random.sample(here, min(batch, len(here))):
                    one.end(CLOSED_RESTART, "the server restarts")
                await anyio.sleep(STEP if len(here) > batch else SOON)
            while any(map(_is_open, self.server_state.connections)):  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(SOON)


def _is_open(connection: object) -> bool:
    """Whether this is a socket whose client has not been sent the close."""
    return isinstance(connection, Upgrade) and connection.handshake_complete and not connection.close_sent
