"""People and agents who know each other or do not, and HTTP in the raw, before a client of ours reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2

from tests.world import Somebody, World
from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.call import Wire
from thenvoi_bridge.contract.messages import Mention

Json = dict[str, Any]

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that was never given to anybody or anything."""

_newcomers = count(1)


@dataclass(frozen=True)
class Town:
    """Alice and Bob are of one organisation, Mallory of another. The rest are agents of theirs.

    `http` speaks to the platform's `/api/v1` and brings no key.
    """

    here: World
    http: httpx2.AsyncClient
    alice: Somebody
    scout: Somebody
    muse: Somebody
    bob: Somebody
    rover: Somebody
    mallory: Somebody
    spy: Somebody

    async def newcomer(self) -> Somebody:
        """A person in an organisation where nobody else is."""
        nth = next(_newcomers)
        return await self.here.person(f"Newcomer {nth}", f"Firm {nth}")

    async def room(self, *members: Somebody) -> str:
        """The id of a new room of Alice's with these members."""
        return (await self.here.room(self.alice, *members)).id

    async def say(self, room: str, *to: Somebody, text: str = "hello", who: Somebody | None = None) -> str:
        """The id of a new message; Alice sends it unless another does."""
        who = who or self.alice
        message = {"content": text, "mentions": [{"id": one.id} for one in to]}
        path = f"{side(who)}/chats/{room}/messages"
        sent = data(await self.http.post(path, json={"message": message}, headers=by(who)), 201)
        return str(sent["id"])

    async def mark(self, who: Somebody, room: str, message: str, order: str) -> httpx2.Response:
        """An agent says how far it has come."""
        path = f"/agent/chats/{room}/messages/{message}/{order}"
        body = {"error": "it broke"} if order == "failed" else None
        return await self.http.post(path, json=body, headers=by(who))

    async def get(self, who: Somebody, path: str, **query: str | int) -> Any:
        """The whole body of a successful answer."""
        answer = await self.http.get(path, params=query, headers=by(who))
        assert answer.status_code == 200, answer.text
        return answer.json()


async def town_on(here: World, http: httpx2.AsyncClient) -> Town:
    alice, bob = await here.person("Alice Doe"), await here.person("Bob Roe")
    mallory = await here.person("Mallory Moe", "Evil")
    return Town(
        here,
        http,
        alice=alice,
        scout=await here.agent(alice, "Scout"),
        muse=await here.agent(alice, "Muse"),
        bob=bob,
        rover=await here.agent(bob, "Rover"),
        mallory=mallory,
        spy=await here.agent(mallory, "Spy"),
    )


def side(who: Somebody) -> str:
    """The half of the API that somebody's key opens."""
    return "/agent" if "/" in who.handle else "/me"


def by(who: Somebody) -> dict[str, str]:
    """The header that says who asks."""
    return {"X-API-Key": who.key}


def data(answer: httpx2.Response, status: int = 200) -> Any:
    """What a successful answer carries."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["data"]


def refused(answer: httpx2.Response, status: int, code: str) -> Json:
    """The details of a refusal, whose envelope must be complete."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "request_id", "details"}
    assert body["error"]["code"] == code, answer.text
    assert re.fullmatch(r"[0-9a-f]{16}", body["error"]["request_id"])
    assert body["error"]["message"]
    details: Json = body["error"]["details"]
    assert all(isinstance(why, list) for why in details.values())
    return details


def info(page: int, page_size: int, total: int, pages: int) -> Json:
    """What is said of a page, to older and to newer clients."""
    newer = {"limit": page_size, "has_more": page < pages}
    return {"page": page, "page_size": page_size, "total_count": total, "total_pages": pages, **newer}


def is_time(text: object) -> bool:
    """Whether this is a time as the contract writes it."""
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    return isinstance(text, str) and re.fullmatch(form, text) is not None


def example(kind: type[Call[Any]], **given: str) -> Wire:
    """A request for any call, made of what it requires and what of `given` it knows: ids, mostly."""
    person = given.get("participant_id", NOBODY)
    values: dict[str, object] = {
        "chat_id": NOBODY,
        "message_id": NOBODY,
        "participant_id": NOBODY,
        "content": "hello",
        "mentions": [Mention(id=person)],
        "message_type": "thought",
        "error": "it broke",
        "name": "Somebody",
        "description": "somebody",
        "agent_id": NOBODY,
        "memory_id": NOBODY,
        "request_id": NOBODY,
        "handle": "nobody",
        "recipient_handle": "nobody",
        "action": "approve",
        "system": "working",
        "type": "semantic",
        "segment": "user",
        "thought": "worth keeping",
        **given,
    }
    needed = [n for n, field in kind.model_fields.items() if field.is_required() or n in given]
    return kind.model_validate({name: values[name] for name in needed}).to_wire()
