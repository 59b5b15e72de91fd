"""What an administrator does to a platform's data, whether the server runs or not.

Everything here is a function of a running transaction; `administer` runs one. Answers are plain values, ready
to be printed. Somebody may be named by handle, e-mail address or id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString, TypeVar

from thenvoi_bridge.contract.errors import Conflict, NotFound, Unprocessable
from thenvoi_bridge.platform import agents, chats, clock
from thenvoi_bridge.platform.agents import handle_taken
from thenvoi_bridge.platform.keys import Keys, NewKey
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.handles import free_handle, user_handle
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, Row, Tx

Done = TypeVar("Done")
Record = dict[str, Any]

PLANS = ("free", "enterprise")
"""What an organisation may have; the second opens what the plan gate shuts."""


async def administer(db: Database, keys: Keys, work: Callable[[Change], Done]) -> Done:
    """Run one piece of administration in a transaction. Raises what it raises, and `StorageError`."""
    site = Site(keys)

    def change(tx: Tx) -> Done:
        here = Change(tx, clock.now(), site)
        done = work(here)
        here.log()  # a running server looks every few seconds, whoever wrote it
        return done

    return await db.write(change)


def add_organization(tx: Change, *, name: str, plan: str = "free") -> Record:
    """A new organisation. Raises `Conflict` if there is one of this name."""
    if tx.one("SELECT id FROM organizations WHERE name = ?", name):
        raise Conflict(f"There is already an organisation {name}")
    return {"id": _organization(tx, name, plan), "name": name, "plan": plan}


def set_plan(tx: Change, *, name: str, plan: str) -> Record:
    """Change what an organisation may do behind the plan gate. Raises `NotFound`."""
    row = tx.one("UPDATE organizations SET plan = ? WHERE name = ? RETURNING id, name, plan", plan, name)
    return _there(row, "organisation", name)


def list_organizations(tx: Change) -> list[Record]:
    """All organisations by name, with how many people and agents they have."""
    sql = (
        "SELECT organizations.id, organizations.name, plan, "
        "count(CASE WHEN type = 'User' THEN 1 END) AS people, "
        "count(CASE WHEN type = 'Agent' THEN 1 END) AS agents "
        "FROM organizations LEFT JOIN actors ON organization_id = organizations.id AND deleted_at IS NULL "
        "GROUP BY organizations.id, organizations.name, plan ORDER BY organizations.name"
    )
    return [dict(row) for row in tx.all(sql)]


def add_user(
    tx: Change, *, email: str, name: str, organization: str, id: str | None = None, admin: bool = False
) -> Record:
    """Add a person, and the organisation if it is new; the key is shown this once.

    `id` is that of an identity provider whose tokens name the person. Raises `Conflict` if the e-mail address
    or the id is taken, `Unprocessable` for an address that is none.
    """
    if "@" not in email.strip("@") or not name.strip():
        raise Unprocessable("A person needs an e-mail address and a name")
    if tx.one("SELECT id FROM actors WHERE email = ?", email.casefold()):
        raise Conflict(f"There is already a user with the e-mail address {email}")
    if id and tx.one("SELECT id FROM actors WHERE id = ?", id):
        raise Conflict(f"There is already somebody with the id {id}")
    first, _, last = name.partition(" ")
    handle = free_handle(user_handle(email), lambda wanted: handle_taken(tx, wanted))
    id = id or tx.new_id()
    tx.run(
        "INSERT INTO actors (id, type, organization_id, handle, name, email, first_name, last_name, role, "
        "inserted_at, updated_at) VALUES (?, 'User', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id, _organization(tx, organization), handle, name, email.casefold(), first, last or None,
        "admin" if admin else "user", tx.now, tx.now,
    )  # fmt: skip
    return {"id": id, "handle": handle, "api_key": tx.site.keys.issue(tx, tx.now, id, "User").key}


def list_users(tx: Change) -> list[Record]:
    """Everybody, by handle."""
    return _actors(tx, "User", "email, role")


def add_agent(tx: Change, *, owner: str, name: str, description: str, is_global: bool = False) -> Record:
    """Add an agent of somebody's; the key is shown this once. A global agent is everybody's peer.

    Raises `NotFound` without such an owner.
    """
    who = find(tx, owner)
    if who["type"] != "User":
        raise NotFound(f"There is no person {owner}")
    row = agents.add_agent(tx, who, name, description)
    tx.run("UPDATE actors SET is_global = ? WHERE id = ?", int(is_global), row["id"])
    key = tx.site.keys.issue(tx, tx.now, row["id"], "Agent").key
    return {"id": row["id"], "handle": row["handle"], "api_key": key}


def list_agents(tx: Change) -> list[Record]:
    """All agents, by handle."""
    rows = _actors(tx, "Agent", "description, is_global")
    return [{**row, "is_global": bool(row["is_global"])} for row in rows]


def create_key(
    tx: Change, *, who: str, label: str | None = None, seconds: float | None = None, legacy: bool = False
) -> Record:
    """Another key for somebody, good for `seconds` or for ever; shown this once. Raises `NotFound`.

    `legacy` makes one of the older form, which does not tell whose kind it is.
    """
    row = find(tx, who)
    until = None if seconds is None else clock.earlier(tx.now, -seconds)
    return _shown(
        tx.site.keys.issue(tx, tx.now, row["id"], row["type"], label=label, expires_at=until, legacy=legacy)
    )


def list_keys(tx: Change, *, who: str | None = None) -> list[Record]:
    """The keys of somebody or of all, newest first; of a key itself nothing is kept. Raises `NotFound`."""
    sql: LiteralString = (
        "SELECT keys.id, handle, label, keys.inserted_at, expires_at, revoked_at "
        "FROM keys JOIN actors ON actors.id = actor_id"
    )
    order: LiteralString = "ORDER BY keys.inserted_at DESC, keys.id"
    if who is None:
        return [dict(row) for row in tx.all(f"{sql} {order}")]
    return [dict(row) for row in tx.all(f"{sql} WHERE actor_id = ? {order}", find(tx, who)["id"])]


def rotate_key(tx: Change, *, id: str, keep: float = 0) -> Record:
    """A new key in the place of one that stays good for `keep` seconds more. Raises `NotFound`."""
    row = _key(tx, id)
    tx.run("UPDATE keys SET expires_at = ? WHERE id = ?", clock.earlier(tx.now, -keep), id)
    return _shown(tx.site.keys.issue(tx, tx.now, row["actor_id"], row["type"], label=row["label"]))


def revoke_key(tx: Change, *, id: str) -> Record:
    """End a key. Its sockets are closed within seconds. Raises `NotFound`."""
    handle = _key(tx, id)["handle"]
    tx.run("UPDATE keys SET revoked_at = ? WHERE id = ?", tx.now, id)
    return {"id": id, "handle": handle, "revoked_at": tx.now}


def list_chats(tx: Change) -> list[Record]:
    """The rooms there are, newest first."""
    count: LiteralString = "SELECT count(*) FROM participants WHERE chat_id = chats.id AND status = 'active'"
    sql = f"SELECT id, title, ({count}) AS participants, last_seq AS messages, inserted_at FROM chats"
    return [dict(row) for row in tx.all(f"{sql} WHERE deleted_at IS NULL ORDER BY inserted_at DESC, id")]


def delete_chat(tx: Change, *, id: str) -> Record:
    """Delete a room; everybody in it is told. Raises `NotFound`."""
    chats.delete(tx, id)
    return {"id": id, "deleted_at": tx.now}


def find(tx: Tx, who: str) -> Row:
    """Somebody by handle, e-mail address or id. Raises `NotFound`."""
    wanted = who.removeprefix("@").casefold()
    sql = "SELECT * FROM actors WHERE (handle = ? OR email = ? OR id = ?) AND deleted_at IS NULL"
    row = tx.one(sql, wanted, wanted, who)
    if row is None:
        raise NotFound(f"There is nobody with the handle, e-mail address or id {who}")
    return row


def _actors(tx: Tx, type: str, more: LiteralString) -> list[Record]:
    rows = tx.all(
        f"SELECT actors.id, handle, actors.name, {more}, organizations.name AS organization "
        "FROM actors JOIN organizations ON organizations.id = organization_id "
        "WHERE type = ? AND deleted_at IS NULL ORDER BY handle",
        type,
    )
    return [dict(row) for row in rows]


def _key(tx: Tx, id: str) -> Row:
    """A key that still opens something, and whose it is."""
    sql = (
        "SELECT actor_id, label, type, handle FROM keys JOIN actors ON actors.id = actor_id "
        "WHERE keys.id = ? AND revoked_at IS NULL"
    )
    return _there(tx.one(sql, id), "key", id)


def _there(row: Row | None, what: str, named: str) -> dict[str, Any]:
    if row is None:
        raise NotFound(f"There is no {what} {named}")
    return dict(row)


def _shown(new: NewKey) -> Record:
    return {"id": new.id, "api_key": new.key}


def _organization(tx: Change, name: str, plan: str = "free") -> str:
    """The id of the organisation with this name, which is made if need be."""
    row = tx.one(
        "INSERT INTO organizations (id, name, plan, inserted_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        tx.new_id(), name, plan, tx.now,
    )  # fmt: skip
    assert row is not None
    return str(row["id"])
