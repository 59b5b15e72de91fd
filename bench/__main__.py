"""Measures everything, or the parts named, and prints medians and ratios.

    python -m bench [PART ...] [--rounds 5] [--scale 1] [--json FILE] [--write]

`--write` puts what was found into docs/performance.md and its picture; parts that were not measured keep
their figures. It needs Linux and uv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import anyio

from bench import parts, report
from bench.figures import Effort, Figure

PARTS = sorted(module.name for module in iter_modules(parts.__path__))


async def measured(
    names: list[str], effort: Effort, keep: Callable[[report.Found], None] = lambda _: None
) -> dict[str, list[Figure]]:
    """The figures of these parts, said and kept as they come."""
    found = {}
    for name in names:
        measure: Callable[[Effort], Awaitable[list[Figure]]] = import_module(f"bench.parts.{name}").measure
        begun = time.perf_counter()
        found[name] = await measure(effort)
        print("\n".join(report.lines(name, found[name])))
        print(f"({time.perf_counter() - begun:.0f} s)", flush=True)
        keep({name: found[name]})
    return found


def main() -> None:
    said = argparse.ArgumentParser("python -m bench", description=(__doc__ or "").partition("\n")[0])
    said.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}")
    said.add_argument("--rounds", type=int, default=5)
    said.add_argument("--scale", type=float, default=1.0, help="how many calls, messages, rows; 1 is all")
    said.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured here")
    said.add_argument("--write", action="store_true", help="put it into docs/performance.md and its picture")
    given = said.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        said.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    keep = report.write if given.write else lambda _: None
    found = anyio.run(measured, given.parts or PARTS, Effort(given.rounds, given.scale), keep)
    if given.json:
        given.json.write_text(report.record(found))


if __name__ == "__main__":
    main()
