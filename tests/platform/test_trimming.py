"""The log of a platform at work does not grow for ever, and nothing that REST shows goes with it."""

import math
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.home import contents, opened
from tests.platform.line import line
from tests.platform.town import Town, town_on
from tests.world import world
from thenvoi_bridge.platform import hub, trimming
from thenvoi_bridge.settings import Platform
from thenvoi_bridge.storage import Tx

PATIENCE = 10


def age(tx: Tx) -> None:
    """All that is logged so far was logged a year ago."""
    tx.run("UPDATE events SET logged_at = '2025' || substr(logged_at, 5)")


async def spoken(town: Town, folder: Path) -> tuple[str, list[str]]:
    """A room, and what was said in it long ago."""
    room = await town.room(town.scout)
    said = [await town.say(room, town.scout) for _ in range(8)]
    async with opened(folder) as (db, _):
        await db.write(age)
    return room, said


def events_in(folder: Path) -> int:
    return len(contents(folder)["events"])


async def test_what_is_old_goes_while_messages_stay_and_news_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "PERIOD", 0.02)
    monkeypatch.setattr(trimming, "BATCH", 3)
    for poll in ("POLL", "POLL_OF_MANY"):  # it would find what was trimmed before its time
        monkeypatch.setattr(hub, poll, math.inf)
    async with world(tmp_path) as here, httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        town = await town_on(here, http)
        async with line(here.url, town.scout) as it:
            room, said = await spoken(town, tmp_path)
            await it.join(f"chat_room:{room}")
            with anyio.fail_after(PATIENCE):
                while events_in(tmp_path) > 1:
                    await anyio.lowlevel.checkpoint()
            new = await town.say(room, town.scout)
            assert (await it.event("message_created"))["id"] == new
            assert await it.rest() == []
        messages = (await town.get(town.scout, f"/agent/chats/{room}/messages"))["data"]
        assert [message["id"] for message in messages] == [*said, new]


async def test_with_0_hours_everything_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "PERIOD", 0.001)
    async with (
        world(tmp_path, Platform(keep_events=0)) as here,
        httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http,
    ):
        town = await town_on(here, http)
        room, _ = await spoken(town, tmp_path)
        before = events_in(tmp_path)
        for _ in range(3):
            await town.say(room, town.scout)
        assert events_in(tmp_path) == before + 3
