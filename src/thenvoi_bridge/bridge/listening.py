"""One client's `subscriptions/listen` of 2026-07-28, which ends when the client goes and not before.

The SDK's own handler keeps every notification until it is written, and cuts off a client that reads slowly.
That something has changed needs to be said only once: at most one notification of each thing waits here.
"""

from __future__ import annotations

from typing import Any, NoReturn

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ServerEvent,
    event_matches,
    event_to_notification,
)


class Listening:
    """What a client is still to be told, of what it asked for and the bridge has."""

    def __init__(self, wanted: types.SubscriptionFilter) -> None:
        self.honoured = types.SubscriptionFilter(
            resources_list_changed=wanted.resources_list_changed or None,
            resource_subscriptions=wanted.resource_subscriptions or None,
        )
        self.uris = frozenset(wanted.resource_subscriptions or ())
        self._waiting: dict[ServerEvent, None] = {}  # a set that keeps its order
        self._more = anyio.Event()

    def tell(self, event: ServerEvent) -> None:
        """Have the client told of this, if it wants to know."""
        if event_matches(self.honoured, self.uris, event):
            self._waiting[event] = None
            self._more.set()

    async def serve(self, ctx: ServerRequestContext[Any, Any]) -> NoReturn:
        """Say what is honoured, and then tell of everything, until the client has gone."""
        stamp: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
        params = types.SubscriptionsAcknowledgedNotificationParams(notifications=self.honoured, _meta=stamp)
        said: types.ServerNotification = types.SubscriptionsAcknowledgedNotification(params=params)
        while True:
            await ctx.session.send_notification(said, related_request_id=ctx.request_id)
            said = event_to_notification(await self._next(), stamp)

    async def _next(self) -> ServerEvent:
        while not self._waiting:
            self._more = anyio.Event()
            await self._more.wait()
        event = next(iter(self._waiting))
        del self._waiting[event]
        return event
