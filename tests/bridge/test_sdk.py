"""What the bridge relies on in the SDK beyond its promises: if one of these fails, look into `sdk.py`."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient
from mcp.client.subscriptions import ResourcesListChanged
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, at, desk, nowhere, pipes
from thenvoi_bridge.bridge import sdk, waiting, wording
from thenvoi_bridge.bridge.endpoint import Endpoint
from thenvoi_bridge.bridge.sdk import Context, Subscribers
from thenvoi_bridge.bridge.server import build
from thenvoi_bridge.bridge.session import Session

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
OLD_WAY = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
DESK = types.Implementation(name="Desk", version="1")
URI = "test://thing"


@dataclass
class Bench:
    """A server with nothing but subscriptions, and what passed its middleware."""

    subscribers: Subscribers = field(default_factory=Subscribers)
    seen: list[Context] = field(default_factory=list)
    met: list[str | None] = field(default_factory=list)

    def server(self) -> Server[Any]:
        async def nothing(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
            return types.ListResourcesResult(resources=[])

        async def note(ctx: Context, call_next: CallNext) -> HandlerResult:
            self.seen.append(ctx)
            return await call_next(ctx)

        server: Server[Any] = Server(
            "bench",
            on_list_resources=nothing,
            on_subscribe_resource=self.subscribers.subscribe,
            on_unsubscribe_resource=self.subscribers.unsubscribe,
            on_subscriptions_listen=self.subscribers.listen,
        )
        server.middleware.append(self.subscribers.meet)
        sdk.on_first_contact(server, self.met.append)
        server.middleware.append(note)
        return server


@asynccontextmanager
async def client(bench: Bench, mode: str, **more: Any) -> AsyncGenerator[McpClient]:
    async with McpClient(pipes(bench.server()), mode=mode, client_info=DESK, **more) as llm:
        yield llm


def connections(bench: Bench) -> list[int]:
    return [id(ctx.session._connection) for ctx in bench.seen if ctx.request_id is not None]


async def test_all_requests_of_an_old_client_share_one_connection_object_and_no_other_clients() -> None:
    bench = Bench()
    async with client(bench, "legacy") as one, client(bench, "legacy") as other:
        for _ in range(3):
            await one.list_resources(cache_mode="bypass")
        first = connections(bench)[-3:]
        await other.list_resources(cache_mode="bypass")
        assert len(set(first)) == 1
        assert connections(bench)[-1] not in first


@ERAS
async def test_the_middleware_sees_every_request_and_the_clients_name(mode: str) -> None:
    bench = Bench()
    async with client(bench, mode) as llm:
        assert bench.met
        assert set(bench.met) == {"Desk"}
        before = len(bench.met)
        await llm.list_resources(cache_mode="bypass")
        assert set(bench.met[before:]) == {"Desk"}


@ERAS
async def test_the_platform_is_looked_for_in_the_clients_name(state: Path, mode: str) -> None:
    hosts: list[str] = []
    located = anyio.Event()

    async def locate(host: str) -> Endpoint:
        hosts.append(host)
        located.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with desk(locate, state, mode, client_info=DESK):
        with anyio.fail_after(PATIENCE):
            await located.wait()
    assert hosts == ["Desk"]


def enveloped(method: str, **params: Any) -> SessionMessage:
    """A request of 2026-07-28, which says by itself who asks and how."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "Desk", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    request = types.JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params={**params, "_meta": meta})
    return SessionMessage(request)


async def test_a_tool_may_be_the_first_thing_a_client_asks_for(scene: Scene, state: Path) -> None:
    session = Session(at(scene.here, agent=scene.scout), state)
    server, _ = build(session, ["agent"], local=False)
    with anyio.fail_after(PATIENCE / 2):  # and not only when a tool's patience with the connection has ended
        async with anyio.create_task_group() as tasks, pipes(server) as (read, write):
            tasks.start_soon(session.run)
            await write.send(enveloped("tools/call", name="list_chats", arguments={}))
            answer = (await read.receive()).message
            tasks.cancel_scope.cancel()
    assert isinstance(answer, types.JSONRPCResponse)
    assert answer.result["isError"] is False


@ERAS
@OLD_WAY
async def test_a_client_that_has_gone_harms_nobody_and_is_forgotten(mode: str) -> None:
    bench, told = Bench(), anyio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            told.set()

    async def stay(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with client(bench, "legacy", message_handler=hear) as llm:
            await llm.subscribe_resource(URI)
            task_status.started()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        await tasks.start(stay)
        async with client(bench, mode) as gone:
            if mode == "legacy":
                await gone.subscribe_resource(URI)
            else:
                async with gone.listen(resource_subscriptions=[URI]):
                    pass
        with anyio.fail_after(PATIENCE):
            bench.subscribers.updated(URI)
            await told.wait()
        tasks.cancel_scope.cancel()
    bench.seen.clear()
    bench.subscribers.updated(URI)
    gc.collect()
    assert len(bench.subscribers._legacy) == 0


@ERAS
@OLD_WAY
async def test_what_is_wanted_is_what_somebody_asked_for_and_still_does(mode: str) -> None:
    bench, other = Bench(), "test://other"

    async def wanted(*uris: str) -> None:
        with anyio.fail_after(PATIENCE):
            while {*bench.subscribers.wanted} != {*uris}:
                await anyio.lowlevel.checkpoint()

    async with client(bench, mode) as one, client(bench, mode) as two:
        if mode == "legacy":
            for llm, uri in ((one, URI), (two, URI), (two, other)):
                await llm.subscribe_resource(uri)
            await wanted(URI, other)
            await two.unsubscribe_resource(other)
            await two.unsubscribe_resource(URI)
            await wanted(URI)
        else:
            async with one.listen(resource_subscriptions=[URI]):
                async with two.listen(resource_subscriptions=[URI, other]):
                    await wanted(URI, other)
                await wanted(URI)
            await wanted()


@ERAS
async def test_every_client_hears_of_the_list_in_the_way_of_its_era(mode: str) -> None:
    bench, told = Bench(), anyio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceListChangedNotification):
            told.set()

    with anyio.fail_after(PATIENCE):
        async with client(bench, mode, message_handler=hear) as llm:
            if mode == "legacy":
                await llm.list_resources(cache_mode="bypass")  # after it, `initialized` has been taken
                bench.subscribers.list_changed()
                await told.wait()
            else:
                async with llm.listen(resources_list_changed=True) as events:
                    bench.subscribers.list_changed()
                    assert isinstance(await anext(aiter(events)), ResourcesListChanged)


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
@ERAS
async def test_progress_is_reported_to_those_who_ask_for_it(
    scene: Scene, state: Path, mode: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "BEAT", 0.02)
    beats: list[tuple[float, float | None, str | None]] = []

    async def beat(progress: float, total: float | None, message: str | None) -> None:
        beats.append((progress, total, message))

    async with desk(at(scene.here, agent=scene.scout), state, mode) as host:
        await host.until("live")
        await host.llm.call_tool("inbox_wait", {"timeout_s": 0.3}, progress_callback=beat if asked else None)
    assert bool(beats) is asked
    assert [done for done, _, _ in beats] == sorted(done for done, _, _ in beats)
    assert {(total, word) for _, total, word in beats} <= {(0.3, wording.WAITING)}


