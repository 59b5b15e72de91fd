"""Takes up the SDK without what a server over stdio has no use for; imports nothing of it that is heavy.

Its packages import its clients, its other server and an HTTP stack for whoever writes `from mcp import …`,
and build validators for all that two eras can say. A server over stdio is made of a few submodules, and meets
a host of one era.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from pydantic import BaseModel


class _Entered(ModuleType):
    """A package whose submodules are found, and which has nothing else until somebody asks for it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what looks through all modules does not want this one's contents
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__
        assert self.__spec__.loader
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def take_up() -> None:
    """Enter the SDK's packages, and have models built when they are first used. Before it is imported."""
    for name in ("mcp", "mcp.server", "mcp_types"):
        if name not in sys.modules:
            _enter(name)
    BaseModel.model_config["defer_build"] = True  # from now on, for all that inherit it


def _enter(name: str) -> None:
    spec = find_spec(name)
    assert spec
    sys.modules[name] = package = module_from_spec(spec)
    package.__class__ = _Entered
    outer, _, inner = name.rpartition(".")
    if outer:
        setattr(sys.modules[outer], inner, package)
