"""What an isolation test needs: somebody with things of every kind, and everybody who must not reach them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from tests.home import opened
from tests.platform.town import NOBODY, Json, Town, by, example, side, town_on
from tests.world import Somebody, world
from thenvoi_bridge.contract import CALLS, Call
from thenvoi_bridge.contract.call import Route, Wire
from thenvoi_bridge.contract.contacts import (
    AddContact,
    AddMyContact,
    ListContacts,
    ListMyContacts,
    ListMySentRequests,
)
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.contract.messages import Mention, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import administer, create_key, revoke_key
from thenvoi_bridge.settings import Platform

CANARY = "canary-6f1e1fd5"
"""In every text that is Alice's or Scout's alone."""


@dataclass(frozen=True)
class Attacker:
    """Somebody who asks for what is not theirs. `kind` is what their credential is good for, if anything."""

    name: str
    headers: dict[str, str]
    kind: str | None = None
    who: Somebody | None = None
    same_organization: bool = False


@dataclass
class Stage:
    """Alice and Scout own everything that `targets` names; `heard` is all that attackers were answered."""

    town: Town
    carol: Somebody
    targets: list[dict[str, str]]
    attackers: list[Attacker]
    heard: list[str] = field(default_factory=list[str])

    async def probe(self, attacker: Attacker, wire: Wire) -> httpx2.Response:
        """One request of an attacker."""
        url = f"{self.town.here.url}{wire.path}"
        answer = await self.town.http.request(
            wire.method, url, params=wire.query, json=wire.body, headers=attacker.headers
        )
        self.heard.append(answer.text + str(answer.headers))
        return answer

    async def belongings(self) -> list[Json]:
        """All that Alice and Scout can see of their own; no attack may change it."""
        room = self.targets[0]["chat_id"]
        views = {
            self.town.alice: (
                "/me/profile", "/me/agents", "/me/chats", f"/me/chats/{room}/messages",
                f"/me/chats/{room}/participants", "/me/contacts", "/me/contacts/requests",
                "/me/contacts/requests/sent", "/me/memories",
            ),
            self.town.scout: (
                "/agent/me", "/agent/chats", f"/agent/chats/{room}/context", "/agent/contacts",
                "/agent/contacts/requests",
            ),
        }  # fmt: skip
        seen = [await self.town.get(who, path) for who, paths in views.items() for path in paths]
        # Agents of one organisation may remember things about Alice, and she sees that.
        friends = (self.town.muse.id, self.town.rover.id)
        memories = [m for m in seen[8]["data"] if m["source_agent_id"] not in friends]
        return [*seen[:8], *memories, *seen[9:]]


def spellings(kind: type[Call[Any]], ids: dict[str, str]) -> Iterator[tuple[Route, Wire]]:
    """A request for every route of a call, with these ids wherever it takes one."""
    known = {name: id for name, id in ids.items() if name in kind.model_fields}
    yield kind.route, example(kind, **known)
    for route in kind.route.also:
        named = {name: quote(ids.get(name, NOBODY)) for name in route.path_fields}
        yield route, Wire(route.method, route.template.format(**named))


KEYED = [kind for kind in CALLS if kind.route.side != "open"]
"""Every call that needs a key."""


@asynccontextmanager
async def staged(folder: Path) -> AsyncGenerator[Stage]:
    """A platform with a stage on it."""
    async with (
        world(folder, Platform(connects=0)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        town = await town_on(here, http)
        carol = await here.person("Carol Poe", "Partner")
        targets = [await _together(town, carol), await _alone(town, carol)]
        yield Stage(town, carol, targets, [*_strangers(town), *await _powerless(town)])


async def _together(town: Town, carol: Somebody) -> dict[str, str]:
    """What Alice and Scout have with each other."""
    alice, scout = town.alice, town.scout
    room = await town.room(scout)
    said = SendMyMessage(chat_id=room, content=f"{CANARY} said", mentions=[Mention(id=scout.id)])
    message = (await alice.call(said)).id
    metadata = {"secret": f"{CANARY} metadata"}
    event = SendEvent(chat_id=room, content=f"{CANARY} done", message_type="thought", metadata=metadata)
    await scout.call(event)
    memory = await scout.call(_memory(alice.id))
    await alice.call(AddMyContact(recipient_handle=carol.handle, message=f"{CANARY} please"))
    pending = (await alice.call(ListMySentRequests())).data[0].id
    return {
        "chat_id": room, "not_in_chat": room, "chat_room_id": room, "message_id": message,
        "memory_id": memory.id, "agent_id": scout.id, "request_id": pending, "subject_id": alice.id,
        "contact_id": await _contact_of_scout(town, carol),
    }  # fmt: skip


async def _alone(town: Town, carol: Somebody) -> dict[str, str]:
    """What they have with Carol."""
    alice, scout, muse = town.alice, town.scout, town.muse
    room = (await town.here.room(alice)).id
    await alice.call(AddMyParticipant(chat_id=room, participant_id=scout.id))
    message = (
        await alice.call(
            SendMyMessage(chat_id=room, content=f"{CANARY} again", mentions=[Mention(id=scout.id)])
        )
    ).id
    asked = await scout.call(AddContact(handle=town.rover.handle, message=f"{CANARY} errand"))
    await town.rover.call(AddContact(handle=scout.handle))
    other = await scout.call(AddContact(handle=carol.handle, message=f"{CANARY} hello"))
    memory = await scout.call(_memory(room))
    assert asked.status == "pending"
    contact = (await scout.call(ListContacts())).data[0].id
    return {
        "chat_id": room, "not_in_chat": room, "chat_room_id": room, "message_id": message,
        "memory_id": memory.id, "agent_id": muse.id, "request_id": other.id, "subject_id": room,
        "contact_id": contact,
    }  # fmt: skip


async def _contact_of_scout(town: Town, carol: Somebody) -> str:
    """Carol's agent and Alice are in contact; the id of Alice's record."""
    agent = await town.here.agent(carol, "Helper")
    await agent.call(AddContact(handle=town.alice.handle))
    await town.alice.call(AddMyContact(recipient_handle=agent.handle))
    return (await town.alice.call(ListMyContacts())).data[0].id


def _memory(subject_id: str) -> StoreMemory:
    return StoreMemory(
        content=f"{CANARY} remembered", system="working", type="semantic", segment="user",
        thought=f"{CANARY} because", subject_id=subject_id, metadata={"tags": [f"{CANARY} tag"]},
    )  # fmt: skip


def _strangers(town: Town) -> Iterator[Attacker]:
    """Those whose key is good, for other things."""
    strangers = {
        "another organisation's person": town.mallory,
        "another organisation's agent": town.spy,
        "another owner": town.bob,
        "another owner's agent": town.rover,
        "the same owner's other agent": town.muse,
    }
    for name, who in strangers.items():
        of_acme = who not in (town.mallory, town.spy)
        yield Attacker(name, by(who), "human" if side(who) == "/me" else "agent", who, of_acme)


async def _powerless(town: Town) -> list[Attacker]:
    """Those whose credential is good for nothing."""
    async with opened(town.here.folder) as (db, keys):

        def spoilt(who: Somebody, *, revoked: bool) -> Any:
            def make(tx: Any) -> str:
                new = create_key(tx, who=who.handle, seconds=None if revoked else 0)
                if revoked:
                    revoke_key(tx, id=new["id"])
                return str(new["api_key"])

            return make

        dead = {
            f"{'a revoked' if revoked else 'an expired'} key of {who.name}": await administer(
                db, keys, spoilt(who, revoked=revoked)
            )
            for who in (town.alice, town.scout)
            for revoked in (True, False)
        }
    dead["garbage"] = "thnv_a_garbage_garbage"
    dead["another pepper's key"] = town.scout.key[:-1] + ("x" if town.scout.key[-1] != "x" else "y")
    attackers = [Attacker(name, {"X-API-Key": key}) for name, key in dead.items()]
    token = {"Authorization": f"Bearer {town.alice.key}"}
    return [
        *attackers,
        Attacker("nobody", {}),
        Attacker("a key as a token", token),
        Attacker("two credentials", {**by(town.alice), **token}),
    ]
