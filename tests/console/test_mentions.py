"""Whom the page takes a text to be for is whom the platform finds written in it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.console.browser import tab
from tests.console.conftest import Street
from thenvoi_bridge.contract.messages import Mention
from thenvoi_bridge.platform.rules.mentions import Mentionable, stored_form

pytestmark = pytest.mark.thorough

PEOPLE = (
    Mentionable("1", "User", "al", "Al Gore"),
    Mentionable("2", "User", "alice", "Alice Doe"),
    Mentionable("3", "Agent", "alice/scout", "Scout"),
    Mentionable("4", "Agent", "alice/scout-2", "Scout 2"),
    Mentionable("5", "User", "zoë", "Zoë"),
)
BEFORE = ("", "hi ", "hi\n", "(", "a", "@", "@@", "#")
NAMES = (
    "al", "AL", "alice", "Alice Doe", "alice/scout", "Alice/Scout", "scout", "scout 2", "alice/scout-2",
    "zoë", "nobody",
)  # fmt: skip
AFTER = (
    "",
    " ",
    ".",
    ",",
    "!",
    ". So",
    "'s",
    "s",
    "-2",
    "-",
    "/x",
    "/",
    ".x",
    "_",
    "@al",
    " @alice",
    "é",
    "\U0001f600",
)


async def test_the_page_finds_whom_the_platform_finds(browser: Browser, street: Street) -> None:
    texts = [f"|{before}@{name}{after}" for before in BEFORE for name in NAMES for after in AFTER]
    people = [{"id": one.id, "handle": one.handle, "name": one.name} for one in PEOPLE]
    find = """([texts, people]) => import("./views/mentions.js").then(({ mentionedIn }) =>
      texts.map((text) => mentionedIn(text, people).map(({ id }) => id).sort().join()))"""
    async with tab(browser, street.here) as it:
        await it.page.goto(f"{street.here.url}/console/")
        found = await it.page.evaluate(find, [texts, people])
    assert dict(zip(texts, found, strict=True)) == {text: written(text) for text in texts}
    assert len(set(found)) > 5


def written(text: str) -> str:
    """The ids of those whom the platform finds in a text; the others it puts in front."""
    stored = stored_form(text, [Mention(id=one.id) for one in PEOPLE], PEOPLE)
    return ",".join(one.id for one in PEOPLE if f"@[[{one.id}]]" in stored.partition("|")[2])
