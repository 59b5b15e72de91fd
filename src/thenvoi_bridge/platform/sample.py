"""Data to try things with: made through the same handlers that requests come to."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Who was made, and what they do. Known by name here: a handle may have gone to somebody before."""

    def __init__(self, tx: Change, handles: Mapping[str, str]) -> None:
        self._tx = tx
        self.handles = handles
        self._by_name = {name: _principal(tx, handle) for name, handle in handles.items()}

    def id(self, name: str) -> str:
        """Somebody's id."""
        return self._by_name[name].id

    def does(self, name: str, call: Any) -> Any:
        """Make a call as somebody."""
        return HANDLERS[type(call)](call, self._by_name[name], self._tx)

    def says(
        self, name: str, kind: type[SendMessage] | type[SendMyMessage], room: str, to: str, text: str
    ) -> Any:
        """Send a text to somebody in a room."""
        handle = self.handles[to]
        mentions = [Mention(id=self.id(to), handle=handle)]
        return self.does(name, kind(chat_id=room, content=f"@{handle} {text}", mentions=mentions))


def seed(tx: Change) -> list[dict[str, Any]]:
    """Two organisations with people, agents, a room, contacts and a memory.

    Answers id, handle and key of everybody. Raises `Conflict` if it was done before.
    """
    made = [add_user(tx, email=email, name=name, organization=where) for email, name, where in PEOPLE]
    made += [add_agent(tx, owner=owner, name=name, description=does) for owner, name, does in AGENTS]
    names = [name.split()[0].lower() for _, name, *_ in (*PEOPLE, *AGENTS)]
    cast = Cast(tx, dict(zip(names, (one["handle"] for one in made), strict=True)))
    _talk(cast)
    _know(cast)
    return made


def _talk(cast: Cast) -> None:
    room = cast.does("alice", CreateMyChat()).id
    for who in ("bob", "scout", "scribe"):
        cast.does("alice", AddMyParticipant(chat_id=room, participant_id=cast.id(who)))
    asked = cast.says("alice", SendMyMessage, room, "scout", "what changed in the release?")
    cast.does("scout", MarkProcessing(chat_id=room, message_id=asked.id))
    thought = SendEvent(chat_id=room, content="Reading the change log", message_type="thought")
    cast.does("scout", thought)
    cast.says("scout", SendMessage, room, "alice", "Three fixes.")
    cast.does("scout", MarkProcessed(chat_id=room, message_id=asked.id))
    cast.says("alice", SendMyMessage, room, "scribe", "please write that down.")


def _know(cast: Cast) -> None:
    meeting = AddMyContact(recipient_handle=cast.handles["alice"], message="We met at the fair.")
    cast.does("carol", meeting)
    cast.does("alice", AddMyContact(recipient_handle=cast.handles["carol"]))
    errands = AddContact(handle=cast.handles["rover"], message="Can you run errands for me?")
    cast.does("scout", errands)
    memory = StoreMemory(
        content="Alice wants short answers.",
        system="long_term",
        type="semantic",
        segment="user",
        thought="She said so.",
        subject_id=cast.id("alice"),
    )
    cast.does("scout", memory)


def _principal(tx: Change, handle: str) -> Principal:
    return principal_of({**find(tx, handle), "key_id": "", "plan": "free"})
