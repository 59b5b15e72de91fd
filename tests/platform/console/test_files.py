"""The page as it is served: types, caching, and headers that let it do nothing but its work."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from tests.platform.town import Town, refused
from tests.wire.foreign import installed
from thenvoi_bridge.platform.console.files import all_files

MARKUP = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", r"document\.write", "DOMParser", "srcdoc",
    "createContextualFragment", r"eval\(", "new Function", r"\sstyle=", r"\son[a-z]+=",
)  # fmt: skip
"""Ways for text to become elements or code."""

PHOENIX = "phoenix@1.8.16"
SERVED = sorted(all_files())
OURS = [name for name in SERVED if not name.startswith("vendor/")]
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "mjs": "text/javascript"}


def test_every_file_of_the_page_is_served() -> None:
    folder = Path(str(files("thenvoi_bridge.platform.console") / "static"))
    there = [file.relative_to(folder).as_posix() for file in folder.rglob("*.*")]
    assert sorted(there) == SERVED
    assert "main.js" in SERVED


@pytest.mark.parametrize(
    "name", ["", "index.html", "main.js", "views/room.js", "css/base.css", "vendor/phoenix.mjs"]
)
async def test_a_file_comes_with_its_type_and_is_not_sent_twice(town: Town, name: str) -> None:
    answer = await town.http.get(f"{town.here.url}/console/{name}")
    assert answer.content == all_files()[name or "index.html"].content
    ending = (name or "index.html").rpartition(".")[2]
    assert answer.headers["content-type"] == f"{TYPES[ending]}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": f'"other", W/{answer.headers["etag"]}'}
    again = await town.http.get(f"{town.here.url}/console/{name}", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    other = await town.http.get(f"{town.here.url}/console/{name}", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_the_page_may_use_its_own_files_and_nothing_else(town: Town) -> None:
    headers = (await town.http.get(f"{town.here.url}/console/")).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
        "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'", "trusted-types": "'none'",
    }  # fmt: skip
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "name", ["nothing.js", "../files.py", "%2e%2e/files.py", "static/index.html", "views", "views/"]
)
async def test_nothing_else_is_served(town: Town, name: str) -> None:
    refused(await town.http.get(f"{town.here.url}/console/{name}"), 404, "not_found")


async def test_the_address_without_its_slash_leads_there(town: Town) -> None:
    answer = await town.http.get(f"{town.here.url}/console")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


@pytest.mark.parametrize("name", OURS)
def test_no_file_makes_text_into_markup_or_reaches_out(name: str) -> None:
    text = all_files()[name].content.decode()
    assert not re.search("|".join(MARKUP), text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import", text)


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith((".js", ".css"))])
def test_every_file_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert all_files()[name].content.count(b"\n") < 300


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_the_phoenix_client_is_the_published_one_with_its_licence(npm_cache: Path) -> None:
    published = installed(npm_cache, PHOENIX) / "node_modules/phoenix"
    assert all_files()["vendor/phoenix.mjs"].content == (published / "priv/static/phoenix.mjs").read_bytes()
    assert all_files()["vendor/phoenix.LICENSE.md"].content == (published / "LICENSE.md").read_bytes()
    assert PHOENIX.partition("@")[2] in (Path(__file__).parents[3] / "docs/console.md").read_text()
