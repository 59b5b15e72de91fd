"""Data to try things with: made through the same handlers that requests come to."""

from __future__ import annotations

from typing import Any

from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.contacts import AddContact, AddMyContact
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.lifecycle import MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.contract.messages import Mention, SendMessage, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import add_agent, add_user, find
from thenvoi_bridge.platform.auth import principal_of
from thenvoi_bridge.platform.handlers import HANDLERS
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal

PEOPLE = (
    ("alice@demo.example", "Alice Doe", "Demo"),
    ("bob@demo.example", "Bob Roe", "Demo"),
    ("carol@partner.example", "Carol Poe", "Partner"),
)
"""E-mail address, name, organisation."""

AGENTS = (
    ("alice@demo.example", "Scout", "Looks things up"),
    ("alice@demo.example", "Scribe", "Writes things down"),
    ("bob@demo.example", "Rover", "Runs errands"),
)
"""Owner, name, description."""


class Cast:
    """Who was made, and what they do."""

    def __init__(self, tx: Change, handles: list[str]) -> None:
        self._tx = tx
        self._by_handle = {handle: _principal(tx, handle) for handle in handles}

    def id(self, handle: str) -> str:
        """Somebody's id."""
        return self._by_handle[handle].id

    def does(self, handle: str, call: Any) -> Any:
        """Make a call as somebody."""
        return HANDLERS[type(call)](call, self._by_handle[handle], self._tx)

    def mention(self, handle: str) -> list[Mention]:
        """A mention of somebody."""
        return [Mention(id=self.id(handle), handle=handle)]


def seed(tx: Change) -> list[dict[str, Any]]:
    """Two organisations with people, agents, a room, contacts and a memory.

    Answers id, handle and key of everybody. Raises `Conflict` if it was done before.
    """
    made = [add_user(tx, email=email, name=name, organization=where) for email, name, where in PEOPLE]
    made += [add_agent(tx, owner=owner, name=name, description=does) for owner, name, does in AGENTS]
    cast = Cast(tx, [one["handle"] for one in made])
    _talk(cast)
    _know(cast)
    return made


def _talk(cast: Cast) -> None:
    room = cast.does("alice", CreateMyChat()).id
    for who in ("bob", "alice/scout", "alice/scribe"):
        cast.does("alice", AddMyParticipant(chat_id=room, participant_id=cast.id(who)))
    question = "@alice/scout what changed in the release?"
    ask = SendMyMessage(chat_id=room, content=question, mentions=cast.mention("alice/scout"))
    asked = cast.does("alice", ask)
    cast.does("alice/scout", MarkProcessing(chat_id=room, message_id=asked.id))
    thought = SendEvent(chat_id=room, content="Reading the change log", message_type="thought")
    cast.does("alice/scout", thought)
    answer = SendMessage(chat_id=room, content="@alice Three fixes.", mentions=cast.mention("alice"))
    cast.does("alice/scout", answer)
    cast.does("alice/scout", MarkProcessed(chat_id=room, message_id=asked.id))
    order = "@alice/scribe please write that down."
    cast.does("alice", SendMyMessage(chat_id=room, content=order, mentions=cast.mention("alice/scribe")))


def _know(cast: Cast) -> None:
    cast.does("carol", AddMyContact(recipient_handle="alice", message="We met at the fair."))
    cast.does("alice", AddMyContact(recipient_handle="carol"))
    cast.does("alice/scout", AddContact(handle="bob/rover", message="Can you run errands for me?"))
    memory = StoreMemory(
        content="Alice wants short answers.",
        system="long_term",
        type="semantic",
        segment="user",
        thought="She said so.",
        subject_id=cast.id("alice"),
    )
    cast.does("alice/scout", memory)


def _principal(tx: Change, handle: str) -> Principal:
    return principal_of({**find(tx, handle), "key_id": "", "plan": "free"})
