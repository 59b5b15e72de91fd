"""What docs/hosting.md has people type; tests/packages/test_containers_guide.py has what is in containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

import anyio
import httpx2
import pytest

from tests import postgres
from tests.guides.reader import Reader
from tests.guides.started import answers
from tests.packages.checkout import copied
from tests.world import World

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]


def with_key(address: str, key: str) -> dict[str, object]:
    """The entry of a host."""
    return {"url": f"{address}/mcp", "headers": {"Authorization": f"Bearer {key}"}}


async def key_of_an_agent(here: World, reader: Reader) -> str:
    """A key of the platform for which the reader's servers are to be."""
    reader.env["THENVOI_BASE_URL"] = here.url
    return (await here.agent(await here.person(), "Scout")).key


@pytest.mark.follows("docs/hosting.md#hosting-the-bridge-for-a-team")
@pytest.mark.follows("docs/hosting.md#reachable-from-elsewhere")
async def test_a_host_reaches_a_hosted_bridge_by_the_configuration(reader: Reader, here: World) -> None:
    reader.means["<your Thenvoi key>"] = await key_of_an_agent(here, reader)
    with reader.serves() as address:
        reader.means["https://bridge.example.com"] = address
        entry = json.loads(reader.takes())["mcpServers"]["thenvoi"]
        assert await answers(entry, reader.env) == "thenvoi"
        assert await status(address, "bridge.example.com") == 421
    del reader.means["https://bridge.example.com"]
    with reader.serves() as address:
        assert await status(address, "bridge.example.com") == 200


async def status(address: str, name: str) -> int:
    """How health is answered to whoever asks by a name."""
    async with httpx2.AsyncClient() as http:
        return (await http.get(f"{address}/healthz", headers={"Host": name})).status_code


@pytest.mark.follows("docs/hosting.md#several-replicas")
async def test_a_replica_has_its_inboxes_on_postgres(reader: Reader, here: World) -> None:
    key = await key_of_an_agent(here, reader)
    with postgres.server() as url:
        reader.means["postgresql://bridge@db.example/bridge"] = url
        reader.types()
        with reader.serves() as address:
            assert await answers(with_key(address, key), reader.env) == "thenvoi"


@pytest.mark.follows("docs/hosting.md#traces")
async def test_spans_go_to_a_collector(reader: Reader, here: World) -> None:
    key = await key_of_an_agent(here, reader)
    reader.cwd = copied(reader.home / "checkout")
    reader.env["OTEL_BSP_SCHEDULE_DELAY"] = "100"  # milliseconds between two exports
    with collector() as (address, heard):
        reader.means["http://collector:4318"] = address
        for _ in ("install", "where to", "how"):
            reader.types()
        with reader.serves() as bridge:
            assert await answers(with_key(bridge, key), reader.env) == "thenvoi"
            said = await anyio.to_thread.run_sync(lambda: heard.get(timeout=15))
    assert b"thenvoi-bridge" in said


@contextmanager
def collector() -> Iterator[tuple[str, Queue[bytes]]]:
    """One that takes spans and keeps them as they come: its address, and what it has heard."""
    heard: Queue[bytes] = Queue()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                heard.put(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
