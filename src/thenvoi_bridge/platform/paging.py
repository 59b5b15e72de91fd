"""How a page becomes LIMIT and OFFSET."""

from __future__ import annotations

from typing import Protocol

FARTHEST = 2**63 - 1
"""The last row a database can number. A page beyond it is as empty as any other past the end."""


class Paged(Protocol):
    """A call that asks for one page."""

    @property
    def page(self) -> int: ...
    @property
    def page_size(self) -> int: ...


def window(call: Paged, size: int | None = None) -> tuple[int, int]:
    """LIMIT and OFFSET of a page, whose size may differ from the one asked for."""
    size = call.page_size if size is None else size
    return size, min((call.page - 1) * size, FARTHEST)
