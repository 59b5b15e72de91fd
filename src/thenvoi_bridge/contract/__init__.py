"""What both halves agree on: every REST call, its answer, its errors, and the WebSocket feed.

Imports nothing else of ours. `CALLS` is read off the classes in this folder; there is no other list of them.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from thenvoi_bridge.contract.call import Call

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

CALLS: tuple[type[Call[Any]], ...] = tuple(Call.every())
"""Every call of the contract, in the order of the files and of the classes within them."""

__all__ = ["CALLS", "Call"]
