"""Three thousand mentions at once: nobody stops being told, and every message can be read."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import anyio
import pytest

from tests.bridge.desk import Desk, at
from tests.bridge.ear import Ear, subscribed
from tests.world import Somebody, say, world
from thenvoi_bridge.bridge.delivery import QUIET
from thenvoi_bridge.bridge.resources import INBOX
from thenvoi_bridge.contract.chats import ChatRoom

MENTIONS, ROOMS = 3000, 20
Sent = dict[str, list[str]]
"""The ids of messages in the order in which they were sent, by room."""


async def burst(alice: Somebody, rooms: list[ChatRoom], scout: Somebody) -> Sent:
    """Mention somebody in all of these rooms at once, again and again."""
    sent = Sent()

    async def talk(room: ChatRoom) -> None:
        texts = (f"number {n}" for n in range(MENTIONS // ROOMS))
        sent[room.id] = [(await say(alice, room, scout, text)).id for text in texts]

    async with anyio.create_task_group() as tasks:
        for room in rooms:
            tasks.start_soon(talk, room)
    return sent


async def read_all(host: Desk) -> Sent:
    """Everything in the inbox, page by page."""
    seen, query = defaultdict[str, list[str]](list), "limit=100"
    while (page := await host.read(f"{INBOX}?{query}"))["messages"]:
        for message in page["messages"]:
            seen[message["chat_id"]].append(message["id"])
        query = f"limit=100&after={page['next_cursor']}"
    return seen


async def heard(host: Desk, ear: Ear, number: int) -> None:
    """Look whenever told, until so many are unread."""
    told = len(ear.heard)
    while (await host.read(f"{INBOX}?limit=1"))["unread"] < number:
        await ear.until(told + 1)
        told = len(ear.heard)


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_after_a_burst_hosts_of_both_eras_are_still_told_and_can_read_every_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path / "platform") as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        rooms = [await here.room(alice, scout) for _ in range(ROOMS)]
        there, state = at(here, agent=scout), tmp_path / "state"
        async with (
            subscribed(state, "legacy", INBOX, locate=there) as (old, old_ear),
            subscribed(state, "auto", INBOX, locate=there) as (new, new_ear),
        ):
            await old.until("live")
            await new.until("live")
            started = anyio.current_time()
            sent = await burst(alice, rooms, scout)
            for host, ear in ((old, old_ear), (new, new_ear)):
                await heard(host, ear, MENTIONS)
                assert await read_all(host) == sent
            took, told = anyio.current_time() - started, [len(old_ear.heard), len(new_ear.heard)]
            print(f"{MENTIONS} mentions sent and read in {took:.1f} s; told {told} times")
            assert max(told) <= took / QUIET + 5
            await say(alice, rooms[0], scout, "one more")
            for host, ear in ((old, old_ear), (new, new_ear)):
                await heard(host, ear, MENTIONS + 1)
            assert not new_ear.ended
    assert "backlog" not in caplog.text
