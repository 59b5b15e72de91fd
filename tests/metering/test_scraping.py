"""What an operator counts: everything in the table, and nothing of anybody in particular."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import apsw
import httpx2
import pytest
from click.testing import CliRunner
from mcp import Client as McpClient
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from tests.bridge.conftest import Scene, played
from tests.bridge.desk import PATIENCE
from tests.hosting.team import host, live, serving, setting, shown
from tests.inbox.mentions import mention
from tests.world import say, world
from thenvoi_bridge.bridge import waiting
from thenvoi_bridge.bridge.noting import Noting
from thenvoi_bridge.cli import main
from thenvoi_bridge.contract import CALLS
from thenvoi_bridge.hosting.guard import Guard
from thenvoi_bridge.hosting.http import Hosted
from thenvoi_bridge.inbox import core
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.metering import UNMETERED
from thenvoi_bridge.metering.prometheus import Prometheus
from thenvoi_bridge.metering.scraping import FORMAT, MISSING, Scraping
from thenvoi_bridge.metering.table import BRIDGE, PLATFORM, STORAGE_ERRORS
from thenvoi_bridge.platform import gauging
from thenvoi_bridge.platform.administration import add_user, administer
from thenvoi_bridge.platform.app import opened, running
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.ports import address, bind
from thenvoi_bridge.storage import Tx
from thenvoi_bridge.storage.sqlite import open_sqlite

CANARY = "canary"
CALLED = {kind.snake_name() for kind in CALLS} | {"none"}
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True, slots=True)
class Watched:
    """A platform and a bridge whose operator looks on."""

    scene: Scene
    bridge: Hosted
    meters: tuple[Prometheus, Prometheus]

    async def text(self) -> str:
        return "".join([(await meter.exposition()).decode() for meter in self.meters])

    async def values(self) -> Values:
        return values_in(await self.text())


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Watched]:
    folder, meters = tmp_path_factory.mktemp("watched"), (Prometheus(BRIDGE), Prometheus(PLATFORM))
    async with (
        world(folder / "platform", meter=meters[1]) as here,
        serving(here, folder / "state", meter=meters[0], max_wait=20) as bridge,
    ):
        yield Watched(await played(here), bridge, meters)


def values_in(text: str) -> Values:
    families = text_string_to_metric_families(text)
    return {
        (one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples
    }


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def heard(watched: Watched, llm: McpClient, text: str) -> None:
    """A host that waits is handed this, while somebody may look."""
    begun = anyio.Event()

    async def speak() -> None:
        await begun.wait()
        assert (await watched.values())[of("thenvoi_bridge_waits_open")] == 1
        await say(watched.scene.alice, watched.scene.room, watched.scene.scout, text)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(speak)
        await llm.call_tool("inbox_wait", {}, progress_callback=setting(begun))


async def test_what_two_tenants_do_is_counted_and_nothing_of_theirs_is_said(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "BEAT", 0.02)
    monkeypatch.setattr(gauging, "FRESH", 0.0)
    scene, bridge = watched.scene, watched.bridge
    with anyio.fail_after(PATIENCE):
        async with (
            host(bridge, scene.scout.key, "legacy") as agent,
            host(bridge, scene.alice.key) as person,
        ):
            await live(agent)
            await heard(watched, agent, f"{CANARY} one")
            await shown(agent, "inbox_wait", timeout_s=0)
            await shown(agent, "inbox_read")
            assert (await agent.call_tool("send_message", {"chat_id": CANARY, "content": CANARY})).is_error
            assert not (await person.call_tool("list_my_chats", {})).is_error
            await ask_for_what_there_is_not(watched)
            text = await watched.text()
    now = values_in(text)
    assert now[of("thenvoi_bridge_tenants", side="agent")] == 1
    assert now[of("thenvoi_bridge_tenants", side="human")] == 1
    assert now[of("thenvoi_bridge_mcp_sessions")] == 1
    assert now[of("thenvoi_bridge_sockets", state="live")] == 1
    assert now[of("thenvoi_bridge_inbox_messages", state="open")] == 1
    assert now[of("thenvoi_bridge_inbox_messages", state="dead")] == 0
    assert 0 < now[of("thenvoi_bridge_inbox_oldest_seconds")] < PATIENCE
    assert now[of("thenvoi_bridge_delivery_seconds_count", rung="wait")] == 1
    assert now[of("thenvoi_bridge_delivery_seconds_count", rung="read")] >= 1
    assert now[of("thenvoi_bridge_waits_open")] == 0
    assert now[of("thenvoi_bridge_waits_total", outcome="messages")] == 1
    assert now[of("thenvoi_bridge_waits_total", outcome="nothing")] == 1
    assert now[of("thenvoi_bridge_tool_calls_total", tool="inbox_wait", outcome="ok")] == 2
    assert now[of("thenvoi_bridge_tool_calls_total", tool="send_message", outcome="error")] == 1
    assert now[of("thenvoi_bridge_rest_requests_total", operation="mark_processing", status="200")] == 1
    assert now[of("thenvoi_platform_requests_total", call="mark_processing", status="200")] == 1
    assert now[of("thenvoi_platform_request_seconds_count", call="mark_processing")] == 1
    assert now[of("thenvoi_platform_sockets", type="agent")] == 1
    assert now[of("thenvoi_platform_events_told_total", event="message_created")] == 1
    assert now[of("thenvoi_platform_deliveries", state="processing")] == 1
    assert of("thenvoi_platform_log_lag_seconds") in now
    assert now[of("thenvoi_platform_requests_total", call="none", status="404")] == 3
    nobody_is_named(scene, text)
    everything_is_there(text)


async def ask_for_what_there_is_not(watched: Watched) -> None:
    async with httpx2.AsyncClient(base_url=watched.scene.here.url) as http:
        for path in (f"/{CANARY}", f"/api/v1/{CANARY}?{CANARY}", "/metrics"):
            assert (await http.get(path)).status_code == 404
        assert (await http.get(watched.bridge.url + "/metrics")).status_code == 404


def nobody_is_named(scene: Scene, text: str) -> None:
    for somebody in (scene.alice, scene.scout):
        said = (somebody.id, somebody.key, somebody.handle, somebody.name, *somebody.key.split("_")[2:])
        assert not [what for what in said if what in text]
    assert not [what for what in (CANARY, scene.room.id, scene.organization) if what in text]


def everything_is_there(text: str) -> None:
    """Each row of the table was fed, and has its labels; their values are of the contract or few."""
    found = {family.name: family for family in text_string_to_metric_families(text)}
    for row in (*BRIDGE, *PLATFORM):
        family = found[row.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (row.kind, row.help)
        assert family.samples or row is STORAGE_ERRORS
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == {*row.labels}
            assert {sample.labels.get(name, "none") for name in ("call", "operation")} <= CALLED


async def test_a_hand_out_after_an_attempt_is_a_redelivery(inbox: Inbox) -> None:
    meter = Prometheus(BRIDGE)
    noting = Noting(inbox.ledger, meter)
    await inbox.put([mention("m")])
    for now in (0.0, core.LEASE + 1):
        noting.note(Rung.WAIT, "host", await inbox.lease(None, 1, now))
    said = values_in((await meter.exposition()).decode())
    assert said[of("thenvoi_bridge_redeliveries_total")] == 1
    assert said[of("thenvoi_bridge_delivery_seconds_count", rung="wait")] == 1


@pytest.mark.sqlite
async def test_what_the_database_does_not_take_is_counted_and_the_gauges_do_without(tmp_path: Path) -> None:
    meter = Prometheus(PLATFORM)
    async with opened(tmp_path):
        pass
    db = await open_sqlite(tmp_path / "platform.db", patience=0.05)
    other = apsw.Connection(str(tmp_path / "platform.db"))
    keys = Keys(b"pepper")
    new = await administer(db, keys, partial(add_user, email="a@b.example", name="A", organization="O"))
    async with running(db, Site(keys), meter) as app, over(app) as http:
        other.execute("BEGIN IMMEDIATE")
        answer = await http.post("/api/v1/me/chats", json={"chat": {}}, headers={"X-API-Key": new["api_key"]})
        assert answer.status_code == 503
        other.execute("ROLLBACK")
        for names in (("deliveries", "lost"), ("lost", "deliveries"), ("deliveries", "lost")):
            await db.write(renamed(*names))
            said = values_in((await meter.exposition()).decode())  # the last time it is not asked again
    assert said[of("thenvoi_platform_storage_errors_total", kind="Busy")] == 1
    assert said[of("thenvoi_platform_storage_errors_total", kind="StorageError")] == 1
    assert said[of("thenvoi_platform_log_lag_seconds")] == 0
    other.close()
    await db.close()


def renamed(table: str, name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.script(f"ALTER TABLE {table} RENAME TO {name}")


# Who may scrape


def over(app: ASGIApp) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


@asynccontextmanager
async def scraped(*names: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """A server of metrics at work beside something, and whoever asks it."""
    scraping = Scraping.of(bind("127.0.0.1", 0), BRIDGE, partial(Guard, hosts=names))
    done = anyio.Event()
    async with (
        anyio.create_task_group() as tasks,
        httpx2.AsyncClient(base_url=address(scraping.listener)) as http,
    ):
        tasks.start_soon(scraping.beside, done.wait)
        yield http
        done.set()


async def test_metrics_are_told_under_known_names_only_and_to_no_page_of_others() -> None:
    async with scraped("prometheus.example") as http:
        for name in ("localhost:1", "127.0.0.1", "prometheus.example:9464"):
            answer = await http.get("/metrics", headers={"Host": name})
            assert (answer.status_code, answer.headers["content-type"]) == (200, FORMAT)
            assert "thenvoi_bridge_waits_open 0.0" in answer.text
        for name in ("evil.example", "", "localhost.evil.example"):
            assert (await http.get("/metrics", headers={"Host": name})).status_code in (421, 400)
        for origin in ("https://evil.example", "null"):
            assert (await http.get("/metrics", headers={"Origin": origin})).status_code == 403
        assert (await http.post("/metrics")).status_code == 405
        assert (await http.get("/other")).status_code == 404


async def test_without_the_extra_nothing_is_counted_and_whoever_scrapes_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "thenvoi_bridge.metering.prometheus", None)
    async with scraped() as http:
        answer = await http.get("/metrics")
        assert (answer.status_code, answer.text) == (501, MISSING)
    with bind("127.0.0.1", 0) as listener:
        assert Scraping.of(listener, BRIDGE, Guard).meter is UNMETERED


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("command", [("serve",), ("platform", "serve")], ids=" ".join)
def test_metrics_that_others_could_reach_need_a_name(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = ["--data", str(tmp_path)] if "platform" in command else ["--state-dir", str(tmp_path)]
    given = ["--port", "0", "--metrics-port", "0", "--metrics-host", "0.0.0.0"]
    result = CliRunner().invoke(main, [*command, *folder, *given])
    assert result.exit_code == 2
    assert "--metrics-host 0.0.0.0 is reached from elsewhere" in result.output
