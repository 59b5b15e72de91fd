"""Every refusal that the OpenAPI document declares for an operation is one that the operation gives.

409 is told from what is there already: `tests/wire` and the tests of each group have it, with every success.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from tests.platform.conftest import MEMORY
from tests.platform.stage import spellings
from tests.platform.town import NOBODY, Town, by, refused, town_on
from tests.world import Somebody, world
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Route, Wire
from thenvoi_bridge.platform.openapi.document import document
from thenvoi_bridge.settings import Platform

OPERATIONS = [(kind, route) for kind in CALLS for route in kind.routes()]
IDS = dict.fromkeys(("chat_id", "not_in_chat", "contact_id", "request_id"), NOBODY)
ELSEWHERE = {409, 503}
"""Told from what is there already, and from a database that others hold."""

UNREACHABLE = {("/api/v1/me/profile", 404)}
"""Whoever has a key has a profile; the published clients know the refusal all the same."""


def declared(route: Route) -> set[int]:
    responses = document()["paths"][route.template][route.method.lower()]["responses"]
    return {int(status) for status in responses}


def named(value: object) -> str:
    return f"{value.method}-{value.path}" if isinstance(value, Route) else getattr(value, "__name__", "")


def wire_of(kind: type[Call[Any]], route: Route) -> Wire:
    return next(wire for spelling, wire in spellings(kind, IDS) if spelling is route)


def right(town: Town, route: Route) -> Somebody:
    """Whoever may ask this."""
    return town.scout if route.side == "agent" else town.alice


async def send(town: Town, wire: Wire, who: Somebody | None, **given: Any) -> httpx2.Response:
    url = f"{town.here.url}{wire.path}"
    body = {"json": wire.body} if "content" not in given else {}
    request = {"params": wire.query, "headers": by(who) if who else {}, **body, **given}
    return await town.http.request(wire.method, url, **request)


@pytest.fixture(scope="module")
async def spent() -> AsyncGenerator[Town]:
    """A town whose Alice and Scout may ask once a minute, and have."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        async with (
            world(Path(folder), Platform(rate=2)) as here,
            httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
        ):
            town = await town_on(here, http)  # Alice has registered two agents
            for _ in range(2):
                await town.http.get("/agent/me", headers=by(town.scout))
            yield town


@pytest.mark.parametrize(("kind", "route"), OPERATIONS, ids=named)
async def test_an_operation_gives_every_refusal_it_declares(
    town: Town, spent: Town, kind: type[Call[Any]], route: Route
) -> None:
    wire, who = wire_of(kind, route), right(town, route)
    wrong = town.alice if route.side == "agent" else town.scout
    broken = {"content": b"{", "headers": {**by(who), "Content-Type": "application/json"}}
    huge = {"content": b" " * (Platform().max_body + 1)}
    given = {
        400: lambda: send(town, wire, who, **broken),
        401: lambda: send(town, wire, None),
        403: lambda: send(town, wire, wrong),
        404: lambda: send(town, wire, who),
        414: lambda: send(town, wire, who, params={**wire.query, "long": "x" * Platform().max_url}),
        431: lambda: send(town, wire, who, headers={**by(who), "X-Long": "x" * Platform().max_headers}),
        413: lambda: send(town, wire, who, **huge),
        422: lambda: send(town, wire, who, params={**wire.query, "nobody": "knows"}),
        429: lambda: send(spent, wire, right(spent, route)),
    }
    told = {status for status in declared(route) if status >= 400} - ELSEWHERE
    assert told <= set(given)
    for status in sorted(status for status in told if (route.template, status) not in UNREACHABLE):
        answer = await given[status]()
        assert answer.status_code == status, answer.text
        refused(answer, status, answer.json()["error"]["code"])


@pytest.mark.parametrize(("kind", "route"), OPERATIONS, ids=named)
def test_an_operation_declares_the_success_that_its_route_has(kind: type[Call[Any]], route: Route) -> None:
    succeeded = {status for status in declared(route) if status < 400}
    assert route.status in succeeded
    assert succeeded <= {200, 201, 204}
