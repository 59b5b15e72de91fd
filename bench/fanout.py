"""One message to everybody in a room, for other numbers of sockets than `python -m bench fanout` has.

uv run python -m bench.fanout [SOCKETS ...]
"""

from __future__ import annotations

import sys

import anyio

from bench import report
from bench.figures import Effort
from bench.parts import fanout

SOCKETS = (100, 1000, 5000)


def main() -> None:
    for size in [int(arg) for arg in sys.argv[1:]] or SOCKETS:
        found = anyio.run(fanout.told, Effort(rounds=7), size)
        print("\n".join(report.lines(f"fanout, {size:,} sockets", fanout.figures(found, size))), flush=True)


if __name__ == "__main__":
    main()
