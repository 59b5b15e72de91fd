"""What CONTRIBUTING.md has developers type; tests/packages/test_bundle.py has the bundle."""

from __future__ import annotations

import subprocess

import pytest

from tests.guides.reader import Reader
from tests.packages.checkout import copied

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]
GIT = ("git", "-c", "user.name=Developer", "-c", "user.email=developer@example.com")


@pytest.fixture
def developer(reader: Reader) -> Reader:
    """Somebody with a clone."""
    reader.cwd = copied(reader.home / "clone")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=All"]):
        subprocess.run([*GIT, *command], cwd=reader.cwd, env=reader.env, check=True)
    return reader


@pytest.mark.follows("CONTRIBUTING.md#set-up")
def test_a_clone_is_set_up(reader: Reader, developer: Reader) -> None:
    assert "pre-commit installed" in developer.types()
    assert (developer.cwd / ".git" / "hooks" / "pre-commit").is_file()


@pytest.mark.follows("CONTRIBUTING.md#releases", "export", "uv build")
def test_wheel_and_source_are_built_from_a_commit(reader: Reader, developer: Reader) -> None:
    developer.types()
    developer.types()
    built = {file.suffix for file in (developer.cwd / "dist").glob("thenvoi_bridge-*")}
    assert built == {".whl", ".gz"}
