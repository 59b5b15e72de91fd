"""Which web pages may open a socket. Programs send no origin and always may."""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORT = {"http": 80, "https": 443}


def origin_allowed(origin: str | None, host: str, listed: str) -> bool:
    """Whether a page from `origin` may connect to a platform that it calls `host`.

    Pages of that very host and port may, whatever proxy ends their TLS. `listed` names further origins, with
    commas between; `*` stands for all.
    """
    if origin is None:
        return True
    others = {other.strip().lower() for other in listed.split(",")} - {""}
    return "*" in others or origin.lower() in others or _is_of(origin, host)


def _is_of(origin: str, host: str) -> bool:
    try:
        page, here = urlsplit(origin), urlsplit(f"//{host}")
        default = _DEFAULT_PORT.get(page.scheme)
        ports = page.port or default, here.port or default
    except ValueError:  # a port or an IPv6 address that cannot be one
        return False
    return page.hostname is not None and page.hostname == here.hostname and ports[0] == ports[1]
