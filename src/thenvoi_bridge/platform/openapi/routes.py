"""Where the API is described: `/openapi.json` for programs, `/docs` for people. Neither needs a key."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from thenvoi_bridge.platform.openapi import document
from thenvoi_bridge.platform.openapi.page import page


async def _root(_: Request) -> Response:
    """Whoever opens the base URL should see something."""
    return RedirectResponse("/docs", 307)


def _openapi(_: Request) -> Response:
    return Response(_document(), media_type="application/json")


def _docs(_: Request) -> Response:
    body, headers = _page()
    return Response(body, media_type="text/html", headers=headers)


# The two are no coroutines, so that what takes a while the first time is done beside the event loop.
ROUTES = (Route("/", _root), Route("/docs", _docs), Route("/openapi.json", _openapi))


@cache
def _document() -> bytes:
    return document.text().encode()


@cache
def _page() -> tuple[bytes, dict[str, str]]:
    """The page, and headers that let it use its own style and nothing else."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return page(document.document(), style).encode(), {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
