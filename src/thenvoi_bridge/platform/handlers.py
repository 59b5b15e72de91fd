"""Which function answers which call.

A handler is an ordinary function of the call, the caller and the running transaction; it returns the call's
answer or raises one of the contract's errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_type_hints

from thenvoi_bridge.contract import Call
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal

Handler = Callable[[Any, Any, Change], Any]
"""`(call, caller, transaction) -> answer`; the caller is None for calls that need no key."""

Kind = TypeVar("Kind", bound=Call[Any])
Caller = TypeVar("Caller", Principal, None)
Answer = TypeVar("Answer")

HANDLERS: dict[type[Call[Any]], Handler] = {}
"""Filled by `handler` as the modules of this folder are imported."""


def handler(
    function: Callable[[Kind, Caller, Change], Answer],
) -> Callable[[Kind, Caller, Change], Answer]:
    """Register a function for the call its first parameter is annotated with, or for each of a union."""
    annotation = next(iter(get_type_hints(function).values()))
    for kind in get_args(annotation) or (annotation,):
        assert kind not in HANDLERS, f"{kind.__name__} has two handlers"
        HANDLERS[kind] = function
    return function
