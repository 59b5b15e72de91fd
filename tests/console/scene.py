"""A working morning in a room: people, agents, their events, and mentions in every state."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from tests.world import Somebody, World
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.contacts import AddMyContact
from thenvoi_bridge.contract.events import EventType, SendEvent
from thenvoi_bridge.contract.feed import Topic
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.contract.messages import Mention, SendMessage, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.listener import Listener, Ready

TITLE = "What is left before we tag 2.4?"


@dataclass(frozen=True)
class Scene:
    """Who is in it, and the room where most of it happens."""

    here: World
    alice: Somebody
    bob: Somebody
    scout: Somebody
    scribe: Somebody
    room: ChatRoom


async def scene(here: World) -> Scene:
    """Everything that was said and done."""
    alice, bob = await here.person("Alice Doe"), await here.person("Bob Roe")
    scout, scribe = await here.agent(alice, "Scout"), await here.agent(alice, "Scribe")
    deploy = await here.agent(bob, "Deploy")
    for title, who in (("Invoices of October", bob), ("Which logs did the outage leave?", scout)):
        await _says(alice, await here.room(alice, who), who, title, named=False)
    room = await here.room(alice, bob, scout, scribe)
    await bob.call(AddMyParticipant(chat_id=room.id, participant_id=deploy.id))
    it = Scene(here, alice, bob, scout, scribe, room)
    await _release(it, deploy)
    await _besides(it)
    return it


@asynccontextmanager
async def awake(it: Scene) -> AsyncGenerator[None]:
    """Alice's agents are connected as long as this lasts."""
    async with anyio.create_task_group() as tasks:
        for agent in (it.scout, it.scribe):
            topic = Topic("agent_rooms", agent.id)
            listener = Listener(it.here.url, agent.key, first=[topic])
            tasks.start_soon(listener.run)
            async for notice in listener:
                if isinstance(notice, Ready):
                    break
        yield
        tasks.cancel_scope.cancel()


async def _release(it: Scene, deploy: Somebody) -> None:
    room, scout = it.room, it.scout
    await _says(it.alice, room, it.bob, TITLE, named=False)
    await _says(it.bob, room, it.alice, "the migration notes, and somebody should look at the flaky test.")
    flaky = await _says(it.alice, room, scout, "which test failed most often this week, and why?")
    await scout.call(MarkProcessing(chat_id=room.id, message_id=flaky))
    await scout.call(MarkFailed(chat_id=room.id, message_id=flaky, error="the log service did not answer"))
    await scout.call(MarkProcessing(chat_id=room.id, message_id=flaky))
    await _does(scout, room, "thought", "The nightly runs of the last seven days should show it.")
    search = {"name": "search_runs", "arguments": {"since": "7d", "status": "failed"}}
    await _does(scout, room, "tool_call", json.dumps(search))
    await _does(scout, room, "tool_result", json.dumps({"output": {"test_takeover": 6, "test_wait": 1}}))
    await _does(scout, room, "error", "The artifacts of run 4411 are gone: 410")
    await _says(
        scout, room, it.alice, "test_takeover, six times. It waits for a port that another run still holds."
    )
    await scout.call(MarkProcessed(chat_id=room.id, message_id=flaky))
    notes = await _says(
        it.bob, room, it.scribe, "please draft the migration notes from the last three releases."
    )
    await it.scribe.call(MarkProcessing(chat_id=room.id, message_id=notes))
    stage = await _says(it.alice, room, deploy, "put the release candidate on staging.")
    await deploy.call(MarkProcessing(chat_id=room.id, message_id=stage))
    await deploy.call(MarkFailed(chat_id=room.id, message_id=stage, error="staging is locked by nightly-88"))
    await _says(it.alice, room, scout, "and tell us when nightly-88 is through.")


async def _besides(it: Scene) -> None:
    carol = await it.here.person("Carol Poe", "Partner")
    dan = await it.here.person("Dan Fox", "Partner")
    await carol.call(AddMyContact(recipient_handle=it.alice.handle, message="We met at the fair."))
    await dan.call(AddMyContact(recipient_handle=it.alice.handle))
    await it.alice.call(AddMyContact(recipient_handle=dan.handle))
    for content, subject in (("Alice wants short answers.", it.alice.id), ("Tags are signed by Bob.", None)):
        about = {"subject_id": subject} if subject else {"scope": "organization"}
        memory = {"content": content, "system": "long_term", "type": "semantic", "segment": "user"}
        await it.scout.call(
            StoreMemory.model_validate({**memory, **about, "thought": "It was said in the room."})
        )


async def _says(who: Somebody, room: ChatRoom, to: Somebody, text: str, *, named: bool = True) -> str:
    kind = SendMessage if "/" in who.handle else SendMyMessage
    content = f"@{to.handle} {text}" if named else text
    return (await who.call(kind(chat_id=room.id, content=content, mentions=[Mention(id=to.id)]))).id


async def _does(who: Somebody, room: ChatRoom, kind: EventType, content: str) -> None:
    await who.call(SendEvent(chat_id=room.id, content=content, message_type=kind))
