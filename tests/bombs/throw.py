"""`python -m tests.bombs.throw NAME TARGET`: throws a bomb over and over, and prints what came of each."""

from __future__ import annotations

import json
import sys

import anyio
from websockets.exceptions import InvalidStatus

from tests.bombs.bombs import BOMBS, Target, Throw

HANDS = 4
"""Bombs of a kind that are thrown at a time."""


async def main(name: str, target: Target) -> None:
    throw, _ = BOMBS[name]
    print("ready", flush=True)
    async with anyio.create_task_group() as tasks:
        for _ in range(HANDS):
            tasks.start_soon(_go_on, throw, target)


async def _go_on(throw: Throw, target: Target) -> None:
    while True:
        try:
            print(await throw(target), flush=True)
        except InvalidStatus as exc:
            print(exc.response.status_code, flush=True)
        except Exception as exc:  # that it was refused by other means is an answer, too
            print(type(exc).__name__, flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Target(**json.loads(sys.argv[2])))
