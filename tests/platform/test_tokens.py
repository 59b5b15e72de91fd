"""Bearer tokens of people: signed with a secret, or with the published keys of an identity provider."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.platform.town import NOBODY, Json, by, data, refused
from tests.world import Somebody, World, world
from thenvoi_bridge.platform.tokens import Tokens
from thenvoi_bridge.settings import BadSetting, Platform

SECRET = "a secret of at least thirty-two bytes"


@dataclass(frozen=True)
class Here:
    """A platform that knows tokens, with a person and an agent of theirs."""

    world: World
    http: httpx2.AsyncClient
    alice: Somebody
    scout: Somebody

    async def profile(self, token: str, scheme: str = "Bearer", path: str = "/me/profile") -> httpx2.Response:
        return await self.http.get(path, headers={"Authorization": f"{scheme} {token}"})


@asynccontextmanager
async def knowing(folder: Path, **settings: str) -> AsyncGenerator[Here]:
    known = Platform(**settings)  # type: ignore[arg-type]
    async with world(folder, known) as it, httpx2.AsyncClient(base_url=f"{it.url}/api/v1") as http:
        alice = await it.person()
        yield Here(it, http, alice, await it.agent(alice, "Scout"))


def token(
    sub: str, key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: object
) -> str:
    said = {"sub": sub, "exp": int(time.time()) + 60, **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers={"kid": kid} if kid else None)


async def test_a_person_comes_with_a_token(tmp_path: Path) -> None:
    async with knowing(tmp_path, jwt_secret=SECRET) as here:
        answer = data(await here.profile(token(here.alice.id)))
        assert (answer["id"], answer["handle"]) == (here.alice.id, "alice.doe")
        data(await here.profile(token(here.alice.id), scheme="bearer"))
        checked = (await here.profile(token(here.alice.id), path="/test")).json()
        assert (checked["status"], checked["auth_type"]) == ("success", "bearer")


async def test_a_token_is_for_people_alone_and_never_beside_a_key(tmp_path: Path) -> None:
    async with knowing(tmp_path, jwt_secret=SECRET) as here:
        refused(await here.profile(token(here.alice.id), path="/agent/me"), 401, "unauthorized")
        refused(await here.profile(token(here.scout.id)), 401, "unauthorized")
        both = {**by(here.alice), "Authorization": f"Bearer {token(here.alice.id)}"}
        refused(await here.http.get("/me/profile", headers=both), 401, "unauthorized")


async def test_nothing_but_a_good_token_opens_anything(tmp_path: Path) -> None:
    async with knowing(tmp_path, jwt_secret=SECRET, jwt_issuer="idp", jwt_audience="thenvoi") as here:
        id = here.alice.id
        good: Json = {"iss": "idp", "aud": "thenvoi"}
        data(await here.profile(token(id, **good)))
        bad = [
            token(NOBODY, **good),
            token(id, "another secret of at least thirty-two bytes", **good),
            token(id, **{**good, "exp": int(time.time()) - 1}),
            token(id, **{**good, "exp": None}),
            token(id, **{**good, "nbf": int(time.time()) + 60}),
            token(id, **{**good, "iss": "another"}),
            token(id, **{**good, "iss": None}),
            token(id, **{**good, "aud": "another"}),
            token(id, **{**good, "aud": None}),
            token(id, None, "none", **good),
            token(id, SECRET + SECRET, "HS512", **good),
            here.alice.key,
            "a.b.c",
            "é",
        ]
        for forged in bad:
            headers = [(b"Authorization", f"Bearer {forged}".encode())]
            answer = await here.http.get("/me/profile", headers=headers)
            assert refused(answer, 401, "unauthorized") == {}, forged
        for scheme in ("Basic", "Token"):
            refused(await here.profile(token(id, **good), scheme=scheme), 401, "unauthorized")
        bare = await here.http.get("/me/profile", headers={"Authorization": "Bearer"})
        refused(bare, 401, "unauthorized")


async def test_without_settings_no_token_is_good(tmp_path: Path) -> None:
    async with knowing(tmp_path) as here:
        id = here.alice.id
        for forged in (token(id), token(id, None, "none"), token(id, "x" * 32)):
            refused(await here.profile(forged), 401, "unauthorized")


@dataclass
class Provider:
    """An identity provider that publishes keys, and counts how often it is asked."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict[str, rsa.RSAPrivateKey])
    asked: int = 0
    url: str = ""

    def add(self, kid: str) -> rsa.RSAPrivateKey:
        self.keys[kid] = rsa.generate_private_key(65537, 2048)
        return self.keys[kid]

    def published(self) -> bytes:
        keys = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": keys}).encode()


@pytest.fixture
def provider() -> Generator[Provider]:
    it = Provider()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(it.published())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        it.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield it
        server.shutdown()
        thread.join()


async def test_a_token_signed_with_a_published_key_is_good(tmp_path: Path, provider: Provider) -> None:
    key = provider.add("first")
    async with knowing(tmp_path, jwt_keys=provider.url) as here:
        for _ in range(3):
            data(await here.profile(token(here.alice.id, key, "RS256", "first")))
        assert provider.asked == 1


async def test_published_keys_make_no_symmetric_token_good(tmp_path: Path, provider: Provider) -> None:
    key = provider.add("first")
    another = rsa.generate_private_key(65537, 2048)
    async with knowing(tmp_path, jwt_keys=provider.url) as here:
        id = here.alice.id
        for forged in (
            token(id, another, "RS256", "first"),
            token(id, key, "RS256"),
            token(id, "x" * 32, "HS256", "first"),
            token(id, None, "none", "first"),
        ):
            refused(await here.profile(forged), 401, "unauthorized")
        for _ in range(20):  # whoever invents key ids does not make us ask the provider each time
            refused(await here.profile(token(id, another, "RS256", "invented")), 401, "unauthorized")
        assert provider.asked <= 2


async def test_a_provider_that_is_gone_makes_no_token_good_and_breaks_nothing(tmp_path: Path) -> None:
    async with knowing(tmp_path, jwt_keys="http://127.0.0.1:9/jwks.json") as here:
        key = rsa.generate_private_key(65537, 2048)
        refused(await here.profile(token(here.alice.id, key, "RS256", "first")), 401, "unauthorized")
        data(await here.http.get("/me/profile", headers=by(here.alice)))


@pytest.mark.parametrize("address", ["keys.json", "file:///keys.json", "ftp://x/keys.json"])
def test_an_address_of_keys_that_is_none_is_named(address: str) -> None:
    with pytest.raises(BadSetting, match="THENVOI_PLATFORM_JWT_KEYS"):
        Tokens(Platform(jwt_keys=address))