def test_spans_of_the_sdk_say_what_clients_and_errors_say_so_this_server_has_its_own(state: Path) -> None:
    ours, _ = build(Session(nowhere(), state), ["agent"], local=False)
    theirs = Server[Any]("theirs")
    assert [isinstance(one, OpenTelemetryMiddleware) for one in theirs.middleware] == [True]
    assert not [one for one in ours.middleware if isinstance(one, OpenTelemetryMiddleware)]


@pytest.mark.parametrize("opening", ["2025-11-25", "2024-11-05", "2026-07-28"])
async def test_the_first_request_decides_the_era(opening: str) -> None:
    hello = {"protocolVersion": opening, "capabilities": {}, "clientInfo": DESK.model_dump(exclude_none=True)}
    first = enveloped("server/discover")
    if opening != "2026-07-28":
        first = SessionMessage(types.JSONRPCRequest(jsonrpc="2.0", id=1, method="initialize", params=hello))
    with anyio.fail_after(PATIENCE):
        async with pipes(Bench().server()) as (read, write):
            await write.send(first)
            answer = (await read.receive()).message
    assert isinstance(answer, types.JSONRPCResponse)
    versions = answer.result.get("supportedVersions") or [answer.result["protocolVersion"]]
    assert opening in versions


async def test_a_client_that_does_not_read_is_told_once_of_each_thing_and_goes_on_listening() -> None:
    bench, uris = Bench(), [f"test://thing/{n}" for n in range(300)]
    asked = {"resourceSubscriptions": uris, "resourcesListChanged": True, "toolsListChanged": True}

    async def told(read: Any, number: int) -> list[str]:
        """The addresses in the next notifications, or what else they are."""
        said = [(await read.receive()).message for _ in range(number)]
        assert {message.params["_meta"]["io.modelcontextprotocol/subscriptionId"] for message in said} == {1}
        return [message.params.get("uri", message.method) for message in said]

    with anyio.fail_after(PATIENCE):
        async with pipes(bench.server()) as (read, write):
            await write.send(enveloped("subscriptions/listen", notifications=asked))
            acknowledged = (await read.receive()).message
            for _ in range(5):
                for uri in uris:
                    bench.subscribers.updated(uri)
                bench.subscribers.list_changed()
            bench.subscribers.updated(URI)  # which nobody asked for
            once = await told(read, 301)
            bench.subscribers.updated(uris[7])
            assert await told(read, 1) == [uris[7]]
    assert acknowledged.params["notifications"] == {
        "resourceSubscriptions": uris,
        "resourcesListChanged": True,
    }
    assert sorted(once) == sorted([*uris, "notifications/resources/list_changed"])


@OLD_WAY
async def test_a_client_of_the_old_era_that_does_not_read_keeps_no_other_waiting() -> None:
    bench, told = Bench(), anyio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            told.set()

    async def ask(read: Any, write: Any, id: int, method: str, **params: Any) -> None:
        request = types.JSONRPCRequest(jsonrpc="2.0", id=id, method=method, params=params)
        await write.send(SessionMessage(request))
        assert (await read.receive()).message.id == id

    with anyio.fail_after(PATIENCE):
        async with pipes(bench.server()) as (read, write):
            who = DESK.model_dump(exclude_none=True)
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who}
            await ask(read, write, 1, "initialize", **hello)
            begun = types.JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
            await write.send(SessionMessage(begun))
            await ask(read, write, 2, "resources/subscribe", uri=URI)
            async with client(bench, "legacy", message_handler=hear) as llm:
                await llm.subscribe_resource(URI)
                for _ in range(20):
                    told = anyio.Event()
                    bench.subscribers.updated(URI)
                    await told.wait()
            bench.subscribers.list_changed()
            heard = []
            while "notifications/resources/list_changed" not in heard:
                heard.append((await read.receive()).message.method)
    assert 1 <= heard.count("notifications/resources/updated") <= 3  # two were on their way when it came last


async def test_there_is_an_end_to_how_many_may_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "MOST", 1)
    async with client(Bench(), "auto") as llm, llm.listen(resource_subscriptions=[URI]):
        with pytest.raises(MCPError, match="Too many subscriptions"):
            async with llm.listen(resource_subscriptions=[URI]):
                pass
