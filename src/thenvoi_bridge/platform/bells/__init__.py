"""What carries the bell to other nodes. A ring only says "look": it may be lost, doubled, or late.

Each carrier has a connection of its own, apart from every transaction, and hears others' rings on it. Where
it is cut, it comes back by itself, and then has everything looked at; meanwhile the hub's polling does.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Protocol

import anyio

from thenvoi_bridge.platform.log import Bell, Topics
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.settings import BadSetting

PAUSE = 0.01
"""Seconds between two rings of a node, however much happens in it."""

LONGEST = 7000
"""Bytes of a ring; Postgres takes less than 8,000."""

AGAIN = 1.0
"""Seconds until a connection that was lost is tried again."""


class Carrier(Protocol):
    """Rings at other nodes what is rung here, and here what is rung there."""

    async def run(self) -> None:
        """Carry until cancelled."""


class Rings:
    """What is to be rung at other nodes: at once, or with what comes within the pause after the last ring."""

    def __init__(self, bell: Bell) -> None:
        self._topics: set[str] = set()
        self._some = anyio.Event()
        self._next = 0.0
        bell.carry(self._put)

    async def take(self) -> str:
        """Wait for something to ring, and return it as it is sent."""
        await self._some.wait()
        await anyio.sleep_until(self._next)
        self._next = anyio.current_time() + PAUSE
        topics, self._topics, self._some = self._topics, set(), anyio.Event()
        return written(topics)

    def _put(self, topics: Collection[str]) -> None:
        self._topics.update(topics)
        self._some.set()


def written(topics: Collection[str]) -> str:
    """Topics as they are sent, and nothing where they are too many, which stands for any."""
    text = json.dumps(sorted(topics))
    return text if len(text) < LONGEST else ""


def read(text: str) -> Topics:
    """The topics that were sent; None, for any, if they cannot be told."""
    try:
        topics = json.loads(text)
    except ValueError:
        return None
    return [str(topic) for topic in topics] if isinstance(topics, list) else None


def carriers(site: Site, bell: Bell) -> list[Carrier]:
    """What carries the bell by these settings: none where one process has the database for itself.

    Raises `BadSetting`.
    """
    settings = site.settings
    if settings.nats and not settings.database:
        raise BadSetting("THENVOI_PLATFORM_NATS is for several nodes, which need THENVOI_PLATFORM_DATABASE")
    found: list[Carrier] = []
    name = f"thenvoi_{site.keys.fingerprint}"  # others may use the same server
    if settings.database:
        from thenvoi_bridge.platform.bells.postgres import PostgresBell

        found.append(PostgresBell(settings.database, name, bell))
    if settings.nats:
        try:
            from thenvoi_bridge.platform.bells.nats import NatsBell
        except ImportError as exc:
            raise BadSetting("NATS needs the extra `nats`; install thenvoi-bridge[nats]") from exc
        found.append(NatsBell(settings.nats, name, bell))
    return found
