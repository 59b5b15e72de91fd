"""What callers may use up: quotas, rates, sizes, and what their plan includes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.home import opened
from tests.platform.town import Json, Town, by, data, refused, town_on
from tests.world import world
from thenvoi_bridge.contract.errors import RateLimited
from thenvoi_bridge.platform.limits import FORGET, Rates
from thenvoi_bridge.settings import Platform


@asynccontextmanager
async def town_with(folder: Path, settings: Platform) -> AsyncGenerator[Town]:
    """A town on a platform with these settings."""
    async with world(folder, settings) as here, httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        yield await town_on(here, http)


def reached(answer: httpx2.Response, resource: str, limit: int) -> None:
    """The refusal of a quota, as the seeds have it since 2026-02-24."""
    assert answer.status_code == 403, answer.text
    error = answer.json()["error"]
    assert error["code"] == "limit_reached"
    assert error["details"] == {"resource": resource, "limit": limit, "current": limit}
    assert resource in error["message"]


async def test_somebody_owns_no_more_rooms_than_the_quota_allows(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(max_chats=2)) as town:
        for who, side in ((town.alice, "/me"), (town.scout, "/agent")):
            for _ in range(2):
                data(await town.http.post(f"{side}/chats", json={"chat": {}}, headers=by(who)), 201)
            reached(await town.http.post(f"{side}/chats", json={"chat": {}}, headers=by(who)), "chats", 2)
            assert (await town.get(who, f"{side}/chats"))["metadata"]["total_count"] == 2


async def test_a_room_holds_no_more_participants_than_the_quota_allows(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(max_participants=2)) as town:
        room = await town.room(town.scout)
        path, body = f"/me/chats/{room}/participants", {"participant": {"participant_id": town.muse.id}}
        reached(await town.http.post(path, json=body, headers=by(town.alice)), "participants", 2)
        data(await town.http.delete(f"{path}/{town.scout.id}", headers=by(town.alice)))
        data(await town.http.post(path, json=body, headers=by(town.alice)), 201)


async def test_texts_and_events_of_a_day_are_counted_for_their_sender_alone(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(max_messages=2)) as town:
        room = await town.room(town.scout)
        path = f"/agent/chats/{room}"
        event = {"event": {"content": "hm", "message_type": "thought"}}
        text = {"message": {"content": "hello", "mentions": [{"id": town.alice.id}]}}
        data(await town.http.post(f"{path}/events", json=event, headers=by(town.scout)), 201)
        data(await town.http.post(f"{path}/messages", json=text, headers=by(town.scout)), 201)
        reached(await town.http.post(f"{path}/messages", json=text, headers=by(town.scout)), "messages", 2)
        reached(await town.http.post(f"{path}/events", json=event, headers=by(town.scout)), "messages", 2)
        await town.say(room, town.scout)
        assert (await town.get(town.alice, f"/me/chats/{room}/messages"))["metadata"]["total_count"] == 3


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(rate=4)) as town:
        for _ in range(4):
            data(await town.http.get("/agent/me", headers=by(town.scout)))
        answer = await town.http.get("/agent/me", headers=by(town.scout))
        assert refused(answer, 429, "rate_limited") == {}
        assert 1 <= int(answer.headers["Retry-After"]) <= 15
        data(await town.http.get("/agent/me", headers=by(town.muse)))
        assert (await town.http.get("/health")).status_code == 200


@given(
    limit=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 200, allow_nan=False), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_a_full_bucket_and_what_has_run_in_since(
    limit: int, pauses: list[float]
) -> None:
    now = 1000.0
    rates, taken = Rates(limit, lambda: now), 0
    for nth, pause in enumerate(pauses):
        now += pause
        try:
            rates.take("somebody")
        except RateLimited as refusal:
            wait = refusal.retry_after
            rates.take(f"another {nth}")
            now += wait
            rates.take("somebody")  # whoever waits as told is let in
        taken += 1
    assert taken <= limit + (now - 1000.0) * limit / 60 + 1e-6


def test_buckets_that_say_nothing_are_forgotten() -> None:
    now = 0.0
    rates = Rates(1, lambda: now)
    for nth in range(FORGET):
        rates.take(str(nth))
    now = 60.0
    rates.take("the last")
    assert rates.known == 1


async def test_behind_the_plan_gate_only_the_enterprise_plan_has_the_human_api_and_memories(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:  # before the gate was shut
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
    gate = Platform(plan_gate=True)
    async with world(tmp_path, gate) as here, httpx2.AsyncClient(base_url=f"{here.url}/api/v1") as http:
        for path in ("/me/profile", "/me/chats", "/me/memories"):
            assert refused(await http.get(path, headers=by(alice)), 403, "plan_required") == {}
        refused(await http.get("/agent/memories", headers=by(scout)), 403, "plan_required")
        data(await http.get("/agent/me", headers=by(scout)))
        async with opened(tmp_path) as (db, _):
            await db.write(lambda tx: tx.run("UPDATE organizations SET plan = 'enterprise'"))
        data(await http.get("/me/profile", headers=by(alice)))


@pytest.mark.parametrize("setting", ["max_url", "max_headers"])
async def test_a_head_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, setting: str) -> None:
    async with town_with(tmp_path, Platform(max_url=500, max_headers=1000)) as town:
        if setting == "max_url":
            answer = await town.http.get("/agent/me", headers=by(town.scout), params={"x": "y" * 600})
            refused(answer, 414, "uri_too_long")
        else:
            answer = await town.http.get("/agent/me", headers={**by(town.scout), "X-Long": "y" * 1200})
            refused(answer, 431, "headers_too_large")
        data(await town.http.get("/agent/me", headers=by(town.scout)))


async def test_sizes_and_depths_are_settings(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(max_body=2000, max_depth=3, max_content=100)) as town:
        room = await town.room(town.scout)
        path = f"/agent/chats/{room}/events"

        async def post(content: str, metadata: Json) -> httpx2.Response:
            event = {"content": content, "message_type": "thought", "metadata": metadata}
            return await town.http.post(path, json={"event": event}, headers=by(town.scout))

        data(await post("x" * 100, {"a": 1}), 201)
        refused(await post("x" * 101, {}), 422, "validation_error")
        refused(await post("x", {"a": {}}), 400, "bad_request")
        assert "2000" in refused_message(await post("x", {"a": "y" * 2000}))


def refused_message(answer: httpx2.Response) -> str:
    refused(answer, 413, "payload_too_large")
    return str(answer.json()["error"]["message"])


async def test_a_lenient_platform_passes_over_what_it_does_not_know(tmp_path: Path) -> None:
    async with town_with(tmp_path, Platform(lenient_bodies=True)) as town:
        room = await town.room(town.scout)
        message = {"content": "hi", "mentions": [{"id": town.scout.id}], "metadata": {"a": 1}}
        path = f"/me/chats/{room}/messages"
        data(await town.http.post(path, json={"message": message, "x": 1}, headers=by(town.alice)), 201)
        profile = {"user": {"first_name": "Al", "email": "other@x.example"}}
        changed = data(await town.http.put("/me/profile", json=profile, headers=by(town.alice)))
        assert (changed["first_name"], changed["email"]) == ("Al", "alice.doe@acme.example")
        refused(
            await town.http.post("/me/chats", json={"room": {}}, headers=by(town.alice)), 400, "bad_request"
        )
