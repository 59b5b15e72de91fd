"""Which platform to talk to, and as whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["agent", "human"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A platform and keys for it. `local`: it runs on this computer, for this account alone.

    A key whose kind nobody can tell stands in both places; the platform knows.
    """

    base_url: str
    ws_url: str | None = None
    agent_key: str | None = field(default=None, repr=False)
    user_key: str | None = field(default=None, repr=False)
    local: bool = False


Locate = Callable[[str], Awaitable[Endpoint]]
"""Finds the endpoint, given the name of the MCP host; may take seconds. Raises `CannotLocate`."""


class CannotLocate(Exception):
    """There is no platform to talk to; the message says why and what to do, for people."""


def sides_of(key: str) -> tuple[Side, ...]:
    """Whose key this is, by its prefix (`thnv_a_`, `thnv_u_`, later `band_…`); both for a legacy key."""
    sides: dict[str, tuple[Side, ...]] = {"a": ("agent",), "u": ("human",)}
    parts = key.split("_")
    return sides.get(parts[1], ("agent", "human")) if len(parts) > 2 else ("agent", "human")
