"""What both halves agree on: every REST call, its answer, its errors, and the WebSocket feed.

Imports nothing else of ours. `CALLS` is read off the classes in this folder; there is no other list of them.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from thenvoi_bridge.contract.call import Call

CALLS: tuple[type[Call[Any]], ...]
"""Every call of the contract, in the order of the files and of the classes within them."""


def __getattr__(name: str) -> tuple[type[Call[Any]], ...]:
    """`CALLS`, made when it is first asked for: who needs one file's calls does not import the others."""
    if name != "CALLS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = iter_modules(__path__, f"{__name__}.")
    calls = tuple(call for module in found for call in _calls_of(import_module(module.name)))
    globals()[name] = calls
    return calls


def _calls_of(module: ModuleType) -> Iterator[type[Call[Any]]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Call) and "route" in value.__dict__:
            yield value


__all__ = ["CALLS", "Call"]
