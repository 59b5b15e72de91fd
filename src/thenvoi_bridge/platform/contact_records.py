"""The records of contacts: each side has one of its own, with an id of its own."""

from __future__ import annotations

from typing import LiteralString

from thenvoi_bridge.contract.feed import ContactAdded, ContactRemoved, Topic
from thenvoi_bridge.contract.peers import PeerType
from thenvoi_bridge.platform.identity import actor
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.storage import Row, Tx, Value

CONTACTS: LiteralString = (
    "FROM contacts JOIN actors ON actors.id = contact_id WHERE contacts.owner_id = ? AND deleted_at IS NULL"
)
"""The records of one side, each with the other party, who must be living."""

_SHOWN: LiteralString = (
    "SELECT contacts.id, contacts.owner_id, contact_id, contacts.inserted_at, type, handle, name, email, "
    "CASE type WHEN 'Agent' THEN description END AS description, "
    f"CASE type WHEN 'Agent' THEN 1 END AS is_external {CONTACTS}"
)


def contacts_topic(actor_type: PeerType, actor_id: str) -> Topic:
    """Where an identity is told of its contacts, and of requests to and from it."""
    return Topic("agent_contacts" if actor_type == "Agent" else "user_contacts", actor_id)


def records(tx: Tx, owner_id: str, limit: int, offset: int) -> list[Row]:
    """One side's records with the other parties, newest first."""
    sql = f"{_SHOWN} ORDER BY contacts.inserted_at DESC, contacts.id LIMIT ? OFFSET ?"
    return tx.all(sql, owner_id, limit, offset)


def record(tx: Tx, owner_id: str, condition: LiteralString, value: Value) -> Row | None:
    """One side's record which meets a condition with one `?`."""
    return tx.one(f"{_SHOWN} AND {condition}", owner_id, value)


def record_of(tx: Tx, owner_id: str, contact_id: str) -> Row | None:
    """One side's record of the other."""
    return record(tx, owner_id, "contact_id = ?", contact_id)


def connect(tx: Change, one_id: str, other_id: str) -> None:
    """Make two contacts of each other and tell them. A side that still has its record keeps it."""
    for owner_id, contact_id in ((one_id, other_id), (other_id, one_id)):
        tx.run(
            "INSERT INTO contacts (id, owner_id, contact_id, inserted_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (owner_id, contact_id) DO NOTHING",
            tx.new_id(), owner_id, contact_id, tx.now,
        )  # fmt: skip
        _tell_added(tx, actor(tx, owner_id), contact_id)


def drop(tx: Change, row: Row) -> None:
    """Delete one side's record and tell that side."""
    tx.run("DELETE FROM contacts WHERE id = ?", row["id"])
    owner = actor(tx, row["owner_id"])
    tx.tell(contacts_topic(owner["type"], owner["id"]), ContactRemoved(id=row["id"]))


def drop_all(tx: Change, actor_id: str) -> None:
    """Delete somebody's records, and those that others have of them; the others are told."""
    for row in tx.all("SELECT * FROM contacts WHERE contact_id = ?", actor_id):
        drop(tx, row)
    tx.run("DELETE FROM contacts WHERE owner_id = ?", actor_id)


def _tell_added(tx: Change, owner: Row, contact_id: str) -> None:
    """Agents are told what a contact is like, people are not."""
    row = record_of(tx, owner["id"], contact_id)
    assert row is not None
    unsaid = {} if owner["type"] == "Agent" else {"description": None, "is_external": None}
    tx.tell(contacts_topic(owner["type"], owner["id"]), ContactAdded.model_validate({**row, **unsaid}))
