"""A bridge dies at every durable point there is, before it and after it: nothing is lost, or said twice."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from tests.faults.doomed import Job
from tests.world import Somebody, World, say, without_keys, world
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages

MANY = 200  # points beyond which something is wrong
PATIENCE = 60


class Zygote:
    """Makes bridges and tells what became of them."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, TextReceiveStream(process.stdout)
        self._rest = ""

    async def run(self, job: Job) -> dict[str, Any]:
        """One bridge, from its start to its end: everything that was reported of it."""
        await self._in.send(json.dumps(asdict(job)).encode() + b"\n")
        said: dict[str, Any] = {}
        with anyio.fail_after(PATIENCE):
            while "status" not in said:
                said |= json.loads(await self._line())
        assert "failed" not in said, said
        return said

    async def _line(self) -> str:
        while "\n" not in self._rest:
            self._rest += await self._out.receive()
        line, _, self._rest = self._rest.partition("\n")
        return line


@asynccontextmanager
async def zygote() -> AsyncGenerator[Zygote]:
    command = [sys.executable, "-m", "tests.faults.doomed"]
    async with await anyio.open_process(command, stderr=None) as process:
        yield Zygote(process)
        assert process.stdin
        await process.stdin.aclose()


async def story(here: World, alice: Somebody, scout: Somebody) -> tuple[ChatRoom, list[str], list[str]]:
    """A room with questions to answer and news to acknowledge."""
    room = await here.room(alice, scout)
    asked = [(await say(alice, room, scout, f"question {n}?")).id for n in range(2)]
    told = [(await say(alice, room, scout, "for your information")).id]
    return room, asked, told


async def check(alice: Somebody, scout: Somebody, room: ChatRoom, asked: list[str]) -> None:
    """Everything was said once, in order, and nothing is left to do."""
    said = (await alice.call(ListMyMessages(chat_id=room.id, page_size=100))).data
    mine = [message.content for message in reversed(said) if message.sender_id == scout.id]
    answers = [text.rpartition(" ")[2] for text in mine if "answer to" in text]
    assert Counter(answers) == Counter(asked), mine
    assert answers == asked
    assert sum("hello everybody" in text for text in mine) == 1, mine
    assert (await scout.call(ListMessages(chat_id=room.id))).data == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("keys", [True, False], ids=["keys honoured", "keys unknown"])
async def test_a_bridge_recovers_from_death_at_every_point(tmp_path: Path, keys: bool) -> None:
    died: list[str] = []
    around = None if keys else without_keys
    async with world(tmp_path / "platform", around=around) as here, zygote() as bridges:
        alice = await here.person()
        for die_at in range(1, MANY):
            scout = await here.agent(alice, f"Scout {die_at}")
            room, asked, _ = await story(here, alice, scout)
            job = Job(here.url, scout.key, str(tmp_path / f"{die_at}"), room.id, alice.id, die_at)
            first = await bridges.run(job)
            if first["status"] != 0:
                died.append(first["died_at"])
                assert (await bridges.run(replace(job, die_at=0)))["status"] == 0
            await check(alice, scout, room, asked)
            if first["status"] == 0:
                break
        else:
            raise AssertionError("no run ended alive")
    print(f"recovered from {len(died)} of {len(died)} crash points: {Counter(died)}")
    assert len(died) >= 30
