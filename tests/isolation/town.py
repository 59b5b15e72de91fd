"""Agents of several organisations and the people they belong to, each with secrets that few may see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.world import Somebody, World, say
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import MessageSent

SECRET = re.compile(r"canary-[0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What may be one, wherever it stands in an answer."""


@dataclass(frozen=True)
class Principal:
    """Somebody with a key, and one room of theirs with a message in it that mentions the agent there."""

    number: int
    who: Somebody
    owner: Somebody
    agent: Somebody
    room: ChatRoom
    message: MessageSent
    canary: str

    @property
    def side(self) -> str:
        return "human" if self.who is self.owner else "agent"

    @property
    def mode(self) -> str:
        return "legacy" if self.number % 2 else "modern"


@dataclass
class Town:
    """Everybody, and by secret who may see it."""

    principals: list[Principal] = field(default_factory=list)
    seen_by: dict[str, set[str]] = field(default_factory=dict)

    def betrayed(self, to: Principal, text: str) -> set[str]:
        """What stands in a text and is a secret of others."""
        found = {secret for secret in SECRET.findall(text) if secret in self.seen_by}
        return {secret for secret in found if to.who.id not in self.seen_by[secret]}

    def keep(self, secrets: Iterable[str], among: Iterable[Somebody]) -> None:
        """Let these be known to those alone."""
        for secret in secrets:
            self.seen_by[secret] = {who.id for who in among}


async def settle(where: World, number: int) -> Town:
    """So many principals, in organisations of two people with four agents each."""
    town = Town()
    while len(town.principals) < number:
        person = len(town.principals) // 5
        owner = await where.person(f"Person {person}", f"Org{person // 2}")
        for place in range(min(5, number - len(town.principals))):
            agent = await where.agent(owner, f"Agent {place}")
            town.principals.append(await _housed(where, town, owner, agent, alone=place == 0))
    return town


async def _housed(where: World, town: Town, owner: Somebody, agent: Somebody, *, alone: bool) -> Principal:
    """The agent as a principal, or its owner, whose agent there has no host."""
    number = len(town.principals)
    room, canary = await where.room(owner, agent), f"canary-{number}"
    message = await say(owner, room, agent, canary)
    town.keep((room.id, canary, message.id), (owner, agent))
    return Principal(number, owner if alone else agent, owner, agent, room, message, canary)
