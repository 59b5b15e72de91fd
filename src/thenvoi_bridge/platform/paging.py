"""How a page becomes LIMIT and OFFSET."""

from __future__ import annotations

from typing import Protocol


class Paged(Protocol):
    """A call that asks for one page."""

    @property
    def page(self) -> int: ...
    @property
    def page_size(self) -> int: ...


def window(call: Paged) -> tuple[int, int]:
    """LIMIT and OFFSET of a page."""
    return call.page_size, (call.page - 1) * call.page_size
