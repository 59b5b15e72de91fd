"""Whose credential came with a request: only the platform can say, and it is not asked each time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio

from thenvoi_bridge.bridge.endpoint import Side, sides_of
from thenvoi_bridge.bridge.keys import opened
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.errors import ThenvoiError, Unauthorized
from thenvoi_bridge.contract.identity import GetMe, GetMyProfile
from thenvoi_bridge.metering import UNMETERED, Meter

FRESH = 60.0
"""Seconds for which what the platform said of a key is believed."""

AGAIN = 2.0
"""Seconds until the platform is asked again, if it could not say."""

MOST = 10_000
"""Keys of which is remembered what the platform said, good ones and bad ones."""

AT_ONCE = 16
"""Keys that the platform is asked about at a time."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An agent or a person of the platform, whichever of its keys it uses."""

    side: Side
    id: str

    def __str__(self) -> str:
        """As it stands in the log."""
        return f"{self.side}:{self.id}"


class Verifier(Protocol):
    """Tells whose a credential is."""

    async def verify(self, credential: str) -> Principal:
        """Raises `Unauthorized` if it is nobody's, another `ThenvoiError` if that cannot be told now."""
        ...


class Keys:
    """Verifies a Thenvoi key by asking the platform."""

    def __init__(self, base_url: str, meter: Meter = UNMETERED) -> None:
        self._base_url, self._meter = base_url, meter

    async def verify(self, credential: str) -> Principal:
        """As `Verifier` has it."""
        sides = sides_of(credential)
        patient = partial(Client, attempts=2, timeout=5.0, patience=8.0, meter=self._meter)
        async with patient(self._base_url, credential) as client:
            if me := await opened(client if "agent" in sides else None, GetMe()):
                return Principal("agent", me.id)
            if person := await opened(client if "human" in sides else None, GetMyProfile()):
                return Principal("human", person.id)
        raise Unauthorized


class _Known:
    """What was said of one credential."""

    def __init__(self) -> None:
        self.one = anyio.Lock()
        self.said: Principal | ThenvoiError = Unauthorized()
        self.until = 0.0


class Remembered:
    """Asks another verifier, at most once in `FRESH` seconds for each credential, which it does not keep."""

    def __init__(self, verifier: Verifier, now: Callable[[], float] = time.monotonic) -> None:
        self._verifier, self._now = verifier, now
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking = anyio.CapacityLimiter(AT_ONCE)

    async def verify(self, credential: str) -> Principal:
        """As `Verifier` has it."""
        known = self._of(credential)
        if known.until <= self._now():
            async with known.one:
                if known.until <= self._now():  # nobody has asked while we waited
                    await self._ask(credential, known)
        if isinstance(known.said, ThenvoiError):
            raise type(known.said)(known.said.ours, code=known.said.code)
        return known.said

    def _of(self, credential: str) -> _Known:
        name = hmac.digest(self._secret, credential.encode(), hashlib.sha256)
        known = self._known.setdefault(name, _Known())
        self._known.move_to_end(name)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return known

    async def _ask(self, credential: str, known: _Known) -> None:
        asked = self._now()
        try:
            async with self._asking:
                known.said = await self._verifier.verify(credential)
        except ThenvoiError as exc:
            known.said = exc
        is_judged = isinstance(known.said, Principal | Unauthorized)
        known.until = asked + FRESH if is_judged else self._now() + AGAIN
