"""A NATS server of the tests' own, from the package index."""

from __future__ import annotations

import socket
import subprocess
import sysconfig
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"


@contextmanager
def server(port: int, *options: str) -> Generator[str]:
    """Run a server on a port of this computer until the end of the block, then kill it; its URL."""
    command = [str(PROGRAM), "--addr", "127.0.0.1", "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _reached(process, port)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.kill()


def _reached(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError("nats-server does not start")
