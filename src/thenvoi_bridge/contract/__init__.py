"""What both halves agree on: every REST call, its answer, its errors, and the WebSocket feed.

Imports nothing else of ours. `CALLS` is read off the classes in this folder; there is no other list of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thenvoi_bridge.contract.call import Call

CALLS: tuple[type[Call[Any]], ...]
"""Every call of the contract, in the order of the files and of the classes within them."""


def __getattr__(name: str) -> Any:
    """`Call` and `CALLS`, made when they are first asked for: who needs one file imports no other."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["Call"] = import_module(f"{__name__}.call").Call
    if name == "CALLS":
        globals()["CALLS"] = tuple(_calls())
    return globals()[name]


def _calls() -> Iterator[type[Call[Any]]]:
    from pkgutil import iter_modules

    for module in iter_modules(__path__, f"{__name__}."):
        yield from _calls_of(import_module(module.name))


def _calls_of(module: ModuleType) -> Iterator[type[Call[Any]]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, globals()["Call"]) and "route" in value.__dict__:
            yield value


__all__ = ["CALLS", "Call"]
