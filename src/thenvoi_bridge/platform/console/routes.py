"""Where the console is: its files, and beginning and ending a session. Not a part of the API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from thenvoi_bridge.contract.errors import NotFound, Unauthorized
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.auth import Auth
from thenvoi_bridge.platform.bodies import parsed, whole
from thenvoi_bridge.platform.console.files import all_files
from thenvoi_bridge.platform.console.signing_in import begin, end, is_good
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.storage import Database, Tx

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer says: scripts and styles of its own, connections home, nothing else, in no frame."""

MAX_BODY = 1024
"""Bytes of a request to sign in."""


class Console:
    """What its requests need."""

    def __init__(self, db: Database, auth: Auth, site: Site) -> None:
        self._db, self._auth, self._site = db, auth, site

    def routes(self) -> Iterator[Route]:
        """The paths, the narrow ones first."""
        yield Route("/console", _to_the_page)
        yield Route("/console/session", self._sign_in, methods=["POST"])
        yield Route("/console/session", self._sign_out, methods=["DELETE"])
        yield Route("/console/{name:path}", _file)

    async def _sign_in(self, request: Request) -> Response:
        body = parsed(await whole(request, MAX_BODY), 1) or {}
        digest = self._site.keys.digest(str(body.get("token")))
        # Reading first: whoever guesses must not hold up the writers.
        if not await self._db.read(partial(is_good, digest=digest, now=clock.now())):
            raise Unauthorized("This link has been used, or is too old")
        new, until = await self._db.write(lambda tx: begin(self._change(tx), digest))
        data = {"key": new.key, "expires_at": until}
        return JSONResponse({"data": data}, 201, {**HEADERS, "Cache-Control": "no-store"})

    async def _sign_out(self, request: Request) -> Response:
        claim = await self._auth.claim_of_request(request.headers)

        def work(tx: Tx) -> None:
            end(self._change(tx), self._auth.caller(tx, claim, "human", clock.now()))

        await self._db.write(work)
        return Response(status_code=204, headers=HEADERS)

    def _change(self, tx: Tx) -> Change:
        return Change(tx, clock.now(), self._site)


async def _to_the_page(_: Request) -> Response:
    return RedirectResponse("/console/", 307)


def _file(request: Request) -> Response:  # no coroutine: the first time it reads all files
    file = all_files().get(request.path_params["name"] or "index.html")
    if file is None:
        raise NotFound("No such path")
    headers = {**HEADERS, "ETag": file.tag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {file.tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers={**headers, "Content-Type": file.media_type})
