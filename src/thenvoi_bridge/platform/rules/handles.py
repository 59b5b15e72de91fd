"""How handles are made: `username` for people, `owner/slug` for agents, in lower case (seed, contacts)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.")


def normal_form(handle: str) -> str:
    """A handle as it is kept: without a leading @, in lower case."""
    return handle.strip().removeprefix("@").casefold()


def slug(text: str) -> str:
    """Lower case, everything that may not stand in a handle a single `-`; never empty."""
    kept = "".join(c if c in _LETTERS else "-" for c in text.casefold())
    return "-".join(part for part in kept.split("-") if part).strip("._-") or "x"


def user_handle(email: str) -> str:
    """The handle a person gets: what stands before the @ of the e-mail address."""
    return slug(email.partition("@")[0])


def agent_handle(owner_handle: str, name: str) -> str:
    """The handle an agent gets."""
    return f"{owner_handle}/{slug(name)}"


def free_handle(wanted: str, taken: Callable[[str], bool]) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`, … that nobody has."""
    candidates = (wanted if n == 1 else f"{wanted}-{n}" for n in count(1))
    return next(candidate for candidate in candidates if not taken(candidate))
