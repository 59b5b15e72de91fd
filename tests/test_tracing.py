"""A trace goes from a host through the bridge to the platform, and nothing anybody wrote goes with it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from mcp.shared.exceptions import MCPError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.bridge.conftest import Scene, played
from tests.bridge.desk import PATIENCE
from tests.guides.reading import masked, printed
from tests.hosting.team import host, live, log, serving
from tests.world import world
from thenvoi_bridge import tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
CANARY = "canary"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Tap:
    """The headers of what a platform was asked to change, a dict for each request."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []

    def around(self, app: ASGIApp) -> ASGIApp:
        async def tapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["method"] == "POST":
                self.heard.append(dict(Headers(scope=scope)))
            await app(scope, receive, send)

        return tapped


@pytest.fixture(scope="module")
async def tapped(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[Scene, Tap]]:
    tap = Tap()
    async with world(tmp_path_factory.mktemp("traced") / "platform", around=tap.around) as here:
        yield await played(here), tap


# What is carried


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        ({"traceparent": PARENT}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": "a=1,b=2"}, {"traceparent": PARENT, "tracestate": "a=1,b=2"}),
        ({"traceparent": PARENT, "tracestate": "not a state"}, {"traceparent": PARENT}),
        (
            {"traceparent": PARENT, "tracestate": f"a={'x' * 250},b={'y' * 250},c=12345"},
            {"traceparent": PARENT},
        ),
        ({"traceparent": PARENT, "baggage": "user=alice"}, {"traceparent": PARENT}),
        ({"tracestate": "a=1"}, {}),
        ({"traceparent": "nonsense"}, {}),
        ({"traceparent": PARENT.upper()}, {}),
        ({"traceparent": f"{PARENT}\r\nX-API-Key: 1"}, {}),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, {}),
        ({"traceparent": f"ff-{TRACE}-00f067aa0ba902b7-01"}, {}),
        ({"traceparent": 7, "tracestate": ["a=1"]}, {}),
        (None, {}),
    ],
)
def test_a_trace_is_carried_on_and_what_is_none_is_dropped(
    given: dict[str, Any] | None, carried: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with tracing.within(given), tracing.part("something", "client"):
        assert tracing.headers() == carried
        assert tracing.trace_id() == (TRACE if carried else None)
    assert tracing.headers() == {}
    assert not caplog.records


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_trace_of_a_tool_call_reaches_the_platform_and_its_log(
    tapped: tuple[Scene, Tap], tmp_path: Path, mode: str
) -> None:
    scene, tap = tapped
    with anyio.fail_after(PATIENCE), log() as heard:
        async with serving(scene.here, tmp_path) as bridge, host(bridge, scene.scout.key, mode) as llm:
            await live(llm)
            tap.heard.clear()
            said: Any = {
                "chat_id": scene.room.id,
                "content": f"{CANARY} {mode}",
                "mentions": [scene.alice.id],
            }
            meta: Any = {"traceparent": PARENT, "tracestate": "v=1", "baggage": f"text={CANARY}"}
            assert not (await llm.call_tool("send_message", said, meta=meta)).is_error
            said = {**said, "content": f"{CANARY} {mode} again"}
            meta = {"traceparent": "nonsense"}
            assert not (await llm.call_tool("send_message", said, meta=meta)).is_error
    with_trace, without = tap.heard
    assert (with_trace["traceparent"], with_trace["tracestate"]) == (PARENT, "v=1")
    assert "baggage" not in with_trace
    assert not {"traceparent", "tracestate"} & without.keys()
    lines = [line for line in heard.lines if "call=send_message" in line]
    assert [f"trace_id={TRACE}" in line for line in lines] == [True, False]
    assert re.fullmatch(
        rf"call=send_message status=201 ms=[0-9.]+ request_id=[0-9a-f]{{16}} principal={scene.scout.id} "
        rf"trace_id={TRACE}",
        lines[0],
    )
    assert masked(lines[0]) == masked(printed("docs/platform.md#watch-it"))
    assert not [line for line in heard.lines if CANARY in line]


# With an SDK


@dataclass
class Spans:
    """What a process exports, as it comes."""

    all: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    more: anyio.Event = field(default_factory=anyio.Event)

    async def collect(self, process: Process) -> None:
        """Read what the exporter writes, one indented object after another."""
        assert process.stdout
        text = ""
        async for part in process.stdout:
            text = self._read(text + part.decode())

    def _read(self, text: str) -> str:
        while text := text.lstrip():
            try:
                span, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                break
            self.all.append(span)
            self.more.set()
            text = text[end:]
        return text

    async def named(self, name: str) -> dict[str, Any]:
        """The one that is called so, once it is there."""
        while not (found := [span for span in self.all if span["name"] == name]):
            self.more = anyio.Event()
            await self.more.wait()
        (span,) = found
        return span


@dataclass(frozen=True)
class Reached:
    """A server, and what it exports."""

    url: str
    spans: Spans


@asynccontextmanager
async def instrumented(*args: str, **environ: str) -> AsyncGenerator[Reached]:
    """A command as those operators start it who collect traces."""
    exporters = {f"OTEL_{what}_EXPORTER": "none" for what in ("METRICS", "LOGS")}
    exporters |= {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    command = [str(programs / "opentelemetry-instrument"), "thenvoi-bridge", *args]
    env, spans = {**os.environ, **exporters, **environ, "PATH": path}, Spans()
    async with await anyio.open_process(command, env=env) as process, anyio.create_task_group() as tasks:
        tasks.start_soon(spans.collect, process)
        yield Reached(await greeting(process), spans)
        process.terminate()


async def greeting(process: Process) -> str:
    """The address in the first words of a server."""
    said = ""
    assert process.stderr
    async for part in process.stderr:
        said += part.decode()
        if found := re.search(r"on (http://[0-9.:]+)", said):
            return found[1]
    raise AssertionError(said)


@pytest.mark.thorough
async def test_with_an_sdk_each_tool_call_and_request_is_a_span_without_a_word_of_anybody(
    tmp_path: Path,
) -> None:
    data, state = tmp_path / "data", tmp_path / "state"
    async with world(data) as here:
        scene = await played(here)
    served = ("platform", "serve", "--data", str(data), "--port", "0", "--log-level", "warning")
    said = {"chat_id": scene.room.id, "content": CANARY, "mentions": [scene.alice.id]}
    meta: Any = {"traceparent": PARENT}
    with anyio.fail_after(60):
        async with instrumented(*served) as platform:
            where = {"THENVOI_BASE_URL": platform.url, "THENVOI_STATE_DIR": str(state)}
            async with instrumented("serve", "--port", "0", **where) as bridge:
                async with host(bridge, scene.scout.key) as llm:
                    await live(llm)
                    assert not (await llm.call_tool("send_message", said, meta=meta)).is_error
                    with pytest.raises(MCPError):
                        await llm.call_tool(f"{CANARY}_tool", {}, meta=meta)
                tool = await bridge.spans.named("tools/call send_message")
                request = await bridge.spans.named("send_message")
                answered = await platform.spans.named("send_message")
    assert tool["parent_id"] == "0x00f067aa0ba902b7"
    assert request["parent_id"] == tool["context"]["span_id"]
    assert answered["parent_id"] == request["context"]["span_id"]
    assert {span["context"]["trace_id"] for span in (tool, request, answered)} == {f"0x{TRACE}"}
    assert answered["attributes"] == {"http.response.status_code": 201}
    every = json.dumps([bridge.spans.all, platform.spans.all])
    assert not [what for what in (CANARY, scene.room.id, scene.scout.key, scene.scout.id) if what in every]
