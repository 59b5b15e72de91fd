"""The gate: who may open a socket, and what becomes of an agent's older one.

Every refusal is an HTTP 403 with an empty body, before the upgrade: published clients stop on 403 and try
again on all else. The exceptions are later answers of the vendor's, to agents that were recognised.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
from base64 import b64decode
from dataclasses import dataclass
from typing import Self

from anyio.lowlevel import checkpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from thenvoi_bridge.contract.errors import (
    BadRequest,
    Forbidden,
    RateLimited,
    ThenvoiError,
    Unauthorized,
    Unavailable,
)
from thenvoi_bridge.phoenix.frames import V1, V2, Codec
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.auth import Auth, Claim
from thenvoi_bridge.platform.hub import Hub
from thenvoi_bridge.platform.limits import Rates
from thenvoi_bridge.platform.rules.access import Principal
from thenvoi_bridge.platform.rules.origins import origin_allowed
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.platform.socket import Socket
from thenvoi_bridge.storage import Database, StorageError, Tx

SUBPROTOCOL = "phoenix"
BEARER = "base64url.bearer.phx."
"""What phoenix.js puts before the credential that it offers as if it were a subprotocol."""

_VERSION = re.compile(r"([12])\.0\.[0-9]+")
_CODECS = {"1": V1, "2": V2}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What a client shows and asks for as it connects."""

    key: str | None
    token: str | None
    agent_id: str | None
    on_conflict: str
    codec: Codec
    subprotocol: str | None

    @classmethod
    def of(cls, ws: WebSocket, origins: str) -> Self:
        """Read an upgrade. Raises `Forbidden` for the version, the origin or the subprotocols."""
        if not origin_allowed(ws.headers.get("origin"), ws.headers.get("host", ""), origins):
            raise Forbidden()
        offered: list[str] = ws.scope["subprotocols"]
        if offered and SUBPROTOCOL not in offered:
            raise Forbidden()
        key, token = _offered_credential(offered)
        return cls(
            key=ws.headers.get("x-api-key") or _given(ws, "api_key") or key,
            token=ws.headers.get("x-auth-token") or _given(ws, "token") or token,
            agent_id=_given(ws, "agent_id"),
            on_conflict=_given(ws, "on_conflict") or "supersede",
            codec=_codec(ws.query_params.get("vsn", "")),
            subprotocol=SUBPROTOCOL if offered else None,
        )


class Gate:
    """Lets connections in and serves them."""

    def __init__(self, db: Database, auth: Auth, hub: Hub, site: Site) -> None:
        self._db, self._auth, self._hub, self._site = db, auth, hub, site
        self._connects = Rates(site.settings.connects)

    async def serve(self, ws: WebSocket) -> None:
        """Serve one WebSocket from its upgrade to its end."""
        settings = self._site.settings
        try:
            asked = Asked.of(ws, settings.allowed_origins)
            principal = await self._principal(asked)
            self._check_again(principal, asked.on_conflict)
            socket = Socket(ws, principal, self._hub, asked.codec, settings)
            crowded = await self._enter(socket, asked.on_conflict)
        except (Unauthorized, Forbidden):
            await ws.close()  # before `accept` this is the 403
        except ThenvoiError as exc:
            await _deny(ws, exc)
        else:
            await self._serve(ws, socket, asked.subprotocol, crowded=crowded)

    async def _principal(self, asked: Asked) -> Principal:
        """Whom the credential stands for, or the agent of that person which `agent_id` names.

        Raises `Unauthorized`, `Forbidden`, and `Unavailable` if the database cannot tell.
        """
        claim = await self._auth.claim(asked.key, asked.token)
        try:
            return await self._db.read(lambda tx: self._recognised(tx, claim, asked.agent_id))
        except StorageError as exc:
            logger.warning("cannot tell who connects: %s", exc)
            raise Unavailable(code="tracking_failed") from exc

    def _recognised(self, tx: Tx, claim: Claim, agent_id: str | None) -> Principal:
        principal = self._auth.principal(tx, claim, clock.now())
        if agent_id in (None, principal.id):
            return principal
        agent = self._auth.as_agent(tx, principal, agent_id)
        if agent is None:
            raise Forbidden()
        return agent

    def _check_again(self, principal: Principal, on_conflict: str) -> None:
        """Raise what a later agent is told: `BadRequest` or `RateLimited`."""
        if on_conflict not in ("supersede", "reject"):
            raise BadRequest("on_conflict is either supersede or reject", code="invalid_on_conflict")
        if principal.type != "Agent":
            return
        try:
            self._connects.take(principal.id)
        except RateLimited as exc:
            exc.code = "too_many_requests"
            raise

    async def _enter(self, socket: Socket, on_conflict: str) -> bool:
        """Count a socket in; returns whether an agent's has to supersede others.

        Raises `Conflict` if it would rather not, and `Unavailable` if the database cannot tell.
        """
        agent = socket.principal.type == "Agent"
        try:
            others = await self._site.presence.enter(socket, alone=agent and on_conflict == "reject")
        except StorageError as exc:
            logger.warning("cannot tell who else is connected: %s", exc)
            raise Unavailable(code="tracking_failed") from exc
        return agent and others

    async def _serve(self, ws: WebSocket, socket: Socket, subprotocol: str | None, *, crowded: bool) -> None:
        try:
            await ws.accept(subprotocol)
            if crowded:
                await self._take_over(socket)
            await socket.talk()
        finally:
            self._site.presence.leave(socket)
        await socket.close()

    async def _take_over(self, socket: Socket) -> None:
        """End an agent's older sockets: it may have one, and the last one wins (vendor docs)."""
        try:
            await self._site.presence.supersede_older(socket)
        except StorageError as exc:
            logger.warning("cannot supersede the older sockets of %s: %s", socket.principal.id, exc)
            socket.come_back("try again")


async def no_upgrade(_: Request) -> Response:
    """What plain HTTP is told at the address of the socket. Raises `BadRequest`."""
    raise BadRequest("This is the address of a WebSocket: ask for an upgrade")


def _given(ws: WebSocket, name: str) -> str | None:
    """A parameter of the query. phoenix.js writes an unset one as the text "undefined"."""
    value = ws.query_params.get(name)
    return None if value in ("", "undefined") else value


def _codec(vsn: str) -> Codec:
    """The version of Phoenix a client speaks: 1 if it names none. Raises `Forbidden`."""
    match = _VERSION.fullmatch(vsn or "1.0.0")
    if match is None:
        raise Forbidden()
    return _CODECS[match[1]]


def _offered_credential(offered: list[str]) -> tuple[str | None, str | None]:
    """The key or the token that stands among the offered subprotocols. Raises `Forbidden`."""
    text = next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), "")
    try:
        # Whatever its name says, phoenix.js writes plain base64; for keys and tokens both are the same.
        credential = b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except ValueError as exc:
        raise Forbidden() from exc
    return (credential, None) if credential.startswith("thnv_") else (None, credential)


async def _deny(ws: WebSocket, error: ThenvoiError) -> None:
    """Refuse an upgrade in the later form."""
    pause = math.ceil(error.retry_after) if isinstance(error, RateLimited) else None
    shown = {"code": error.code, "message": error.message}
    body = {"error": {**shown, "request_id": secrets.token_hex(8), "retry_after": pause}}
    headers = {"Retry-After": str(pause)} if pause else None
    await ws.send_denial_response(JSONResponse(body, error.status, headers))
    await checkpoint()  # uvicorn logs an app that returns before the connection is gone as faulty
