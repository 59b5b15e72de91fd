"""What a memory can be, what becomes of it, and who may see and change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from thenvoi_bridge.contract.errors import Forbidden, Unprocessable
from thenvoi_bridge.contract.memories import MemoryStatus, MemorySystem, MemoryType, Scope
from thenvoi_bridge.platform.rules.access import Principal

Order = Literal["supersede", "archive", "restore"]

_THOUGHT: frozenset[MemoryType] = frozenset({"episodic", "semantic", "procedural"})
TYPES: dict[MemorySystem, frozenset[MemoryType]] = {
    "sensory": frozenset({"iconic", "echoic", "haptic"}),
    "working": _THOUGHT,
    "long_term": _THOUGHT,
}
"""Which types of memory each system has."""

TABLE: dict[tuple[MemoryStatus, Order], MemoryStatus] = {
    ("active", "supersede"): "superseded",
    ("archived", "supersede"): "superseded",
    ("superseded", "supersede"): "superseded",
    ("active", "archive"): "archived",
    ("archived", "archive"): "archived",
    ("superseded", "archive"): "superseded",
    ("archived", "restore"): "active",
}
"""What is not here is refused with 422; superseding and archiving never are, so that they can be repeated.

Superseded is final: what is no longer true does not come back by way of the archive.
"""


@dataclass(frozen=True, slots=True)
class Ties:
    """What of a memory says who may see and change it."""

    organization_id: str
    source_agent_id: str
    subject_id: str | None
    scope: Scope


def check_type(system: MemorySystem, type: MemoryType) -> None:
    """Raise `Unprocessable` for a type that the system does not have."""
    if type not in TYPES[system]:
        why = f"must be one of {', '.join(sorted(TYPES[system]))}"
        raise Unprocessable(f"A {system} memory cannot be {type}", {"/memory/type": [why]})


def check_subject(scope: Scope, subject_id: str | None) -> None:
    """Raise `Unprocessable` for a memory about nobody that is not for the whole organisation."""
    if scope == "subject" and subject_id is None:
        why = "is required unless the scope is organization"
        raise Unprocessable("Whom or what is the memory about?", {"/memory/subject_id": [why]})


def after(status: MemoryStatus, order: Order) -> MemoryStatus:
    """The state of a memory once `order` was given. Raises `Unprocessable` where the table has no way."""
    if (status, order) not in TABLE:
        raise Unprocessable(f"Cannot {order} a memory that is {status}", {"/status": [f"is {status}"]})
    return TABLE[status, order]


def may_see(me: Principal, memory: Ties, *, in_room: bool) -> bool:
    """Whether the caller may know of a memory; `in_room` is whether it is about a room the caller is in.

    Agents share what their organisation remembers. People see what is about them, for everybody, or about
    their rooms. Nothing crosses organisations, so nobody can be slipped a memory from outside.
    """
    if memory.organization_id != me.organization_id:
        return False
    return me.type == "Agent" or memory.subject_id == me.id or memory.scope == "organization" or in_room


def check_change(me: Principal, memory: Ties) -> None:
    """Raise `Forbidden` unless a memory that the caller may see is the caller's to change.

    An agent changes what it wrote, a person what is about them.
    """
    if me.type == "Agent" and memory.source_agent_id != me.id:
        raise Forbidden("Only the agent that wrote a memory may change it")
    if me.type == "User" and memory.subject_id != me.id:
        raise Forbidden("You may only change memories about yourself")


def words(text: str) -> list[str]:
    """The words to search for, each once."""
    return list(dict.fromkeys(folded(text).split()))


def folded(text: str) -> str:
    """The text without upper and lower case, in every script; databases do that for ASCII alone."""
    return text.casefold()
