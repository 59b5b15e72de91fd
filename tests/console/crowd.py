"""Very many rooms and messages, made in one transaction each, as the platform itself makes them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tests.home import opened
from tests.world import Somebody, World
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.messages import Mention, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.platform.administration import administer, find
from thenvoi_bridge.platform.auth import principal_of
from thenvoi_bridge.platform.handlers import HANDLERS
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal


async def fill(here: World, room: str, who: Somebody, to: Somebody, texts: Iterable[str]) -> None:
    """Somebody says all of this in a room, one after the other."""
    await _administered(here, partial(_says, room, who.handle, to.id, texts))


async def open_rooms(here: World, owner: Somebody, member: Somebody, titles: Iterable[str]) -> list[str]:
    """Rooms of two, each named by what the owner says first; their ids."""
    ids: list[str] = []
    await _administered(here, partial(_opens, owner.handle, member.id, titles, ids))
    return ids


async def _administered(here: World, work: partial[None]) -> None:
    async with opened(here.folder) as (db, keys):
        await administer(db, keys, work)


def _principal(tx: Change, handle: str) -> Principal:
    return principal_of({**find(tx, handle), "key_id": "", "plan": "free"})


def _says(room: str, handle: str, to: str, texts: Iterable[str], tx: Change) -> None:
    who, mentions = _principal(tx, handle), [Mention(id=to)]
    for text in texts:
        call = SendMyMessage(chat_id=room, content=text, mentions=mentions)
        HANDLERS[SendMyMessage](call, who, tx)


def _opens(owner: str, member: str, titles: Iterable[str], ids: list[str], tx: Change) -> None:
    who = _principal(tx, owner)
    for title in titles:
        room = HANDLERS[CreateMyChat](CreateMyChat(), who, tx)
        added = AddMyParticipant(chat_id=room.id, participant_id=member)
        HANDLERS[AddMyParticipant](added, who, tx)
        _says(room.id, owner, member, [title], tx)
        ids.append(room.id)
