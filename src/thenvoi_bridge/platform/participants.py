"""Who is in a room: listing, adding, removing, and telling everybody concerned."""

from __future__ import annotations

from thenvoi_bridge.contract.errors import Conflict, Forbidden, NotFound
from thenvoi_bridge.contract.feed import ParticipantAdded, ParticipantRemoved, RoomAdded, RoomRemoved, Topic
from thenvoi_bridge.contract.page import PageInfo
from thenvoi_bridge.contract.participants import (
    AddMyParticipant,
    AddParticipant,
    ListMyParticipants,
    ListParticipants,
    Participant,
    ParticipantDetails,
    ParticipantList,
    RemoveMyParticipant,
    RemoveParticipant,
    Role,
)
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.identity import actor
from thenvoi_bridge.platform.limits import check_quota
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.peers import is_peer
from thenvoi_bridge.platform.rooms import present, role_of, room, rooms_topic, seat
from thenvoi_bridge.platform.rules.access import Principal, check_add, check_remove
from thenvoi_bridge.storage import Row, Tx


@handler
def list_participants(call: ListParticipants, me: Principal, tx: Change) -> list[Participant]:
    """Who is in a room, in the order they joined. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    return [Participant.model_validate(row) for row in present(tx, call.chat_id)]


@handler
def list_my_participants(call: ListMyParticipants, me: Principal, tx: Change) -> ParticipantList:
    """The same for a person, who may ask for people or agents alone. Raises `NotFound`."""
    seat(tx, call.chat_id, me)
    rows = [row for row in present(tx, call.chat_id) if call.participant_type in (None, row["type"])]
    shown = [ParticipantDetails.model_validate({**row, "is_external": _is_external(row)}) for row in rows]
    return ParticipantList(data=shown, metadata=PageInfo.of(1, max(1, len(shown)), len(shown)))


@handler
def add_participant(call: AddParticipant | AddMyParticipant, me: Principal, tx: Change) -> Participant:
    """Bring a peer into a room.

    Raises `NotFound`, `Conflict` if it is there, `Forbidden` by role or because the room is full.
    """
    role = seat(tx, call.chat_id, me)
    if role_of(tx, call.chat_id, call.participant_id):
        raise Conflict("Already a participant of this room")
    _check_reach(tx, me, call.participant_id)
    check_add(role, call.role)
    if limit := tx.site.settings.max_participants:
        sql = "SELECT count(*) AS n FROM participants WHERE chat_id = ? AND status = 'active'"
        check_quota("participants", limit, tx.one(sql, call.chat_id))
    return enter(tx, room(tx, call.chat_id), call.participant_id, call.role)


@handler
def remove_participant(
    call: RemoveParticipant | RemoveMyParticipant, me: Principal, tx: Change
) -> Participant:
    """Take somebody out of a room. Raises `NotFound`, and `Forbidden` by role."""
    role = seat(tx, call.chat_id, me)
    target_role = role_of(tx, call.chat_id, call.participant_id)
    if target_role is None:
        raise NotFound("Participant not found")
    check_remove(me, role, call.participant_id, target_role)
    return leave(tx, room(tx, call.chat_id), call.participant_id, target_role)


def _check_reach(tx: Tx, me: Principal, actor_id: str) -> None:
    """Raise `NotFound` for anybody outside the organisation who is no peer, so that tenants stay unseen."""
    if is_peer(tx, me, actor_id):
        return
    sql = "SELECT id FROM actors WHERE id = ? AND organization_id = ? AND deleted_at IS NULL"
    if tx.one(sql, actor_id, me.organization_id):
        raise Forbidden("You may only add your peers")
    raise NotFound("Participant not found")


def enter(tx: Change, chat: Row, actor_id: str, role: Role) -> Participant:
    """Put an actor into a room and tell it and the others. One that was removed may come back."""
    tx.run(
        "INSERT INTO participants (chat_id, actor_id, role, status, joined_at) VALUES (?, ?, ?, 'active', ?) "
        "ON CONFLICT (chat_id, actor_id) DO UPDATE SET role = excluded.role, status = 'active', "
        "joined_at = excluded.joined_at",
        chat["id"], actor_id, role, tx.now,
    )  # fmt: skip
    who = actor(tx, actor_id)
    tx.tell(rooms_topic(who["type"], actor_id), RoomAdded.model_validate(chat))
    shown = {**who, "role": role, "status": "active", "is_external": _is_external(who)}
    tx.tell(Topic("room_participants", chat["id"]), ParticipantAdded.model_validate(shown))
    return Participant.model_validate(shown)


def leave(tx: Change, chat: Row, actor_id: str, role: Role) -> Participant:
    """Take an actor out of a room, tell everybody, and end its subscriptions to the room."""
    tx.run(
        "UPDATE participants SET status = 'inactive' WHERE chat_id = ? AND actor_id = ?", chat["id"], actor_id
    )
    who = actor(tx, actor_id)
    tx.tell(rooms_topic(who["type"], actor_id), RoomRemoved.model_validate({**chat, "removed_at": tx.now}))
    tx.tell(Topic("room_participants", chat["id"]), ParticipantRemoved.model_validate(who))
    tx.forget(Topic("room_participants", chat["id"]), actor_id)
    tx.forget(Topic("chat_room", chat["id"]), actor_id)
    return Participant.model_validate({**who, "role": role, "status": "inactive"})


def pass_on(tx: Change, chat_id: str) -> None:
    """Give a room without an owner to the admin who has been there longest, or else to that member."""
    active = "chat_id = ? AND status = 'active'"
    rank = (
        "ORDER BY CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, joined_at, actor_id LIMIT 1"
    )
    heir = tx.one(f"SELECT actor_id FROM participants WHERE {active} {rank}", chat_id)
    if heir is not None:
        sql = "UPDATE participants SET role = 'owner' WHERE chat_id = ? AND actor_id = ?"
        tx.run(sql, chat_id, heir["actor_id"])


def _is_external(row: Row) -> bool | None:
    return True if row["type"] == "Agent" else None
