"""What one client is still to be told of changes, in either era, until it goes and not before.

The SDK's own handler of `subscriptions/listen` keeps every notification until it is written, and cuts off a
client that reads slowly. That something has changed needs to be said only once: at most one notification of
each thing waits here, and nobody waits for a client that reads slowly.
"""

from __future__ import annotations

from typing import Any, NoReturn

import anyio
import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ResourceUpdated,
    ServerEvent,
    event_matches,
    event_to_notification,
)


class Untold:
    """What has yet to be said to one client, the oldest first."""

    def __init__(self) -> None:
        self._events: dict[ServerEvent, None] = {}  # a set that keeps its order
        self._more = anyio.Event()

    def add(self, event: ServerEvent) -> None:
        """Have it said, if it is not about to be."""
        self._events[event] = None
        self._more.set()

    async def next(self) -> ServerEvent:
        """Take the oldest, as soon as there is one."""
        while not self._events:
            self._more = anyio.Event()
            await self._more.wait()
        event = next(iter(self._events))
        del self._events[event]
        return event


class Listening:
    """`subscriptions/listen` of 2026-07-28: what a client asked for, of what the bridge has."""

    def __init__(self, wanted: types.SubscriptionFilter) -> None:
        self.honoured = types.SubscriptionFilter(
            resources_list_changed=wanted.resources_list_changed or None,
            resource_subscriptions=wanted.resource_subscriptions or None,
        )
        self.uris = frozenset(wanted.resource_subscriptions or ())
        self._untold = Untold()

    def tell(self, event: ServerEvent) -> None:
        """Have the client told of this, if it wants to know."""
        if event_matches(self.honoured, self.uris, event):
            self._untold.add(event)

    async def serve(self, ctx: ServerRequestContext[Any, Any]) -> NoReturn:
        """Say what is honoured, and then tell of everything, until the client has gone."""
        stamp: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
        params = types.SubscriptionsAcknowledgedNotificationParams(notifications=self.honoured, _meta=stamp)
        said: types.ServerNotification = types.SubscriptionsAcknowledgedNotification(params=params)
        while True:
            await ctx.session.send_notification(said, related_request_id=ctx.request_id)
            said = event_to_notification(await self._untold.next(), stamp)


class Subscribed:
    """A connection of the handshake era: it asks for resources by `uris`, and is told of the list unasked."""

    def __init__(self) -> None:
        self.uris: set[str] = set()
        self._untold = Untold()
        self._is_served = False

    def tell(self, event: ServerEvent) -> None:
        """Have the client told of this, if it wants to know."""
        if not isinstance(event, ResourceUpdated) or event.uri in self.uris:
            self._untold.add(event)

    async def serve(self, connection: Connection) -> None:
        """Tell of everything, until the connection has gone. A second time there is nothing to do."""
        if self._is_served:
            return
        self._is_served = True
        while True:
            event = await self._untold.next()
            if isinstance(event, ResourceUpdated):
                await connection.send_resource_updated(event.uri)
            else:
                await connection.send_resource_list_changed()
