"""Signing in to the console, and out: what a link and what a session are good for, and for how long."""

from __future__ import annotations

from functools import partial

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.home import opened, stored
from tests.platform.line import line
from tests.platform.town import Json, Town, by, data, refused
from tests.world import Somebody
from thenvoi_bridge.platform import clock
from thenvoi_bridge.platform.administration import administer, list_keys
from thenvoi_bridge.platform.console.signing_in import (
    LINK,
    SESSION,
    make_link,
    make_link_for_the_only_person,
)
from thenvoi_bridge.storage import Tx


async def link(town: Town, who: Somebody) -> str:
    """The token of a new link."""
    async with opened(town.here.folder) as (db, keys):
        made = await administer(db, keys, partial(make_link, who=who.handle, url="https://chat.example/"))
    address, token = made["link"].split("#sign-in=")
    assert address == "https://chat.example/console/"
    return str(token)


async def sign_in(town: Town, token: str) -> httpx2.Response:
    return await town.http.post(f"{town.here.url}/console/session", json={"token": token})


async def session(town: Town, who: Somebody) -> Json:
    """What somebody gets who uses a new link."""
    signed_in: Json = data(await sign_in(town, await link(town, who)), 201)
    return signed_in


async def run_out(town: Town, table: str) -> None:
    """Let the time of all links or keys be over."""

    def change(tx: Tx) -> None:
        past = clock.earlier(clock.now(), 1)
        if table == "keys":
            tx.run("UPDATE keys SET expires_at = ? WHERE label = 'console'", past)
        else:
            tx.run("UPDATE sign_ins SET expires_at = ?", past)

    async with opened(town.here.folder) as (db, _):
        await db.write(change)


async def test_a_link_is_good_once_and_its_session_is_the_person(town: Town) -> None:
    token = await link(town, town.alice)
    given = data(await sign_in(town, token), 201)
    key = {"X-API-Key": given["key"]}
    assert data(await town.http.get("/me/profile", headers=key))["id"] == town.alice.id
    refused(await town.http.get("/agent/me", headers=key), 403, "forbidden")
    refused(await sign_in(town, token), 401, "unauthorized")


async def test_links_and_sessions_are_good_for_minutes_and_hours(town: Town) -> None:
    assert (LINK, SESSION) == (600, 12 * 3600)
    token = await link(town, town.bob)
    await run_out(town, "sign_ins")
    refused(await sign_in(town, token), 401, "unauthorized")
    given = await session(town, town.bob)
    assert given["expires_at"] > clock.earlier(clock.now(), 60 - SESSION)
    await run_out(town, "keys")
    refused(await town.http.get("/me/profile", headers={"X-API-Key": given["key"]}), 401, "unauthorized")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"token": null}', b'{"token": ""}', b'{"token": "guess"}'])
async def test_what_is_no_link_signs_nobody_in(town: Town, body: bytes) -> None:
    answer = await town.http.post(f"{town.here.url}/console/session", content=body)
    refused(answer, 401, "unauthorized")


async def test_a_body_that_is_too_large_or_no_json_is_refused(town: Town) -> None:
    refused(await sign_in(town, "x" * 2000), 413, "payload_too_large")
    refused(await town.http.post(f"{town.here.url}/console/session", content=b"token"), 400, "bad_request")


async def test_nothing_on_disk_is_a_link_or_a_session(town: Town) -> None:
    token = await link(town, town.alice)
    given = await session(town, town.alice)
    kept = stored(town.here.folder)
    assert given["key"].split("_")[2].encode() in kept  # its id is, so this looks in the right place
    assert token.encode() not in kept
    assert given["key"].split("_")[3].encode() not in kept


@pytest.mark.thorough
async def test_signing_out_ends_the_session_and_its_socket_and_no_other_key(town: Town) -> None:
    given = await session(town, town.alice)
    key = {"X-API-Key": given["key"]}
    here = Somebody(town.alice.id, town.alice.handle, town.alice.name, given["key"], town.alice.call)
    async with line(town.here.url, here) as socket:
        await socket.join(f"user_rooms:{town.alice.id}")
        out = await town.http.delete(f"{town.here.url}/console/session", headers=key)
        assert (out.status_code, out.content) == (204, b"")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.read()
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1008
    refused(await town.http.get("/me/profile", headers=key), 401, "unauthorized")
    assert data(await town.http.get("/me/profile", headers=by(town.alice)))["id"] == town.alice.id


async def test_only_a_session_can_be_signed_out(town: Town) -> None:
    address = f"{town.here.url}/console/session"
    refused(await town.http.delete(address), 401, "unauthorized")
    refused(await town.http.delete(address, headers=by(town.scout)), 403, "forbidden")
    refused(await town.http.delete(address, headers=by(town.alice)), 422, "validation_error")
    assert data(await town.http.get("/me/profile", headers=by(town.alice)))["id"] == town.alice.id


async def test_an_administrator_sees_sessions_among_the_keys(town: Town) -> None:
    await session(town, town.bob)
    async with opened(town.here.folder) as (db, keys):
        listed = await administer(db, keys, partial(list_keys, who=town.bob.handle))
    assert "console" in {key["label"] for key in listed}


async def test_agents_have_no_console_and_nobody_is_guessed_among_several(town: Town) -> None:
    async with opened(town.here.folder) as (db, keys):
        with pytest.raises(Exception, match="agents have no console"):
            await administer(db, keys, partial(make_link, who=town.scout.handle, url=town.here.url))
        nobody = await administer(db, keys, partial(make_link_for_the_only_person, url=town.here.url))
    assert nobody is None
