"""How people and agents get to know each other, each on their own side of the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.platform.line import Line, line
from tests.platform.town import Json, Town, by, data, side
from tests.world import Somebody


async def ask(town: Town, who: Somebody, handle: str, **more: Any) -> httpx2.Response:
    """Ask whoever has this handle to become a contact."""
    if side(who) == "/agent":
        path, body = "/agent/contacts/add", {"handle": handle, **more}
    else:
        path, body = "/me/contacts/requests", {"contact_request": {"recipient_handle": handle, **more}}
    return await town.http.post(path, json=body, headers=by(who))


async def asked(town: Town, who: Somebody, whom: Somebody, **more: Any) -> str:
    """The id of a new request."""
    return str(data(await ask(town, who, whom.handle, **more), 201)["id"])


async def act(town: Town, who: Somebody, action: str, request: str) -> httpx2.Response:
    """Approve, reject or cancel a request by its id."""
    if side(who) == "/agent":
        return await respond(town, who, action=action, request_id=request)
    path = f"/me/contacts/requests/{request}"
    if action == "cancel":
        return await town.http.delete(path, headers=by(who))
    return await town.http.post(f"{path}/{action}", headers=by(who))


async def respond(town: Town, agent: Somebody, **body: Any) -> httpx2.Response:
    return await town.http.post("/agent/contacts/requests/respond", json=body, headers=by(agent))


async def befriend(town: Town, one: Somebody, other: Somebody) -> None:
    data(await act(town, other, "approve", await asked(town, one, other)))


async def remove(town: Town, who: Somebody, **body: Any) -> httpx2.Response:
    return await town.http.post(f"{side(who)}/contacts/remove", json=body, headers=by(who))


async def contacts(town: Town, who: Somebody) -> list[Json]:
    found: list[Json] = (await town.get(who, f"{side(who)}/contacts", page_size=100))["data"]
    return found


async def contact(town: Town, who: Somebody) -> Json:
    """Somebody's only contact."""
    (one,) = await contacts(town, who)
    return one


async def waiting(town: Town, who: Somebody) -> list[str]:
    """Ids of the requests that wait for somebody's answer."""
    answer = (await town.get(who, f"{side(who)}/contacts/requests"))["data"]
    found = answer["received"] if side(who) == "/agent" else answer
    return [request["id"] for request in found]


async def deleted(town: Town, owner: Somebody, agent: Somebody) -> None:
    """After this the agent is no more."""
    data(await town.http.delete(f"/me/agents/{agent.id}", headers=by(owner)))


def topic_of(who: Somebody) -> str:
    return f"{side(who)[1:].replace('me', 'user')}_contacts:{who.id}"


@asynccontextmanager
async def listening(town: Town, who: Somebody) -> AsyncGenerator[Line]:
    """Somebody's socket, on the topic that tells of contacts."""
    async with line(town.here.url, who) as on:
        await on.join(topic_of(who))
        yield on


async def heard(town: Town, on: Line, whom: Somebody) -> list[tuple[str, Json]]:
    """What somebody was pushed so far: everything before a stranger asks them and thinks better of it."""
    stranger = await town.newcomer()
    last = await asked(town, stranger, whom)
    data(await act(town, stranger, "cancel", last))
    events: list[tuple[str, Json]] = []
    while True:
        _, _, topic, event, payload = await on.read()
        assert topic == topic_of(whom)
        if payload["id"] != last:
            events.append((event, payload))
        elif event == "contact_request_updated":
            return events
