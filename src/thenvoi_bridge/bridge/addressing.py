"""Who is meant: what a model wrote for people and agents, as the contract wants it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
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

ME = "me"
"""Stands for whoever calls, where an id may stand."""

Among = Callable[[Session, Side], Awaitable[list[Person]]]

_NAMES = TypeAdapter(dict[str, list[str]])  # a name with it, so that an error says which argument


async def resolved(session: Session, call: type[Call[Any]], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with every person or agent in them as the contract wants it."""
    side, fields = call.route.side, call.model_fields
    if side not in ("agent", "human"):
        return arguments
    if "mentions" in fields and (written := arguments.get("mentions")):
        names = _NAMES.validate_python({"mentions": written})["mentions"]
        chat_id = ListParticipants.model_validate({"chat_id": arguments.get("chat_id")}).chat_id
        return {**arguments, "mentions": await mentioned(session, side, chat_id, names)}
    among = partial(_participants, arguments.get("chat_id")) if call.route.does == "removes" else _peers
    for name in ("participant_id", "subject_id"):
        if name in fields and (written := arguments.get(name)):
            return {**arguments, name: await _id(session, side, str(written), among)}
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
        me, people = session.person_id, [*(await human(ListMyParticipants(chat_id=chat_id))).data]
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


async def _id(session: Session, side: Side, written: str, among: Among) -> str:
    """The id of whoever is meant. Of an id the platform is the judge. Raises `NotFoundByName`."""
    if re.fullmatch(UUID, written):
        return written
    if written == ME:
        return await _my_id(session, side)
    return find(written, await among(session, side)).id


async def _my_id(session: Session, side: Side) -> str:
    if side == "agent":
        return (await session.seat()).me.id
    await session.human()
    assert session.person_id
    return session.person_id


async def _peers(session: Session, side: Side) -> list[Person]:
    kind = ListPeers if side == "agent" else ListMyPeers
    return [p async for p in every(lambda page: session.ask(kind(page=page, page_size=PAGE)))]


async def _participants(chat_id: Any, session: Session, side: Side) -> list[Person]:
    chat_id = ListParticipants.model_validate({"chat_id": chat_id}).chat_id
    return await others_in(session, side, chat_id, fresh=True)
