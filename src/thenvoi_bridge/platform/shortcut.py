"""The way of a request to its route without trying all of them, and without what stands around any app."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

FIXED = 4
"""Parts at the beginning of a path that no route leaves open: `/api/v1/<side>/<group>`."""

Shelf = tuple[int | str, ...]


class Shortcut:
    """An app that has these routes among others; what they serve does not go through it.

    They stand on shelves, by the beginning and the number of parts of their paths, each in the order given.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        self._shelves: dict[Shelf, list[Route]] = {}
        for route in routes:
            shelf = _shelf(route.path)
            assert not any("{" in str(part) for part in shelf), f"{route.path} is open too early"
            self._shelves.setdefault(shelf, []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket. For a wrong method, too, the app finds words."""
        for route in self._shelves.get(_shelf(scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return await route.app(scope, receive, send)
        await self._app(scope, receive, send)


def _shelf(path: str) -> Shelf:
    return (path.count("/"), *path.split("/", FIXED + 1)[1 : FIXED + 1])
