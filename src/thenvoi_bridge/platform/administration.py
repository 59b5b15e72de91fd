"""What an administrator does to a platform's data, whether the server runs or not."""

from __future__ import annotations

from dataclasses import dataclass

from thenvoi_bridge.contract.errors import Conflict
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.agents import handle_taken
from thenvoi_bridge.platform.auth import Keys
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.handles import free_handle, user_handle
from thenvoi_bridge.storage import Database


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person that was just added. `api_key` is shown this once."""

    id: str
    handle: str
    api_key: str


async def add_user(db: Database, keys: Keys, *, email: str, name: str, organization: str) -> NewUser:
    """Add a person, and the organisation if it is new. Raises `Conflict` if the e-mail address is taken."""
    return await db.write(lambda tx: _add_user(Change(tx, clock.now()), keys, email, name, organization))


def _add_user(tx: Change, keys: Keys, email: str, name: str, organization: str) -> NewUser:
    if tx.one("SELECT id FROM actors WHERE email = ?", email.casefold()):
        raise Conflict(f"There is already a user with the e-mail address {email}")
    first, _, last = name.partition(" ")
    handle = free_handle(user_handle(email), lambda wanted: handle_taken(tx, wanted))
    id = tx.new_id()
    tx.run(
        "INSERT INTO actors (id, type, organization_id, handle, name, email, first_name, last_name, "
        "inserted_at, updated_at) VALUES (?, 'User', ?, ?, ?, ?, ?, ?, ?, ?)",
        id, _organization(tx, organization), handle, name, email.casefold(), first, last or None,
        tx.now, tx.now,
    )  # fmt: skip
    return NewUser(id=id, handle=handle, api_key=keys.issue(tx, id, "User"))


def _organization(tx: Change, name: str) -> str:
    """The id of the organisation with this name, which is made if need be."""
    row = tx.one(
        "INSERT INTO organizations (id, name, inserted_at) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        tx.new_id(), name, tx.now,
    )  # fmt: skip
    assert row is not None
    return str(row["id"])
