"""Serve the server under test, with what the conformance suites name, at `/mcp` on this computer.

uv run python -m tests.conformance --port 8765
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import click
import uvicorn

from tests.conformance.server import standing
from thenvoi_bridge.ports import address, bind


async def serve(port: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with standing(Path(folder)) as app:
            listener = bind("127.0.0.1", port)
            click.echo(f"{address(listener)}/mcp")
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
            await uvicorn.Server(config).serve([listener])


@click.command(help=__doc__)
@click.option("--port", default=0, help="0 takes a free one.")
def main(port: int) -> None:
    anyio.run(serve, port)


if __name__ == "__main__":
    main()
