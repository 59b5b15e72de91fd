"""Looks at the platform: whether it answers, its clock, whether it takes the keys, and its socket.

Nobody's seat is taken: where a bridge runs it is asked; else the socket is only knocked at, without a key.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from thenvoi_bridge.bridge.endpoint import Side, sides_of
from thenvoi_bridge.bridge.receiving import Reception
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.errors import Forbidden, ThenvoiError, Unauthorized
from thenvoi_bridge.contract.identity import GetMe, GetMyProfile
from thenvoi_bridge.contract.system import Health, HealthReport
from thenvoi_bridge.doctor.findings import Finding
from thenvoi_bridge.doctor.storage import Box
from thenvoi_bridge.listener import Pace, answer_without_key, socket_url

PATIENCE = 5.0
"""Seconds for which an answer is waited for."""

SKEW = 60.0
"""Seconds by which two clocks may differ before it is worth a word."""

_AGAIN = "Check THENVOI_BASE_URL, the network, and HTTPS_PROXY."
_NO_SOCKET = "Set THENVOI_WS_URL if it is elsewhere; a proxy on the way may not let WebSockets pass."


async def look_at(
    base_url: str, ws_url: str | None, keys: Mapping[str, str], boxes: Sequence[Box]
) -> list[Finding]:
    """Look at a platform, as the owner of these keys."""
    posted = [
        _as_posted(box.name, box.reception) for box in boxes if box.platform == base_url and box.reception
    ]
    began = time.time()
    try:
        async with _client(base_url, "") as client:
            report = await client(Health())
    except ThenvoiError as exc:
        said = f"{base_url} does not answer: {exc.message}."
        return [Finding("error", "platform", said, _AGAIN), *posted]
    findings = [_serves(base_url, report), *_clock(report, (began + time.time()) / 2)]
    findings += [await _whose(base_url, name, key) for name, key in keys.items()]
    return findings + (posted or [await _knocked(ws_url or socket_url(base_url))])


def _client(base_url: str, key: str) -> Client:
    return Client(base_url, key, attempts=1, timeout=PATIENCE, patience=PATIENCE)


def _serves(base_url: str, report: HealthReport) -> Finding:
    said = f"The platform at {base_url} serves: version {report.version}, API {report.api_version}."
    return Finding("ok", "platform", said, more={"url": base_url, "version": report.version})


def _clock(report: HealthReport, now: float) -> Iterator[Finding]:
    try:
        there = datetime.fromisoformat(report.timestamp)
    except ValueError:
        return
    if there.tzinfo is None:
        return
    ahead = now - there.timestamp()
    more = {"seconds": round(ahead, 1)}
    if abs(ahead) < SKEW:
        said = f"The clocks agree within {math.ceil(abs(ahead))} s."
        yield Finding("ok", "clock", said, more=more)
        return
    said = (
        f"This computer's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the platform's."
    )
    yield Finding(
        "warning", "clock", said, "Set this computer's clock; the bridge itself relies on neither.", more
    )


async def _whose(base_url: str, name: str, key: str) -> Finding:
    """Whether the platform takes a key, and whose it is then."""
    try:
        async with _client(base_url, key) as client:
            owner = await _owner(client, sides_of(key))
    except (Unauthorized, Forbidden):
        cure = "Give it the key that the platform showed when it was made, or make a new one."
        return Finding("error", "key", f"The platform refuses {name}.", cure)
    except ThenvoiError as exc:
        return Finding("error", "key", f"Nobody can tell whether {name} is taken: {exc.message}.", _AGAIN)
    return Finding("ok", "key", f"The platform takes {name}: it is that of {owner}.")


async def _owner(client: Client, sides: tuple[Side, ...]) -> str:
    """Whose key it is. Raises `ThenvoiError`."""
    if "agent" in sides:
        try:
            return f"agent {(await client(GetMe())).handle}"
        except (Unauthorized, Forbidden):
            if "human" not in sides:
                raise
    person = await client(GetMyProfile())
    return person.handle or person.email


async def _knocked(url: str) -> Finding:
    """Whether there is a socket. Without a key nobody is let in, so nobody's connection ends."""
    more = {"connection": None}
    try:
        status = await answer_without_key(url, Pace(patience=PATIENCE))
    except OSError:
        said = f"The WebSocket at {url} does not answer."
        return Finding("error", "socket", said, _NO_SOCKET, more)
    if status in (101, 400, 401, 403):
        return Finding("ok", "socket", "No bridge runs here; the platform's WebSocket answers.", None, more)
    said = f"The WebSocket at {url} answers with HTTP {status}."
    return Finding("error", "socket", said, _NO_SOCKET, more)


def _as_posted(name: str, reception: Reception) -> Finding:
    """What the bridge says that receives for an agent."""
    said = f"A bridge of {name} runs; it is {reception.connection.replace('_', ' ')}"
    said += f": {reception.reason}." if reception.reason else "."
    more = {"connection": reception.connection}
    match reception.connection:
        case "live" | "catching_up":
            return Finding("ok", "socket", said, more=more)
        case "standby":
            cure = "Another computer receives for this agent; end the bridge there, or leave it."
            return Finding("warning", "socket", said, cure, more)
    return Finding("warning", "socket", said, "It keeps trying; its log on stderr says more.", more)
