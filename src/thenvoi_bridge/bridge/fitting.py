"""Cuts a page of a list to what a model is shown at once, and says how to ask for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from thenvoi_bridge.bridge.mail import as_text

SPARE = 500
"""Characters left for what stands around the items of a page."""


def fitted(answer: Any, budget: int) -> Any:
    """An answer as JSON values; if it is a page of more than `budget` characters, the first items of it.

    Then `truncated` is true, and `next` has the `page` and `page_size` with which the rest begins. A single
    item that is too long is left as it is.
    """
    items = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) < 2 or len(as_text(answer)) <= budget:
        return answer
    return _cut(items, answer, _how_many(items, budget - SPARE))


def _how_many(items: Sequence[Any], budget: int) -> int:
    ends = accumulate(len(as_text(item)) + 1 for item in items)
    return max(1, sum(end <= budget for end in ends))


def _cut(items: Sequence[Any], page: dict[str, Any], fitting: int) -> dict[str, Any]:
    """As many items as fit, or fewer: pages are of one size, so those before have to be pages of it, too."""
    info = page.get("metadata") or page.get("meta") or {}
    before = (info.get("page", 1) - 1) * info.get("page_size", len(items))
    size = next(size for size in range(fitting, 0, -1) if before % size == 0)
    following = {"page": before // size + 2, "page_size": size}
    return {**page, "data": items[:size], "truncated": True, "next": following}
