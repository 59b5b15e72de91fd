"""Keys: how they are made, kept and recognised.

A key is `thnv_<u|a>_<id>_<secret>`; older ones are `thnv_<id>_<secret>` and do not tell whose kind they are.
The id finds the row, the secret is compared with its keyed hash in constant time. A fast hash is right here:
190 random bits cannot be guessed. A key is shown once.
"""

from __future__ import annotations

import hmac
import os
import secrets
import string
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from thenvoi_bridge.contract.errors import Unauthorized
from thenvoi_bridge.storage import Row, StorageError, Tx

_ALPHABET = string.ascii_letters + string.digits
_LETTER_OF = {"User": "u", "Agent": "a"}
_NO_SUCH_KEY = "0" * 64


class OtherPepper(StorageError):
    """The database is not for somebody with this pepper: it would recognise no key."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `key` is its clear text, which nobody sees again."""

    id: str
    key: str


class Keys:
    """Makes keys and recognises them. `pepper` is the server's own secret, kept apart from the database."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    @classmethod
    def kept_in(cls, folder: Path) -> Keys:
        """The keys of a platform whose pepper lies in `folder`; made at first use, readable by us only."""
        path, draft = folder / "pepper", folder / f".pepper-{random_text(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as fresh:
            fresh.write(secrets.token_bytes(32))
        with suppress(FileExistsError):  # linking is atomic: nobody ever reads half a pepper
            os.link(draft, path)
        draft.unlink()
        return cls(path.read_bytes())

    @classmethod
    def told(cls, pepper: str) -> Keys:
        """The keys of a platform whose pepper is a setting: base64, as `settings` has checked."""
        return cls(b64decode(pepper))

    @property
    def fingerprint(self) -> str:
        """What tells this pepper from others, and nothing else about it."""
        return hmac.new(self._pepper, b"the fingerprint of this pepper", sha256).hexdigest()[:32]

    def check(self, tx: Tx) -> None:
        """Raise `OtherPepper` if the keys in the database were made with another one."""
        tx.run("INSERT INTO pepper (id, fingerprint) VALUES (1, ?) ON CONFLICT DO NOTHING", self.fingerprint)
        row = tx.one("SELECT fingerprint FROM pepper")
        if row is None or row["fingerprint"] != self.fingerprint:
            raise OtherPepper(
                "This database belongs to another pepper, with which its keys were made: start with the file "
                "`pepper`, or the THENVOI_PLATFORM_PEPPER, that the other nodes have"
            )

    def issue(
        self,
        tx: Tx,
        now: str,
        actor_id: str,
        actor_type: str,
        *,
        label: str | None = None,
        expires_at: str | None = None,
        legacy: bool = False,
    ) -> NewKey:
        """A new key for an actor. `legacy` makes one of the older form."""
        id, secret = random_text(12), random_text(32)
        tx.run(
            "INSERT INTO keys (id, actor_id, digest, label, expires_at, inserted_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            id, actor_id, self.digest(secret), label, expires_at, now,
        )  # fmt: skip
        kind = "" if legacy else f"{_LETTER_OF[actor_type]}_"
        return NewKey(id, f"thnv_{kind}{id}_{secret}")

    def holder(self, tx: Tx, key: str, now: str) -> Row:
        """What a principal is made of: the actor a key stands for, with `key_id` and `plan`.

        Raises `Unauthorized` for anything unknown, malformed, revoked or expired.
        """
        letter, id, secret = _parts(key)
        row = tx.one(
            "SELECT keys.id AS key_id, digest, plan, actors.id, type, organization_id, owner_id, handle, "
            "actors.name FROM keys "
            "JOIN actors ON actors.id = keys.actor_id "
            "JOIN organizations ON organizations.id = organization_id "
            "WHERE keys.id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) "
            "AND deleted_at IS NULL",
            id, now,
        )  # fmt: skip
        # Compare even when there is no such key, so that time does not tell which ids exist.
        known = hmac.compare_digest(self.digest(secret), row["digest"] if row else _NO_SUCH_KEY)
        if row is None or not known or letter not in ("", _LETTER_OF[row["type"]]):
            raise Unauthorized()
        return row

    def digest(self, secret: str) -> str:
        """What is kept of a secret: a hash that is worth nothing without the pepper."""
        return hmac.new(self._pepper, secret.encode(), sha256).hexdigest()


def random_text(length: int) -> str:
    """So many random letters and digits, 5.95 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _parts(key: str) -> tuple[str, str, str]:
    """Letter, id and secret; empty where there is none."""
    match key.split("_"):
        case ["thnv", "u" | "a" as letter, id, secret]:
            return letter, id, secret
        case ["thnv", id, secret]:
            return "", id, secret
    return "", "", ""
