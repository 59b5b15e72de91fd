"""The wire: where the platform's socket is, how to open it without showing the key, how to end it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from thenvoi_bridge import __version__
from thenvoi_bridge.listener.pace import Pace

MAX_FRAME = 16 * 2**20
"""Bytes of a frame beyond which the connection ends with 1009; the library's 1 MiB loses real messages."""

_NO_ADDRESS = "The platform's address must begin with http, https, ws or wss, and name a host"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_log = logging.getLogger(__name__)
_log.addFilter(
    lambda record: record.levelno > logging.DEBUG
)  # the library's DEBUG lines show URL and headers


class Connect(connect):
    """An opening that follows no redirect: the library would take the key wherever an answer says."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Let the redirect be the error that it is."""
        return exc


def socket_url(base_url: str) -> str:
    """The platform's socket, from its base URL or from a URL of the socket itself; a query is kept.

    Raises ValueError, which shows nothing of the URL.
    """
    parts = _split(base_url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(_NO_ADDRESS)
    path = parts.path.rstrip("/")
    if not path.endswith("/socket/websocket"):
        path += "/websocket" if path.endswith("/socket") else "/api/v1/socket/websocket"
    return parts._replace(scheme=scheme, path=path, fragment="").geturl()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    return parts


def opener(url: str, key: str, agent_id: str | None, pace: Pace) -> Callable[[bool], Connect]:
    """What opens a connection when called and awaited; it alone holds the key.

    Its argument is whether to probe: to be refused with 409 if the agent has another connection, instead of
    evicting it. Servers of March 2026 take no notice of that.
    """
    uri = _authorised(socket_url(url), key, agent_id)
    # Proxies of the environment are honoured, but none can reach this computer's own platform.
    proxy: Literal[True] | None = None if urlsplit(uri).hostname in _LOOPBACK else True

    def connection(probe: bool) -> Connect:
        return Connect(
            f"{uri}&on_conflict=reject" if probe else uri,
            additional_headers={"x-api-key": key},
            user_agent_header=f"thenvoi-bridge/{__version__}",
            proxy=proxy,
            open_timeout=pace.patience,
            close_timeout=pace.closing,
            max_size=MAX_FRAME,
            logger=_log,
        )

    return connection


async def answer_without_key(url: str, pace: Pace) -> int:
    """The HTTP status that a platform's socket has for whoever shows no key: 403, if all is well.

    101 if it lets him in; then it is left at once. Nobody's connection is touched. Raises `OSError`, also for
    an answer that is none, and `TimeoutError`.
    """
    try:
        async with opener(url, "", None, pace)(False):
            return 101
    except InvalidStatus as exc:
        return exc.response.status_code
    except WebSocketException as exc:
        raise ConnectionError(type(exc).__name__) from exc


async def hang_up(ws: ClientConnection, seconds: float) -> None:
    """Close with 1000, and without ceremony what is not closed in time; not to be cancelled."""
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(seconds):
            await ws.close()
        ws.transport.abort()
        await ws.wait_closed()


def _authorised(url: str, key: str, agent_id: str | None) -> str:
    # Servers of March 2026 know no other place for the key than the query (vendor docs).
    parts = urlsplit(url)
    ours = {"vsn": "2.0.0", "api_key": key} | ({"agent_id": agent_id} if agent_id else {})
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in ours]
    return parts._replace(query=urlencode([*kept, *ours.items()], quote_via=quote)).geturl()
