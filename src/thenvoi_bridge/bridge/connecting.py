"""What a connection to a platform is made of: clients, and an agent's seat. Heavy to import, all of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from thenvoi_bridge.bridge.allowing import Doorman
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.bridge.seat import Seat, seated
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.identity import AgentMe
from thenvoi_bridge.inbox import repair
from thenvoi_bridge.inbox.places import Places
from thenvoi_bridge.inbox.privacy import NotPrivate
from thenvoi_bridge.listener import socket_url
from thenvoi_bridge.metering import Meter

Answer = TypeVar("Answer")


async def client_for(
    key: str | None, endpoint: Endpoint, belongings: AsyncExitStack, meter: Meter
) -> Client | None:
    """A client with this key, which ends with `belongings`; None without a key."""
    return await belongings.enter_async_context(Client(endpoint.base_url, key, meter=meter)) if key else None


async def ask_openly(call: Call[Answer], endpoint: Endpoint, meter: Meter) -> Answer:
    """Make a call that needs no key. Raises `ThenvoiError`."""
    async with Client(endpoint.base_url, "", meter=meter) as client:
        return await client(call)


@asynccontextmanager
async def seat_at(
    endpoint: Endpoint, agent: Client, me: AgentMe, places: Places, doorman: Doorman, host: str
) -> AsyncGenerator[Seat]:
    """The agent's seat there. Raises `Trouble`, also where its folder cannot be used."""
    assert endpoint.agent_key
    socket = endpoint.ws_url or socket_url(endpoint.base_url)
    known_as = host if endpoint.local else endpoint.agent_key
    async with AsyncExitStack() as taken:
        seat = seated(
            me,
            agent,
            key=endpoint.agent_key,
            socket=socket,
            places=places,
            doorman=doorman,
            known_as=known_as,
        )
        try:
            here = await taken.enter_async_context(seat)
        except (NotPrivate, OSError) as exc:
            raise repair.no_folder(exc) from exc
        yield here
