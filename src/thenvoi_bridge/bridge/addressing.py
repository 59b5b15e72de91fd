"""Who is meant: what a model wrote for people and agents, as the contract wants it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from thenvoi_bridge.bridge.endpoint import Side
from thenvoi_bridge.bridge.people import NotFoundByName, find
from thenvoi_bridge.bridge.rooms import PAGE, Person, every
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract import Call
from thenvoi_bridge.contract.call import UUID
from thenvoi_bridge.contract.participants import ListMyParticipants, ListParticipants
from thenvoi_bridge.contract.peers import ListMyPeers, ListPeers

_NAMES = TypeAdapter(dict[str, list[str]])  # a name with it, so that an error says which argument


async def resolved(
    session: Session, call: type[Call[Any]], side: Side, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The arguments with every person or agent in them as the contract wants it."""
    if "mentions" in call.model_fields and (written := arguments.get("mentions")):
        names = _NAMES.validate_python({"mentions": written})["mentions"]
        chat_id = ListParticipants.model_validate({"chat_id": arguments.get("chat_id")}).chat_id
        return {**arguments, "mentions": await mentioned(session, side, chat_id, names)}
    if "participant_id" in call.model_fields and (who := arguments.get("participant_id")):
        of = _peer if call.route.method == "POST" else partial(_participant, arguments.get("chat_id"))
        return {**arguments, "participant_id": await of(session, side, str(who))}
    return arguments


async def others_in(session: Session, side: Side, chat_id: str, *, fresh: bool = False) -> list[Person]:
    """Who else is in a room, from memory where that is kept."""
    me: str | None
    people: list[Person]
    if side == "agent":
        seat = await session.seat()
        me, people = seat.me.id, [*await seat.rooms.participants(chat_id, fresh=fresh)]
    else:
        human = await session.human()
        me, people = session.person_id, [*await human(ListMyParticipants(chat_id=chat_id))]
    return [person for person in people if person.id != me]


async def mentioned(
    session: Session, side: Side, chat_id: str, written: list[str]
) -> list[dict[str, str | None]]:
    """Mentions as the contract has them, from ids, handles or names. Raises `NotFoundByName`."""
    people = await others_in(session, side, chat_id)
    try:
        found = [find(each, people) for each in written]
    except NotFoundByName:  # somebody may have entered a moment ago
        people = await others_in(session, side, chat_id, fresh=True)
        found = [find(each, people) for each in written]
    return [{"id": p.id, "handle": p.handle, "name": p.name} for p in found]


async def _peer(session: Session, side: Side, written: str) -> str:
    """The id of a peer. Of an id that is none of theirs the platform is the judge."""
    client = await session.client(side)
    kind = ListPeers if side == "agent" else ListMyPeers
    peers: list[Person] = [p async for p in every(lambda page: client(kind(page=page, page_size=PAGE)))]
    return _id(written, peers)


async def _participant(chat_id: Any, session: Session, side: Side, written: str) -> str:
    """The id of somebody in a room. Of an id that is none of theirs the platform is the judge."""
    chat_id = ListParticipants.model_validate({"chat_id": chat_id}).chat_id
    people = await others_in(session, side, chat_id, fresh=True)
    return _id(written, people)


def _id(written: str, people: Sequence[Person]) -> str:
    try:
        return find(written, people).id
    except NotFoundByName as nobody:
        if nobody.several or not re.fullmatch(UUID, written):
            raise
        return written
