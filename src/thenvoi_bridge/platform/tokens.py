"""Bearer tokens of people: JSON Web Tokens of an identity provider that this platform was told to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread

from thenvoi_bridge.contract.errors import Unauthorized
from thenvoi_bridge.settings import BadSetting, Platform

if TYPE_CHECKING:
    from jwt import PyJWKClient

ASYMMETRIC = ("RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA")
"""What published keys may have signed with. Never a symmetric one: everybody knows those keys."""

FETCH = 5.0
"""Seconds the identity provider has to answer with its keys."""


class Tokens:
    """Verifies tokens as the settings say. Without a secret and without keys none is good.

    Raises `BadSetting` if `jwt_keys` is no address, or if the library for tokens is not installed.
    """

    def __init__(self, settings: Platform) -> None:
        self._settings = settings
        self._published = _published(settings.jwt_keys)

    async def person(self, token: str) -> str:
        """The id of the person a token names (its `sub`). Raises `Unauthorized`."""
        if not (self._settings.jwt_secret or self._published):
            raise Unauthorized()
        return await to_thread.run_sync(self._verified, token)  # keys may have to be fetched

    def _verified(self, token: str) -> str:
        from jwt import PyJWTError, decode, get_unverified_header

        try:
            symmetric = get_unverified_header(token).get("alg") == "HS256"
            claims = decode(
                token,
                self._secret() if symmetric else self._published_key(token),
                algorithms=["HS256"] if symmetric else ASYMMETRIC,
                issuer=self._settings.jwt_issuer,
                audience=self._settings.jwt_audience,
                options={"require": ["exp", "sub"], "verify_aud": bool(self._settings.jwt_audience)},
            )
        except PyJWTError as exc:
            raise Unauthorized() from exc
        return str(claims["sub"])

    def _secret(self) -> str:
        if not self._settings.jwt_secret:
            raise Unauthorized()
        return self._settings.jwt_secret

    def _published_key(self, token: str) -> Any:
        if self._published is None:
            raise Unauthorized()
        return self._published.get_signing_key_from_jwt(token)


def _published(address: str | None) -> PyJWKClient | None:
    if not address:
        return None
    from jwt import PyJWKClient, PyJWKClientError

    try:
        return PyJWKClient(address, timeout=FETCH)
    except PyJWKClientError as exc:
        raise BadSetting("THENVOI_PLATFORM_JWT_KEYS must begin with https:// or http://") from exc
