"""One request to the platform, and its answer: the one place that knows an HTTP library.

It is httpx2's transport alone. What that library has above it makes a request out of what a person may write,
and takes as long as all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2

from thenvoi_bridge import __version__, tracing
from thenvoi_bridge.contract.call import Route, Wire
from thenvoi_bridge.contract.errors import BrokenAnswer, OutcomeUnknown, Unavailable, Unreachable

MAX_ANSWER = 8 * 2**20
"""Bytes of an answer, after decompression, beyond which it is not read on."""

# A shared server closes idle connections after about 5 s (uvicorn's default). Ours must go first: a POST on
# a connection that is just being closed would end in an unknown outcome for nothing.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=32, keepalive_expiry=4.0)

_trusted = cache(httpx2.create_ssl_context)
"""Whom to trust; read once, for it takes longer than a request does."""

_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Errand:
    """A request, and what makes it safe to send again, or late. `name` is that of its call."""

    name: str
    route: Route
    wire: Wire
    key: str | None
    if_attempt: int | None

    def headers(self) -> dict[str, str]:
        """What goes with this request besides what goes with all."""
        given = {"Idempotency-Key": self.key, "If-Attempt": self.if_attempt}
        return {name: str(value) for name, value in given.items() if value is not None} | tracing.headers()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the platform answered, whatever it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Messenger:
    """Runs errands to one platform with one key, over connections that are kept. Follows no redirect.

    `connect_timeout` bounds the making of a connection, `timeout` a request as a whole, in seconds.
    """

    def __init__(self, base_url: str, key: str, *, connect_timeout: float, timeout: float) -> None:
        self._to = httpx2.URL(base_url)
        self._prefix = self._to.raw_path.rstrip(b"/")
        self._headers = _headers(self._to, key)
        self._timeout, self._bounds = timeout, {"connect": connect_timeout, "pool": connect_timeout}
        proxy = _proxy_to(self._to)
        self._transport = httpx2.AsyncHTTPTransport(verify=_trusted(), limits=_LIMITS, proxy=proxy)
        self._closed = False

    async def aclose(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        await self._transport.aclose()

    async def run(self, errand: Errand) -> Reply:
        """Send the request and read the whole answer.

        Raises `Unreachable` if it was certainly not sent, `OutcomeUnknown` if it may have been although there
        is no answer (`Unavailable` for a GET), and `BrokenAnswer` for what cannot be unpacked or is too long.
        """
        try:
            with anyio.fail_after(self._timeout):
                return await self._answered(self._request(errand))
        except _NOT_SENT as exc:
            raise Unreachable() from exc
        except httpx2.DecodingError as exc:
            raise BrokenAnswer() from exc
        except (httpx2.TransportError, TimeoutError) as exc:
            # A read has no outcome to wonder about.
            raise Unavailable() if errand.route.method == "GET" else OutcomeUnknown() from exc

    def _request(self, errand: Errand) -> httpx2.Request:
        wire, headers = errand.wire, self._headers
        if more := errand.headers():
            headers = httpx2.Headers({**headers, **more})
        query = f"?{urlencode(wire.query)}" if wire.query else ""
        # A target in place of a whole address, which would be taken apart and put together each time.
        about = {"target": self._prefix + f"{wire.path}{query}".encode(), "timeout": self._bounds}
        return httpx2.Request(wire.method, self._to, headers=headers, json=wire.body, extensions=about)

    async def _answered(self, request: httpx2.Request) -> Reply:
        if self._closed:  # the transport would make a connection that nobody closes
            raise RuntimeError("the client is closed")
        response, body = await self._transport.handle_async_request(request), bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise BrokenAnswer("The platform's answer is too long")
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, bytes(body))


def _headers(url: httpx2.URL, key: str) -> httpx2.Headers:
    """What goes with every request; a name and password in the address, too, as a proxy may want them."""
    ours = {
        "X-API-Key": key,
        "User-Agent": f"thenvoi-bridge/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
    }
    request = httpx2.Request("GET", url, headers=ours)
    if url.userinfo:
        request = next(httpx2.BasicAuth(url.username, url.password).auth_flow(request))
    return request.headers


def _proxy_to(url: httpx2.URL) -> str | None:
    """The proxy that the environment or the system names; none can reach this computer's own platform."""
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or url.host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(url.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
