"""What the processes of an identity tell each other: one listens, and the others know what it knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thenvoi_bridge.inbox.incoming import Incoming
from thenvoi_bridge.inbox.sight import Posted, Sight, as_json, from_json, posting

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.access import Access

_RECEIVER, _KEYS, _IDENTITY, _SIGHTS = "receiver", "keys_honoured", "identity", "sights"


class Board:
    """Notes in the inbox's file, for all its processes. All may raise `StorageError`."""

    def __init__(self, shelf: Access[Incoming]) -> None:
        self._shelf = shelf

    async def post(self, said: Mapping[str, Any]) -> None:
        """Say how receiving goes; JSON values."""
        await self._shelf.change(lambda table: table.note(_RECEIVER, json.dumps(said)))

    async def posted(self) -> dict[str, Any]:
        """What was said last of how receiving goes; nothing if nobody ever did."""
        text = await self._shelf.read(lambda table: table.about(_RECEIVER))
        said: dict[str, Any] = json.loads(text or "{}")
        return said

    async def introduce(self, identity: Mapping[str, str | None]) -> None:
        """Say whose inbox this is, for people who look into it."""
        await self._shelf.change(lambda table: table.note(_IDENTITY, json.dumps(identity)))

    async def identity(self) -> dict[str, str | None]:
        """Whose inbox this is; nothing if nobody ever said."""
        text = await self._shelf.read(lambda table: table.about(_IDENTITY))
        known: dict[str, str | None] = json.loads(text or "{}")
        return known

    async def show(self, host: str, sight: Sight) -> None:
        """Say what this process may see, which that host has started."""
        by = self._shelf.caller(0.0)

        def post(table: Incoming) -> None:
            new = posting(Posted(by.id, host, sight), _sights(table), by.alive)
            table.note(_SIGHTS, as_json(new))

        await self._shelf.change(post)

    async def sights(self) -> list[Posted]:
        """What bridges have said that they may see; `sight.in_force` tells what counts of it."""
        return await self._shelf.read(_sights)

    async def keys_honoured(self) -> bool | None:
        """Whether the platform honours `Idempotency-Key`; None while nobody has seen it answer one."""
        text = await self._shelf.read(lambda table: table.about(_KEYS))
        return None if text is None else text == "yes"

    async def note_keys(self, honoured: bool) -> None:
        """Note that the platform honours keys, or does not."""
        await self._shelf.change(lambda table: table.note(_KEYS, "yes" if honoured else "no"))

    async def rooms(self) -> dict[str, tuple[str | None, int]]:
        """The rooms the identity is in: title, and a number that grows when its participants may change."""
        return await self._shelf.read(Incoming.known_rooms)

    async def entered(self, chat_id: str, title: str | None) -> None:
        """Note a room the identity is in."""
        await self._shelf.change(lambda table: table.put_room(chat_id, title))

    async def left(self, chat_id: str) -> None:
        """Note that the identity is no longer in a room."""
        await self._shelf.change(lambda table: table.drop_known_room(chat_id))

    async def changed(self, chat_id: str | None = None) -> None:
        """Note that who is in a room may have changed, or in every room."""
        await self._shelf.change(lambda table: table.touch_room(chat_id))


def _sights(table: Incoming) -> list[Posted]:
    return from_json(table.about(_SIGHTS) or "[]")
