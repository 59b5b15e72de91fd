"""How lists are cut into pages. `page` counts from 1; a page past the end is empty."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from thenvoi_bridge.contract.call import Envelope, Record

Item = TypeVar("Item")

PageNumber = Annotated[int, Field(ge=1, description="Page, from 1.")]
PageSize = Annotated[int, Field(ge=1, le=100, description="Items on a page.")]


class More(Record):
    """What newer clients ask of every list: whether there is more, and how many items a page has."""

    has_more: bool | None = None
    limit: int | None = None


class PageInfo(More):
    """Where a page stands. `total_pages` of nothing is 1: a published client divides by it."""

    page: int
    page_size: int
    total_count: int
    total_pages: int

    @classmethod
    def of(cls, page: int, page_size: int, total_count: int) -> PageInfo:
        """The page `page` of `total_count` items, `page_size` a page."""
        pages = max(1, -(-total_count // page_size))
        return cls(
            page=page,
            page_size=page_size,
            total_count=total_count,
            total_pages=pages,
            has_more=page < pages,
            limit=page_size,
        )


class Page(Envelope, Generic[Item]):
    """`data` and `metadata`: the usual list."""

    data: list[Item]
    metadata: PageInfo


class MetaPage(Envelope, Generic[Item]):
    """`data` and `meta`: the room's context. Newer clients read `metadata` instead."""

    data: list[Item]
    meta: PageInfo
    metadata: More | None = None
