"""Walks every operation of an installed generated REST client, in an environment that has only the client.

    python -m tests.wire.rest_walk PACKAGE URL

PEOPLE in the environment is JSON: name -> {id, handle, key}. Lines of JSON come out: first what the client
declares, {operation: [statuses it has typed errors for]}, then one for each thing that was tried.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from tests.wire.walk import NOBODY, Cast, Person, Walk, ids


def identities(walk: Walk, by: Cast) -> None:
    if walk.has("get_version"):  # the successor's client has none of these
        walk.ok(by.alice, "get_version", lambda a: a.version)
        walk.ok(by.alice, "health_check", lambda a: a.services.database.healthy)
        walk.ok(by.alice, "authentication", lambda a: a.auth_type)
    walk.ok(by.scout, "get_agent_me", lambda a: a.data.handle == by.scout.handle)
    walk.ok(by.alice, "get_my_profile", lambda a: a.data.id == by.alice.id)
    walk.refused(422, by.alice, "update_my_profile", user={"first_name": 5})
    walk.ok(by.alice, "update_my_profile", lambda a: a.data.first_name == "Al", user={"first_name": "Al"})
    walk.ok(by.scout, "list_agent_peers", lambda a: {by.alice.id, by.muse.id} <= ids(a))
    walk.ok(by.alice, "list_my_peers", lambda a: ids(a) == {by.bob.id}, type="User")
    walk.ok(by.alice, "list_my_agents", lambda a: ids(a) == {by.scout.id, by.muse.id})


def agents_rooms(walk: Walk, by: Cast) -> str:
    walk.refused(422, by.scout, "create_agent_chat", chat={"task_id": "no id"})
    room = walk.ok(by.scout, "create_agent_chat", lambda a: a.data.title, chat={}).data.id
    walk.ok(by.scout, "list_agent_chats", lambda a: ids(a) == {room})
    walk.ok(by.scout, "get_agent_chat", lambda a: a.data.id == room, id=room)
    return str(room)


def agents_participants(walk: Walk, by: Cast, room: str) -> None:
    add, remove = "add_agent_chat_participant", "remove_agent_chat_participant"
    muse, admin = {"participant_id": by.muse.id}, {"participant_id": by.alice.id, "role": "admin"}
    walk.refused(422, by.scout, add, chat_id=room, participant={"participant_id": "no id"})
    walk.ok(by.scout, add, lambda a: a.data.role == "member", chat_id=room, participant=muse)
    walk.refused(409, by.scout, add, chat_id=room, participant=muse)
    walk.refused(403, by.muse, add, chat_id=room, participant=admin)
    both = {by.scout.id, by.muse.id}
    walk.ok(by.scout, "list_agent_chat_participants", lambda a: ids(a) == both, chat_id=room)
    walk.refused(403, by.muse, remove, chat_id=room, id=by.scout.id)
    walk.ok(by.scout, remove, lambda a: a.data.id == by.muse.id, chat_id=room, id=by.muse.id)
    walk.ok(by.scout, add, lambda a: a.data.handle == by.muse.handle, chat_id=room, participant=muse)


def agents_messages(walk: Walk, by: Cast, room: str) -> None:
    send, post = "create_agent_chat_message", "create_agent_chat_event"
    message = {"content": "look", "mentions": [{"id": by.muse.id}]}
    walk.refused(422, by.scout, send, chat_id=room, message={**message, "mentions": []})
    sent = walk.ok(by.scout, send, lambda a: a.data.recipients[0].handle, chat_id=room, message=message)
    walk.refused(422, by.scout, post, chat_id=room, event={"content": "x", "message_type": "text"})
    thought = {"content": "hm", "message_type": "thought", "metadata": {"depth": 1}}
    walk.ok(by.scout, post, lambda a: a.data.message_type == "thought", chat_id=room, event=thought)
    walk.ok(by.scout, "get_agent_chat_context", lambda a: a.data[0].id == sent.data.id, chat_id=room)


def persons_rooms(walk: Walk, by: Cast) -> str:
    walk.refused(422, by.alice, "create_my_chat_room", chat={"task_id": "no id"})
    room = walk.ok(by.alice, "create_my_chat_room", lambda a: a.data.title, chat={}).data.id
    walk.refused(422, by.alice, "list_my_chats", page=0)
    walk.ok(by.alice, "list_my_chats", lambda a: ids(a) == {room}, page_size=100)
    walk.ok(by.alice, "get_my_chat_room", lambda a: a.data.id == room, id=room)
    return str(room)


def persons_participants(walk: Walk, by: Cast, room: str) -> None:
    add, remove = "add_my_chat_participant", "remove_my_chat_participant"
    bob, admin = {"participant_id": by.bob.id}, {"participant_id": by.rover.id, "role": "admin"}
    walk.refused(422, by.alice, add, chat_id=room, participant={"participant_id": "no id"})
    walk.ok(by.alice, add, lambda a: a.data.handle == by.bob.handle, chat_id=room, participant=bob)
    walk.refused(409, by.alice, add, chat_id=room, participant=bob)
    walk.refused(403, by.bob, add, chat_id=room, participant=admin)
    both = {by.alice.id, by.bob.id}
    walk.ok(by.alice, "list_my_chat_participants", lambda a: ids(a) == both, chat_id=room)
    walk.refused(403, by.bob, remove, chat_id=room, id=by.alice.id)
    walk.ok(by.alice, remove, lambda a: a.data.id == by.bob.id, chat_id=room, id=by.bob.id)
    muse = {"participant_id": by.muse.id, "role": "member"}
    walk.ok(by.alice, add, lambda a: a.data.type == "Agent", chat_id=room, participant=muse)


def delivery(walk: Walk, by: Cast, room: str) -> None:
    send, failed = "send_my_chat_message", "mark_agent_message_failed"
    processing, processed = "mark_agent_message_processing", "mark_agent_message_processed"
    message = {"content": "@Muse hello", "mentions": [{"id": by.muse.id, "name": "Muse", "handle": None}]}
    walk.refused(422, by.alice, send, chat_id=room, message={**message, "mentions": []})
    sent = walk.ok(by.alice, send, lambda a: a.data.success, chat_id=room, message=message).data.id
    walk.refused(422, by.alice, "list_my_chat_messages", chat_id=room, page=0)
    walk.ok(by.alice, "list_my_chat_messages", lambda a: a.data[0].id == sent, chat_id=room)
    walk.ok(by.muse, "list_agent_messages", lambda a: ids(a) == {sent}, chat_id=room, status="pending")
    walk.ok(by.muse, "get_agent_next_message", lambda a: a.data.sender_id == by.alice.id, chat_id=room)
    one = {"chat_id": room, "id": sent}
    walk.refused(422, by.muse, failed, **one, error="it broke")  # without an attempt
    walk.refused(422, by.muse, processed, **one)
    walk.ok(by.muse, processing, lambda a: a.data.attempt_number == 1, **one)
    walk.ok(by.muse, failed, lambda a: a.data.status == "failed", **one, error="it broke")
    walk.ok(by.muse, processing, lambda a: a.data.attempt_number == 2, **one)
    walk.ok(by.muse, processed, lambda a: a.data.status == "processed", **one)
    walk.empty(by.muse, "get_agent_next_message", chat_id=room)


def agents_contacts(walk: Walk, by: Cast) -> None:
    add, respond, remove = "add_agent_contact", "respond_to_agent_contact_request", "remove_agent_contact"
    scout, rover = by.scout.handle, by.rover.handle
    walk.refused(400, by.scout, add, handle=scout)  # itself
    asked = walk.ok(by.scout, add, lambda a: a.data.status == "pending", handle=f"@{rover}", message="hi")
    walk.refused(409, by.scout, add, handle=rover)
    walk.ok(by.scout, "list_agent_contact_requests", lambda a: a.data.sent[0].to_handle == rover)
    walk.ok(by.rover, "list_agent_contact_requests", lambda a: a.data.received[0].from_handle == scout)
    walk.refused(400, by.rover, respond, action="approve")  # what?
    walk.refused(403, by.scout, respond, action="approve", request_id=asked.data.id)  # its own
    walk.ok(by.rover, respond, lambda a: a.data.status == "approved", action="approve", handle=scout)
    walk.refused(409, by.rover, respond, action="reject", handle=scout)
    walk.ok(by.scout, "list_agent_contacts", lambda a: a.data[0].handle == rover)
    walk.refused(400, by.scout, remove)  # whom?
    walk.ok(by.scout, remove, lambda a: a.data.status == "removed", handle=rover)


def persons_requests(walk: Walk, by: Cast) -> None:
    """Alice asks Bob three times. She takes it back, he says no, he says yes."""
    create = "create_contact_request"
    approve, reject, cancel = (f"{action}_contact_request" for action in ("approve", "reject", "cancel"))
    bob = {"recipient_handle": by.bob.handle, "message": "hi"}
    walk.refused(404, by.alice, create, contact_request={"recipient_handle": "nobody"})
    walk.refused(422, by.alice, create, contact_request={"recipient_handle": by.alice.handle})
    first = walk.ok(by.alice, create, lambda a: a.data.status == "pending", contact_request=bob).data.id
    walk.refused(409, by.alice, create, contact_request=bob)
    walk.ok(by.alice, "list_sent_contact_requests", lambda a: ids(a) == {first}, status="all")
    walk.ok(by.bob, "list_received_contact_requests", lambda a: ids(a) == {first})
    walk.refused(403, by.bob, cancel, id=first)
    walk.ok(by.alice, cancel, lambda a: a.data.status == "cancelled", id=first)
    second = walk.ok(by.alice, create, lambda a: a.data.recipient.handle, contact_request=bob).data.id
    walk.refused(403, by.alice, reject, id=second)
    walk.ok(by.bob, reject, lambda a: a.data.status == "rejected", id=second)
    third = walk.ok(by.alice, create, lambda a: a.data.message == "hi", contact_request=bob).data.id
    walk.refused(403, by.alice, approve, id=third)
    walk.ok(by.bob, approve, lambda a: a.data.status == "approved", id=third)
    for who, operation in ((by.bob, approve), (by.bob, reject), (by.alice, cancel)):
        walk.refused(409, who, operation, id=third)


def persons_contacts(walk: Walk, by: Cast) -> None:
    known = walk.ok(by.alice, "list_my_contacts", lambda a: a.data[0].user.handle == by.bob.handle)
    walk.ok(by.alice, "resolve_handle", lambda a: a.data.id == by.bob.id, handle=by.bob.handle)
    walk.refused(400, by.alice, "remove_my_contact")
    contact = known.data[0].id
    walk.ok(by.alice, "remove_my_contact", lambda a: a.data.status == "removed", contact_id=contact)


def memories(walk: Walk, by: Cast) -> None:
    store, find = "create_agent_memory", "list_agent_memories"
    about = {"scope": "organization", "subject_id": by.alice.id, "metadata": {"tags": ["tea"]}}
    kind = {"system": "long_term", "type": "semantic", "segment": "user"}
    memory = {"content": "likes tea", "thought": "she said so", **kind, **about}
    walk.refused(422, by.scout, store, memory={**memory, "type": "iconic"})
    one = walk.ok(by.scout, store, lambda a: a.data.content == "likes tea", memory=memory).data.id
    two = walk.ok(by.scout, store, lambda a: a.data.thought == "she said so", memory=memory).data.id
    walk.ok(by.scout, find, lambda a: ids(a) == {one, two}, subject_id=by.alice.id)
    walk.ok(by.scout, "get_agent_memory", lambda a: a.data.source_agent_id == by.scout.id, id=one)
    walk.refused(403, by.muse, "archive_agent_memory", id=one)
    walk.ok(by.scout, "archive_agent_memory", lambda a: a.data.status == "archived", id=one)
    walk.refused(403, by.muse, "supersede_agent_memory", id=one)
    walk.ok(by.scout, "supersede_agent_memory", lambda a: a.data.status == "superseded", id=one)
    persons_memories(walk, by, two)


def persons_memories(walk: Walk, by: Cast, one: str) -> None:
    archive, restore, supersede, delete = (
        f"{order}_user_memory" for order in ("archive", "restore", "supersede", "delete")
    )
    walk.ok(by.alice, "list_user_memories", lambda a: ids(a) == {one}, scope="about_me")
    walk.ok(by.alice, "get_user_memory", lambda a: a.data.metadata == {"tags": ["tea"]}, id=one)
    for order in (archive, restore, supersede, delete):
        walk.refused(403, by.bob, order, id=one)  # his to see, not to change
    walk.refused(422, by.alice, restore, id=one)  # it is not archived
    walk.ok(by.alice, archive, lambda a: a.data.status == "archived", id=one)
    walk.ok(by.alice, restore, lambda a: a.data.status == "active", id=one)
    walk.ok(by.alice, supersede, lambda a: a.data.status == "superseded", id=one)
    walk.ok(by.alice, delete, lambda a: a is None, id=one)


def agents(walk: Walk, by: Cast) -> None:
    register, delete = "register_my_agent", "delete_my_agent"
    walk.refused(422, by.alice, register, agent={"name": "", "description": "x"})
    brief = {"name": "Brief", "description": "Does not stay"}
    made = walk.ok(by.alice, register, lambda a: a.data.credentials.api_key, agent=brief)
    walk.ok(by.alice, delete, lambda a: a.data.name == "Brief", id=made.data.agent.id)
    walk.refused(422, by.alice, delete, id=by.muse.id)  # it has worked
    walk.ok(by.alice, delete, lambda a: a.data.executions_deleted == 2, id=by.muse.id, force=True)


def everything(walk: Walk, by: Cast) -> None:
    identities(walk, by)
    room = agents_rooms(walk, by)
    agents_participants(walk, by, room)
    agents_messages(walk, by, room)
    room = persons_rooms(walk, by)
    persons_participants(walk, by, room)
    delivery(walk, by, room)
    agents_contacts(walk, by)
    persons_requests(walk, by)
    persons_contacts(walk, by)
    memories(walk, by)
    agents(walk, by)


def main(package: str, url: str) -> None:
    client = importlib.import_module(package).RestClient
    people = json.loads(os.environ["PEOPLE"])
    people["stranger"] = {"id": NOBODY, "handle": "nobody", "key": "thnv_u_0_nobody"}
    cast = Cast(
        **{
            name: Person(one["id"], one["handle"], client(base_url=url, api_key=one["key"]))
            for name, one in people.items()
        }
    )
    everything(Walk(cast), cast)


if __name__ == "__main__":
    main(*sys.argv[1:])
