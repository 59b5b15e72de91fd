"""Who is asking: from the credential of a request or of a socket to a principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thenvoi_bridge.contract.call import Side
from thenvoi_bridge.contract.errors import Forbidden, Unauthorized
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.tokens import Tokens
from thenvoi_bridge.storage import Row, Tx

_PERSON = (
    "SELECT actors.*, plan, '' AS key_id "
    "FROM actors JOIN organizations ON organizations.id = organization_id "
    "WHERE actors.id = ? AND type = 'User' AND deleted_at IS NULL"
)
_WHO = {"User": "a person", "Agent": "an agent"}
_TYPE: dict[Side, str] = {"agent": "Agent", "human": "User"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What was shown: a key, or the id of the person that a token which is good names."""

    key: str | None = None
    person: str | None = None


class Auth:
    """Recognises callers."""

    def __init__(self, keys: Keys, tokens: Tokens) -> None:
        self._keys, self._tokens = keys, tokens

    async def claim(self, key: str | None, token: str | None) -> Claim:
        """What a credential claims, checked as far as that goes without the database.

        Raises `Unauthorized` without a credential or with a token that is not good.
        """
        if token:
            return Claim(person=await self._tokens.person(token))
        if not key:
            raise Unauthorized()
        return Claim(key=key)

    async def claim_of_request(self, headers: Mapping[str, str]) -> Claim:
        """As `claim`. Raises `Unauthorized` for two credentials, too (seed: either, not both)."""
        key, authorization = headers.get("x-api-key"), headers.get("authorization")
        if key and authorization:
            raise Unauthorized("Send either X-API-Key or Authorization, not both")
        scheme, _, token = (authorization or "").partition(" ")
        if authorization and (scheme.lower() != "bearer" or not token.strip()):
            raise Unauthorized()
        return await self.claim(key, token.strip())

    def principal(self, tx: Tx, claim: Claim, now: str) -> Principal:
        """Whom a claim stands for. Raises `Unauthorized`."""
        row = self._keys.holder(tx, claim.key, now) if claim.key else tx.one(_PERSON, claim.person)
        if row is None:
            raise Unauthorized()
        return principal_of(row)

    def caller(self, tx: Tx, claim: Claim, side: Side, now: str) -> Principal:
        """Whom a request on one side of the API comes from.

        Raises `Unauthorized`, also for a token on `/agent`, and `Forbidden` for the wrong kind of key: agents
        never pass on `/me` (seed), people never on `/agent`.
        """
        if side == "agent" and claim.key is None:
            raise Unauthorized("Agents bring an API key")
        principal = self.principal(tx, claim, now)
        if principal.type != _TYPE.get(side, principal.type):
            raise Forbidden(f"This key belongs to {_WHO[principal.type]} and is not accepted here")
        return principal

    def as_agent(self, tx: Tx, owner: Principal, agent_id: str) -> Principal | None:
        """The agent `agent_id` on its owner's key (the socket allows that), None if it is not the owner's."""
        sql = "SELECT * FROM actors WHERE id = ? AND owner_id = ? AND deleted_at IS NULL"
        row = tx.one(sql, agent_id, owner.id)
        return principal_of({**row, "key_id": owner.key_id, "plan": owner.plan}) if row else None


def principal_of(row: Row) -> Principal:
    """An actor as a caller. The row has `key_id` and the `plan` of the organisation besides."""
    return Principal(
        id=row["id"],
        type=row["type"],
        organization_id=row["organization_id"],
        owner_id=row["owner_id"] or row["id"],
        handle=row["handle"],
        name=row["name"],
        key_id=row["key_id"],
        plan=row["plan"],
    )
