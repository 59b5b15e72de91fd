"""A NATS server of the tests' own, from the package index."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"


@contextmanager
def server(port: int, *options: str) -> Generator[str]:
    """Run a server on a port of this computer until the end of the block, then kill it; its URL."""
    command = [str(PROGRAM), "--addr", "127.0.0.1", "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr
        rest = Thread(target=process.stderr.read, daemon=True)  # a full pipe would stop it
        try:
            assert any(b"Server is ready" in line for line in process.stderr), "nats-server does not start"
            rest.start()
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.kill()
            if rest.ident:
                rest.join()
