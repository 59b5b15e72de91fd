"""From what a person says to every place where a host or a program sees it, with the bridge as a process."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from tests.hosting.process import environ, started
from tests.system.shell import done, records, typed, until
from tests.world import World, bridge, host, say


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.mark.thorough
async def test_one_message_is_seen_once_on_every_rung_and_taken_on_one(
    here: World, state: Path, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    feed = anyio.Path(tmp_path / "feed.jsonl")
    server = bridge(here.url, scout.key, state, THENVOI_FEED=str(feed))
    stop = json.dumps({"session_id": "s1", "hook_event_name": "Stop", "stop_hook_active": False}).encode()

    async def is_fed() -> bool:
        return await feed.exists() and bool(await feed.read_text())

    with anyio.fail_after(90):
        async with host(server) as llm, host(server):
            sent = await say(alice, room, scout, "Which way is up?")
            await until(is_fed)
            blocked = json.loads(done(await typed(state, "hook", "stop", given=stop)))
            assert "Which way is up?" in blocked["reason"]
            assert done(await typed(state, "hook", "stop", given=stop)) == "{}\n"
            # What a hook has just told is left to it for a while; to this name it is told in time.
            (line,) = records(done(await typed(state, "wait", "--json", "--timeout", "60")))
            assert line["id"] == sent.id
            taken = await llm.call_tool("inbox_wait", {"timeout_s": 20})
            (message,) = taken.structured_content["messages"]
            assert (message["id"], message["attempt"]) == (sent.id, 1)
            assert not (
                await llm.call_tool("reply", {"message_ids": [sent.id], "content": "That way."})
            ).is_error

            async def is_noted() -> bool:
                (it,) = records(done(await typed(state, "inbox", "show", sent.id, "--json")))
                return [past["rung"] for past in it["shown"]] == ["feed", "hook", "read", "wait"]

            await until(is_noted)
        (fed,) = records(await feed.read_text())
    assert (fed["id"], fed["rung"], fed["agent"]) == (sent.id, "feed", scout.handle)


async def test_a_bridge_does_not_start_with_a_feed_that_others_can_read(state: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.touch(mode=0o600)
    feed.chmod(0o644)
    with started(environ(state, THENVOI_FEED=str(feed))) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"THENVOI_FEED: {feed} is open to other accounts; chmod 600 it" in " ".join(said.split())
