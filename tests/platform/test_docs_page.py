"""The page at `/docs`: everything is on it, it needs nothing but itself, and nothing in it can break it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

import httpx2
import pytest

from tests.platform.described import operations
from tests.platform.town import Town
from thenvoi_bridge.platform.openapi.document import document, text
from thenvoi_bridge.platform.openapi.page import page

OPERATIONS = dict(operations(document()))
HOSTILE = "<script>alert('`1`')</script> & \"**2**\""


@pytest.fixture(scope="session")
async def shown(town: Town) -> httpx2.Response:
    """The page, as somebody without a key gets it."""
    return await town.http.get(f"{town.here.url}/docs")


async def test_whoever_opens_the_base_url_is_led_to_the_page(town: Town) -> None:
    answer = await town.http.get(town.here.url)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_the_document_needs_no_key_and_is_the_one_in_the_repository(town: Town) -> None:
    answer = await town.http.get(f"{town.here.url}/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == text()
    assert answer.json() == document()


async def test_every_operation_is_on_the_page_with_its_path_and_refusals(shown: httpx2.Response) -> None:
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    articles = dict(re.findall(r'<article id="(\w+)">(.*?)</article>', shown.text, re.DOTALL))
    for said in OPERATIONS.values():
        article = articles[said["operationId"]]
        refusals = [status for status in said["responses"] if status >= "300"]
        assert re.findall(r'href="#refusal-(\d+)"', article) == refusals


async def test_every_link_leads_somewhere_on_the_page(shown: httpx2.Response) -> None:
    links = set(re.findall(r'href="([^"]*)"', shown.text))
    places = re.findall(r' id="([^"]*)"', shown.text)
    assert len(set(places)) == len(places)
    assert links - {f"#{place}" for place in places} == {"/console/", "/openapi.json"}


async def test_the_page_uses_its_own_style_and_nothing_else(shown: httpx2.Response) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", shown.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = shown.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert not re.search(r"<(script|link|img|iframe|form)|src=|style=|url\(|@import|javascript:", shown.text)


async def test_an_example_can_be_sent_as_it_stands(town: Town, shown: httpx2.Response) -> None:
    examples = re.findall(r"<pre><code>(curl.*?)</code></pre>", shown.text, re.DOTALL)
    assert len(examples) == len(OPERATIONS)
    for example in map(unescape, examples):
        method, address = re.findall(r'^curl -X (\w+) "\$BASE(\S+)"', example)[0]
        where = f"{method} {re.sub(r'[$][A-Z_]+', '{}', address)}"
        sent = re.findall(r"-d '(.*)'", example)
        body = OPERATIONS[where].get("requestBody", {}).get("content", {})
        assert [json.loads(one) for one in sent] == [c["example"] for c in body.values() if c["example"]]
        assert ('-H "X-API-Key: $KEY"' in example) is bool(OPERATIONS[where]["security"])


def test_nothing_that_is_said_can_break_the_page() -> None:
    hostile = json.loads(text())
    for said in [one for methods in hostile["paths"].values() for one in methods.values()]:
        said |= {"operationId": HOSTILE, "summary": HOSTILE, "description": HOSTILE}
        for parameter in said["parameters"]:
            parameter |= {"name": HOSTILE, "description": HOSTILE}
    hostile["info"] |= {"title": HOSTILE, "description": HOSTILE}
    for name in list(hostile["components"]["schemas"]):
        hostile["components"]["schemas"][name]["description"] = HOSTILE
    shown = page(hostile, "")
    assert "<script" not in shown
    assert "alert" in shown
    assert set(re.findall(r"</?([a-z0-9]+)", shown)) == set(
        re.findall(r"</?([a-z0-9]+)", page(document(), ""))
    )
