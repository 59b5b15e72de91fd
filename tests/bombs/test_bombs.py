"""What is meant to use a platform up has the right answer, and everybody else is served on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.bombs.bombs import BOMBS, Target
from tests.platform.line import line
from tests.world import world
from thenvoi_bridge.platform.request import Request
from thenvoi_bridge.settings import Platform

TIGHT = Platform(topics=10, buffer=1_000_000)
"""Limits that are reached sooner than those that are usual."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_has_its_answer_and_the_others_are_served(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Request, "head", 0.5)
    monkeypatch.setattr(Request, "body", 0.5)
    throw, answer = BOMBS[name]
    async with world(tmp_path, TIGHT) as here:
        mallory, alice = await here.person("Mallory Moe"), await here.person("Alice Doe")
        spy = await here.agent(mallory, "Spy")
        rooms = [(await here.room(mallory, spy)).id for _ in range(12)]
        async with line(here.url, alice) as other:
            await other.join(f"user_rooms:{alice.id}")
            assert await throw(Target(here.url, mallory.key, rooms[0], spy.id, rooms)) == answer
            room = await here.room(alice)
            assert (await other.event("room_added"))["id"] == room.id
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
