"""What docs/hosting.md has people type for containers: what can be run is, the rest is a command there is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import postgres
from tests.guides.reader import Reader
from tests.guides.reading import followed
from tests.packages import databases
from tests.packages.checkout import done
from tests.packages.commands import parsed
from tests.packages.compose import COMPOSE, config

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

DOCKER = [shlex.split(piece.text) for piece in followed("docs/hosting.md#in-containers", "docker ")]


@pytest.fixture
def secrets(reader: Reader) -> Path:
    """The folder of secrets, made as the guide says."""
    while reader.left:
        reader.types()
    return reader.home / "secrets"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.mark.follows("docs/hosting.md#in-containers")
def test_every_secret_is_made_once_and_for_others_behind_a_closed_door(reader: Reader, secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    texts = {file.name: file.read_text() for file in secrets.iterdir()}
    assert texts.keys() == config()["secrets"].keys()
    assert len(base64.b64decode(texts["platform_pepper"], validate=False)) >= 32
    assert len(set(texts.values())) == len(texts)


@pytest.mark.follows("docs/hosting.md#in-containers")
def test_each_half_has_a_role_and_a_database_of_its_own(reader: Reader, secrets: Path, server: str) -> None:
    databases.make(server, secrets)
    for half, other in (("platform", "bridge"), ("bridge", "platform")):
        address = urlsplit((secrets / f"{half}_database").read_text().strip())
        assert (address.username, address.hostname, address.path) == (half, "postgres", f"/{half}")
        assert address.password
        with psycopg.connect(server) as db:
            (kept,) = (
                db.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [half]).fetchone() or ()
            )
        assert is_password(address.password, kept)
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(databases.at(server, half, other))


def is_password(password: str, kept: str) -> bool:
    """Whether Postgres keeps this one (RFC 5802: what it keeps is a hash of the client's key)."""
    _, rounds, salt, stored = re.split(r"[$:]", kept.rpartition(":")[0])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest() == base64.b64decode(stored)


def ours(words: list[str]) -> list[str]:
    """What a line has the program do, if anything."""
    return words[words.index("thenvoi-bridge") + 1 :] if "thenvoi-bridge" in words else []


@pytest.mark.parametrize("words", [words for words in DOCKER if ours(words)[1:]], ids=" ".join)
def test_what_the_program_is_to_do_is_what_it_can(words: list[str]) -> None:
    assert parsed(ours(words)).command_path.startswith("thenvoi-bridge ")


def test_every_command_of_compose_is_one_and_is_about_a_service_that_there_is() -> None:
    lines = [words[2:] for words in DOCKER if words[1] == "compose"]
    assert lines
    for command, *rest in lines:
        known = done([*COMPOSE, command, "--help"])
        mine = rest[: rest.index("thenvoi-bridge")] if "thenvoi-bridge" in rest else rest
        assert {word for word in mine if word[0] == "-"} <= {*re.findall(r"--[\w-]+", known)}
        assert {word for word in mine if word[0] != "-"} <= config()["services"].keys()
