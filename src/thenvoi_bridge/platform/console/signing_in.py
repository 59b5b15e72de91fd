"""Signing in to the console: a link that works once and for minutes is exchanged for a key of some hours.

The token stands in the fragment of the link, which browsers send to nobody, so it is in no log. The key is an
ordinary one of the person: API and socket know nothing of the console, revoking it closes its sockets, and an
administrator sees it in `key list`.
"""

from __future__ import annotations

from typing import Any, LiteralString

from thenvoi_bridge.contract.errors import NotFound, Unauthorized, Unprocessable
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.administration import find
from thenvoi_bridge.platform.keys import NewKey, random_text
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.storage import Tx

LINK = 10 * 60
"""Seconds for which a link is good."""

SESSION = 12 * 60 * 60
"""Seconds for which whoever used it is signed in."""

LABEL = "console"
"""What the keys of sessions are called."""

_GOOD: LiteralString = "FROM sign_ins WHERE digest = ? AND expires_at > ?"


def make_link(tx: Change, *, who: str, url: str) -> dict[str, Any]:
    """A link that signs a person in to the console of the platform at `url`. Raises `NotFound`."""
    person = find(tx, who)
    if person["type"] != "User":
        raise NotFound(f"There is no person {who}; agents have no console")
    token, until = random_text(32), clock.earlier(tx.now, -LINK)
    tx.run("DELETE FROM sign_ins WHERE expires_at <= ?", tx.now)
    tx.run(
        "INSERT INTO sign_ins (digest, actor_id, expires_at) VALUES (?, ?, ?)",
        tx.site.keys.digest(token), person["id"], until,
    )  # fmt: skip
    return {
        "handle": person["handle"],
        "link": f"{url.rstrip('/')}/console/#sign-in={token}",
        "expires_at": until,
    }


def make_link_for_the_only_person(tx: Change, *, url: str) -> dict[str, Any] | None:
    """The same where just one person is on the platform, None anywhere else."""
    people = tx.all("SELECT id FROM actors WHERE type = 'User' AND deleted_at IS NULL LIMIT 2")
    return make_link(tx, who=people[0]["id"], url=url) if len(people) == 1 else None


def is_good(tx: Tx, digest: str, now: str) -> bool:
    """Whether a link can still be used."""
    return tx.one(f"SELECT 1 AS yes {_GOOD}", digest, now) is not None


def begin(tx: Change, digest: str) -> tuple[NewKey, str]:
    """Use a link up: the key of a new session, and until when it is good. Raises `Unauthorized`."""
    used = tx.one(f"DELETE {_GOOD} RETURNING actor_id", digest, tx.now)
    if used is None:
        raise Unauthorized("This link has been used, or is too old")
    who, until = used["actor_id"], clock.earlier(tx.now, -SESSION)
    tx.run("DELETE FROM keys WHERE actor_id = ? AND label = ? AND expires_at <= ?", who, LABEL, tx.now)
    return tx.site.keys.issue(tx, tx.now, who, "User", label=LABEL, expires_at=until), until


def end(tx: Change, me: Principal) -> None:
    """Sign out: end the key that the caller came with. Raises `Unprocessable` for any other key."""
    sql = "UPDATE keys SET revoked_at = ? WHERE id = ? AND label = ?"
    if not tx.run(sql, tx.now, me.key_id, LABEL):
        raise Unprocessable("This key is not of a session of the console")
