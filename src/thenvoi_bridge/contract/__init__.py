"""What both halves agree on: every REST call, its answer, its errors, and the WebSocket feed.

Imports nothing else of ours. `CALLS` is read off the classes in this folder; there is no other list of them.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from thenvoi_bridge.contract.call import Call


def _calls_of(module: ModuleType) -> Iterator[type[Call[Any]]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Call) and "route" in value.__dict__:
            yield value


CALLS: tuple[type[Call[Any]], ...] = tuple(
    call
    for module in iter_modules(__path__, f"{__name__}.")
    for call in _calls_of(import_module(module.name))
)
"""Every call of the contract, in the order of the files and of the classes within them."""

__all__ = ["CALLS", "Call"]
