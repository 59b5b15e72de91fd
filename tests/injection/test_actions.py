"""A host that does the same has the bridge do the same, whatever others write: no text moves it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest

from tests.bridge.desk import Desk, live
from tests.injection.corpus import HOSTILE, KINDLY
from tests.injection.reading import inside, own_voice
from tests.injection.tap import Tap
from tests.world import Somebody, World, say, world
from thenvoi_bridge.bridge.untrusted import fenced, visible
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.contacts import AddContact
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.outgoing import key_of_answer

PARTS = 4
BATCH = 10
"""Texts in one room, and handed out at once."""


@dataclass(frozen=True)
class Story:
    """A person, her agent Scout with its host, a platform on which nothing else is, and what reaches that."""

    here: World
    alice: Somebody
    scout: Somebody
    carol: Somebody
    host: Desk
    tap: Tap


@asynccontextmanager
async def told(folder: Path) -> AsyncGenerator[Story]:
    tap = Tap()
    async with world(folder / "platform", around=tap.around) as here:
        alice, carol = await here.person(), await here.person("Carol Poe", "Elsewhere")
        scout = await here.agent(alice, "Scout")
        async with live(here, scout, folder / "state") as host:
            tap.key = scout.key
            yield Story(here, alice, scout, carol, host, tap)


async def peer(here: World, owner: Somebody, name: str, description: str) -> Somebody:
    """An agent that somebody has called by one of the texts, as far as a name goes."""
    made = await owner.call(RegisterMyAgent(name=name[:100], description=description[:500]))
    key, handle = made.credentials.api_key, made.agent.handle
    assert handle
    return Somebody(made.agent.id, handle, made.agent.name, key, await here.client(key))


async def scene(story: Story, texts: Sequence[str]) -> tuple[Somebody, ChatRoom, list[str]]:
    """A room where these texts are said, and one is its title, its member's name and so on; ids as said."""
    here, alice, scout = story.here, story.alice, story.scout
    other = await peer(here, alice, texts[1], texts[2])
    room = await here.room(alice, scout, other)
    stranger = await peer(here, story.carol, texts[3], texts[4])
    await stranger.call(AddContact(handle=scout.handle, message=texts[5][:500]))
    about = {
        "content": texts[6],
        "thought": texts[7],
        "scope": "organization",
        "metadata": {texts[8]: texts[9]},
    }
    await other.call(
        StoreMemory.model_validate({**about, "system": "working", "type": "episodic", "segment": "agent"})
    )
    thought = {"content": texts[8], "message_type": "thought", "metadata": {texts[0]: texts[1]}}
    first = await say(alice, room, scout, texts[0])
    await other.call(SendEvent.model_validate({"chat_id": room.id, **thought}))
    sent = [first, *[await say(alice, room, scout, text) for text in texts[1:-1]]]
    last = SendMessage(chat_id=room.id, content=texts[-1], mentions=[Mention(id=scout.id)])
    return other, room, [message.id for message in (*sent, await other.call(last))]


async def act(
    story: Story, other: Somebody, room: ChatRoom, ids: Sequence[str]
) -> list[types.CallToolResult]:
    """What the host does, which does not depend on what it reads."""
    here = {"chat_id": room.id}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("inbox_read", {"limit": 100}),
        ("inbox_wait", {}),
        ("get_context", here),
        ("list_participants", here),
        ("reply", {"message_ids": ids[:3], "content": "Three at once"}),
        ("reply", {"message_ids": [ids[-1]], "content": "To you"}),
        ("inbox_ack", {"message_ids": ids[3:6]}),
        ("inbox_ack", {"message_ids": ids[6:7], "outcome": "failed", "error": "too hard"}),
        ("send_message", {**here, "content": "By the way", "mentions": [story.alice.handle]}),
        ("send_message", {**here, "content": "Nobody hears", "mentions": ["Nemo"]}),
        ("send_event", {**here, "content": "Done", "message_type": "task"}),
        ("inbox_ack", {"message_ids": ids[7:-1]}),
    ]
    results = [await story.host.llm.call_tool(tool, arguments) for tool, arguments in steps]
    assert [result.is_error for result in results] == [tool == steps[9] for tool in steps]
    return results


async def looked(story: Story) -> list[types.CallToolResult]:
    """What the host looks at in the end."""
    tools = ("list_chats", "list_peers", "list_memories", "list_contact_requests", "inbox_wait")
    return [
        await story.host.llm.call_tool(tool, {"timeout_s": 0} if "wait" in tool else {}) for tool in tools
    ]


async def actions(story: Story, texts: Sequence[str]) -> list[str]:
    """What the bridge asked the platform for while ten texts stood wherever a text can stand, in order of
    the alphabet: it does several things at once.
    """
    other, room, ids = await scene(story, texts)
    await story.host.unread(BATCH)
    results = await act(story, other, room, ids)

    async def over() -> bool:
        items = await story.host.seat.inbox.get(ids)
        return all(item.state in (State.DONE, State.DEAD) for item in items)

    await story.host.rung(over)
    for result in [*results, *await looked(story)]:
        own = own_voice(result)
        assert not [text for text in (*texts, *map(visible, texts)) if len(text) > 12 and text in own]
    return sorted(story.tap.taken(names(story, other, room, ids)))


def names(story: Story, other: Somebody, room: ChatRoom, ids: Sequence[str]) -> Mapping[str, str]:
    """What is called otherwise each time, and what it is here."""
    known = {story.alice.id: "(Alice)", story.scout.id: "(Scout)", other.id: "(other)", room.id: "(room)"}
    known |= {id: f"(message {nth})" for nth, id in enumerate(ids)}
    known |= {key_of_answer(id): f"(key of answer {nth})" for nth, id in enumerate(ids)}
    called = {
        json.dumps(text, ensure_ascii=False): kind
        for text, kind in ((other.name, "(name)"), (other.handle, "(handle)"))
    }
    return known | called


async def played(folder: Path, texts: Sequence[str]) -> tuple[list[list[str]], set[str]]:
    """What the bridge does, ten texts at a time: what changes something each time, and what it ever reads.

    It reads when it has the time, be that with these texts or the next.
    """
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    batches[-1] = texts[-BATCH:]  # some of them for the second time
    async with told(folder) as story:
        asked = [await actions(story, batch) for batch in batches]
    return list(map(writes, asked)), {each for batch in asked for each in batch if each.startswith("GET")}


def writes(asked: Sequence[str]) -> list[str]:
    return [each for each in asked if not each.startswith("GET")]


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
async def test_no_text_changes_what_the_bridge_does(part: int, tmp_path: Path) -> None:
    kindly = await played(tmp_path / "kindly", KINDLY[part::PARTS])
    hostile = await played(tmp_path / "hostile", HOSTILE[part::PARTS])
    assert hostile == kindly
    changed, read = kindly
    assert all(len(batch) > 2 * BATCH for batch in changed)
    assert len(read) > 10


def test_there_are_many_texts_and_all_differ() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) == len(KINDLY) >= 300


@pytest.mark.parametrize("again", range(3))
def test_no_text_closes_its_fence(again: int) -> None:
    for text in HOSTILE:
        (shown,) = inside(fenced(text))
        assert shown == visible(text)


async def test_what_a_bridge_does_otherwise_is_noticed(tmp_path: Path) -> None:
    texts = KINDLY[:BATCH]
    async with told(tmp_path) as story:
        before = writes(await actions(story, texts))
        assert writes(await actions(story, texts)) == before
        await story.host.llm.call_tool("create_chat", {})
        assert writes(await actions(story, texts)) != before
