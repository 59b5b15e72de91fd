"""Finding the route of a request without trying all there are."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

FIXED = 4
"""Parts at the beginning of a path that no route leaves open: `/api/v1/<side>/<group>`."""


class Shelves(BaseRoute):
    """Many routes as one, by the beginning and the number of parts of their paths.

    Only those on a request's shelf can fit it. They are tried in the order in which they were given.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._shelves: dict[tuple[int | str, ...], list[Route]] = {}
        for route in routes:
            shelf = _shelf(route.path)
            assert not any("{" in str(part) for part in shelf), f"{route.path} leaves open where it belongs"
            self._shelves.setdefault(shelf, []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Called by Starlette: whether there is a route, for this method or for another one."""
        other: tuple[Match, Scope] = Match.NONE, {}
        for route in self._shelves.get(_shelf(scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, {**found, "route": route}
            if match is Match.PARTIAL and other[0] is Match.NONE:
                other = match, {**found, "route": route}
        return other

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by Starlette: serve what fits."""
        await scope["route"].handle(scope, receive, send)


def _shelf(path: str) -> tuple[int | str, ...]:
    return (path.count("/"), *path.split("/", FIXED + 1)[1 : FIXED + 1])
