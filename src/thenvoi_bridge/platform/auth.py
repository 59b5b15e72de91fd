"""Keys and who they stand for.

A key is `thnv_<u|a>_<public id>_<secret>`: the id finds the row, the secret is compared with its keyed hash
in constant time. A fast hash is right here: 190 random bits cannot be guessed. Keys are shown once.
"""

from __future__ import annotations

import hmac
import os
import secrets
import string
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from thenvoi_bridge.contract.call import Side
from thenvoi_bridge.contract.errors import Forbidden, Unauthorized
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.storage import Row, Tx

_ALPHABET = string.ascii_letters + string.digits
_KIND_OF = {"User": "u", "Agent": "a"}
_NO_SUCH_KEY = "0" * 64


class Keys:
    """Makes keys and recognises them. `pepper` is the server's own secret, kept apart from the database."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    @classmethod
    def kept_in(cls, folder: Path) -> Keys:
        """The keys of a platform whose pepper lies in `folder`; made at first use, readable by us only."""
        path, draft = folder / "pepper", folder / f".pepper-{_random(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as fresh:
            fresh.write(secrets.token_bytes(32))
        with suppress(FileExistsError):  # linking is atomic: nobody ever reads half a pepper
            os.link(draft, path)
        draft.unlink()
        return cls(path.read_bytes())

    def issue(self, change: Change, actor_id: str, actor_type: str) -> str:
        """A new key for an actor, in clear text: the only time anybody sees it."""
        id, secret = _random(12), _random(32)
        change.run(
            "INSERT INTO keys (id, actor_id, digest, inserted_at) VALUES (?, ?, ?, ?)",
            id, actor_id, self._digest(secret), change.now,
        )  # fmt: skip
        return f"thnv_{_KIND_OF[actor_type]}_{id}_{secret}"

    def principal(self, tx: Tx, key: str) -> Principal:
        """Whom a key stands for. Raises `Unauthorized` for anything unknown, malformed or revoked."""
        id, secret = _parts(key)
        row = tx.one(
            "SELECT keys.id AS key_id, digest, actors.* FROM keys JOIN actors ON actors.id = keys.actor_id "
            "WHERE keys.id = ? AND keys.revoked_at IS NULL AND actors.deleted_at IS NULL",
            id,
        )
        # Compare even when there is no such key, so that time does not tell which ids exist.
        known = hmac.compare_digest(self._digest(secret), row["digest"] if row else _NO_SUCH_KEY)
        if row is None or not known:
            raise Unauthorized()
        return _principal(row, row["key_id"])

    def as_agent(self, tx: Tx, owner: Principal, agent_id: str) -> Principal | None:
        """The agent `agent_id` on its owner's key (the socket allows that), None if it is not the owner's."""
        sql = "SELECT * FROM actors WHERE id = ? AND owner_id = ? AND deleted_at IS NULL"
        row = tx.one(sql, agent_id, owner.id)
        return _principal(row, owner.key_id) if row else None

    def caller(self, tx: Tx, headers: Mapping[str, str], side: Side) -> Principal:
        """Whom a request on one side of the API comes from.

        Raises `Unauthorized` without a usable credential or with two of them (seed: either, not both), and
        `Forbidden` for the wrong kind of key: agents never pass on `/me` (seed), people never on `/agent`.
        """
        key, bearer = headers.get("x-api-key"), headers.get("authorization")
        if not key or bearer:
            raise Unauthorized()
        principal = self.principal(tx, key)
        if principal.type != ("Agent" if side == "agent" else "User"):
            raise Forbidden(f"This key belongs to {_WHO[principal.type]} and is not accepted here")
        return principal

    def _digest(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), sha256).hexdigest()


_WHO = {"User": "a person", "Agent": "an agent"}


def _principal(row: Row, key_id: str) -> Principal:
    """An actor as a caller."""
    return Principal(
        id=row["id"],
        type=row["type"],
        organization_id=row["organization_id"],
        owner_id=row["owner_id"] or row["id"],
        handle=row["handle"],
        name=row["name"],
        key_id=key_id,
    )


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _parts(key: str) -> tuple[str, str]:
    parts = key.split("_")
    return (parts[2], parts[3]) if len(parts) == 4 and parts[0] == "thnv" else ("", "")
