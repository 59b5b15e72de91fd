"""The bridge as a process, and a host that is nothing but pipes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.world import bridge

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
KEY = "thnv_a_keyid_secret"
Popen = subprocess.Popen[str]
COMMAND = (sys.executable, "-m", "thenvoi_bridge")


def environ(state: Path, url: str = "http://127.0.0.1:9", key: str = KEY, **more: str) -> dict[str, str]:
    """The environment of a bridge; its platform is not there unless one is named."""
    return bridge(url, key, state, **more).env or {}


def library(folder: Path, code: str) -> dict[str, str]:
    """What makes Python run this code when it starts, as a library that misbehaves."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


@contextmanager
def started(env: dict[str, str], *command: str, stderr: Any = subprocess.PIPE) -> Iterator[Popen]:
    """A bridge, or a command that starts one."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": stderr}
    with subprocess.Popen(command or COMMAND, env=env, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: Popen, *messages: dict[str, Any]) -> None:
    """Have the host write."""
    assert process.stdin
    process.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
    process.stdin.flush()


def hear(process: Popen) -> dict[str, Any]:
    """The next message the host reads."""
    assert process.stdout
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def answered(process: Popen) -> dict[str, Any]:
    """The next answer the host reads; what it is notified of meanwhile is passed over."""
    while "id" not in (said := hear(process)):
        pass
    return said


def call(id: int, name: str, **arguments: Any) -> dict[str, Any]:
    """A request that calls a tool."""
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


def ping(id: int) -> dict[str, Any]:
    """A request that only wants an answer."""
    return {"jsonrpc": "2.0", "id": id, "method": "ping"}
