"""The inbox as an MCP App: what a host is given, and what a user does with it in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from playwright.async_api import FrameLocator, Page, async_playwright, expect

from tests.axe import source, violations
from tests.bridge.conftest import Scene
from tests.bridge.desk import Desk, desk, live, nowhere
from tests.injection.corpus import ALONE
from tests.world import say
from thenvoi_bridge.bridge import app
from thenvoi_bridge.bridge.profiles import Choice
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages

HOST = Path(__file__).with_name("frame.html")
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


async def page_of(host: Desk) -> types.TextResourceContents:
    (content,) = (await host.llm.read_resource(app.URI)).contents
    assert isinstance(content, types.TextResourceContents)
    return content


@ERAS
async def test_the_tool_that_reads_leads_to_the_page(state: Path, mode: str) -> None:
    async with desk(nowhere(), state, mode) as host:
        tools = {tool.name: tool.meta or {} for tool in (await host.llm.list_tools()).tools}
        assert [name for name, meta in tools.items() if "ui" in meta] == ["inbox_read"]
        assert tools["inbox_read"]["ui"]["resourceUri"] == app.URI
        page = await page_of(host)
        assert page.mime_type == "text/html;profile=mcp-app"
        assert (page.meta or {})["ui"]["csp"] == {}
        if mode == "auto":  # the handshake era has no word for it
            assert "io.modelcontextprotocol/ui" in (host.llm.server_capabilities.extensions or {})


async def test_a_host_without_the_tool_has_no_page(state: Path) -> None:
    async with desk(nowhere(), state, choice=Choice(exclude_tools=("inbox_read",))) as host:
        fault = await host.faulty(host.llm.read_resource(app.URI))
        assert fault.code == types.INVALID_PARAMS


async def test_the_page_offers_only_what_the_host_was_given(state: Path) -> None:
    async with desk(nowhere(), state, choice=Choice(exclude_tools=("reply",))) as host:
        assert '"deeds": ["inbox_ack"]' in (await page_of(host)).text


async def test_the_page_loads_nothing_and_makes_no_markup_of_text(state: Path) -> None:
    async with desk(nowhere(), state) as host:
        text = (await page_of(host)).text
    assert not re.findall(r"https?://|//cdn|src=|href=|@import|url\(", text)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", text)


@asynccontextmanager
async def shown(
    host: Desk, theme: str = "light", width: int = 700, capabilities: dict[str, Any] | None = None
) -> AsyncGenerator[tuple[Page, FrameLocator, list[str]]]:
    """A browser in which a host shows the page, in so many pixels; the requests that left it."""

    async def call(params: dict[str, Any]) -> dict[str, Any]:
        result = await host.llm.call_tool(params["name"], params.get("arguments"))
        return result.model_dump(by_alias=True, exclude_none=True, mode="json")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page, left = await browser.new_page(), list[str]()
        page.on("request", lambda request: left.append(request.url))
        page.on("pageerror", lambda error: left.append(str(error)))
        await page.expose_function("callTool", call)
        await page.add_init_script(
            f"window.theme = {theme!r}; window.capabilities = {json.dumps(capabilities)}"
        )
        await page.goto(HOST.as_uri())
        html = (await page_of(host)).text
        await page.evaluate("width => { document.getElementById('app').style.width = width }", f"{width}px")
        await page.evaluate("html => { document.getElementById('app').srcdoc = html }", html)
        yield page, page.frame_locator("#app"), left
        await browser.close()


@pytest.mark.thorough
async def test_a_user_answers_one_mention_and_ends_another(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        first = await say(scene.alice, scene.room, scene.scout, "what is the time?")
        second = await say(scene.alice, scene.room, scene.scout, "never mind")
        await host.unread(2)
        async with shown(host) as (page, frame, _):
            await expect(frame.get_by_role("status")).to_have_text("2 unread mentions")
            card = frame.get_by_role("article").filter(has_text="what is the time?")
            await card.get_by_role("button", name="Reply").click()
            await page.keyboard.type("noon")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await expect(frame.get_by_role("article")).to_have_count(1)
            await frame.get_by_role("button", name="Done").click()
            await expect(frame.get_by_role("article")).to_have_count(0)
            noted = await page.evaluate("noted")
            assert [first.id in noted[0], second.id in noted[1]] == [True, True]
        said = await scene.alice.call(ListMyMessages(chat_id=scene.room.id))
        assert [m.content.endswith("noon") for m in said.data if m.sender_id == scene.scout.id] == [True]
        assert (await scene.scout.call(ListMessages(chat_id=scene.room.id))).data == []


@pytest.mark.thorough
async def test_what_goes_wrong_is_said_at_the_mention_and_the_draft_stays(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hello")
        await host.unread(1)
        async with shown(host) as (page, frame, _):
            await frame.get_by_role("button", name="Reply").click()
            await page.keyboard.type("a draft")
            await host.shown("inbox_ack", message_ids=[sent.id])
            await frame.get_by_role("button", name="Send").click()
            await expect(frame.get_by_role("article").get_by_role("alert")).to_have_text(
                "This was answered or ended meanwhile."
            )
            await expect(frame.get_by_role("textbox")).to_have_value("a draft")


@pytest.mark.thorough
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_what_others_write_is_shown_as_text(scene: Scene, state: Path, theme: str) -> None:
    async with live(scene.here, scene.scout, state) as host:
        for text in ALONE:
            await say(scene.alice, scene.room, scene.scout, text)
        await host.unread(len(ALONE))
        async with shown(host, theme) as (_, frame, left):
            await frame.get_by_role("button", name="Show more").click()
            await expect(frame.get_by_role("article")).to_have_count(len(ALONE))
            tags = await frame.locator(".text, .sender, h2").evaluate_all(
                "all => all.flatMap(e => [...e.children])"
            )
            assert tags == []
            assert [url for url in left if not url.startswith(("file:", "about:"))] == []


async def filled(scene: Scene, host: Desk, number: int) -> None:
    for n in range(number):
        await say(scene.alice, scene.room, scene.scout, f"mention number {n}.")
    await host.unread(number)


@pytest.mark.thorough
async def test_of_many_mentions_one_is_ended_after_the_other_by_keys(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        await filled(scene, host, 45)
        async with shown(host) as (page, frame, _):
            cards, more = frame.get_by_role("article"), frame.get_by_role("button", name="Show more")
            for count in (20, 40, 45):
                await expect(cards).to_have_count(count)
                if count < 45:
                    await more.click()
            await expect(more).to_be_hidden()
            await cards.nth(30).get_by_role("button", name="Reply to").click()
            await page.keyboard.type("a draft")
            await cards.nth(2).get_by_role("button", name="Done: Alice Doe").focus()
            await page.keyboard.press("Enter")
            await expect(frame.get_by_role("status")).to_have_text("44 unread mentions")
            await expect(cards).to_have_count(44)  # those further down stay
            await expect(cards.nth(2)).to_be_focused()
            await expect(cards.nth(2)).to_contain_text("mention number 3.")
            await expect(frame.get_by_role("textbox")).to_have_value("a draft")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await page.keyboard.type("I see")
            await page.keyboard.press("Control+Enter")
            await expect(frame.get_by_role("status")).to_have_text("43 unread mentions")
            await expect(cards.nth(2)).to_be_focused()
            await frame.get_by_role("textbox").press("Escape")
            await expect(frame.get_by_role("textbox")).to_have_count(0)


@pytest.mark.thorough
async def test_a_mention_that_is_gone_takes_no_draft_with_it(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = [await say(scene.alice, scene.room, scene.scout, text) for text in ("one", "two")]
        await host.unread(2)
        async with shown(host) as (page, frame, _):
            await frame.get_by_role("button", name="Reply to").first.click()
            await page.keyboard.type("a draft")
            await host.shown("inbox_ack", message_ids=[message.id for message in sent])
            await frame.get_by_role("button", name="Refresh").click()
            await expect(frame.get_by_role("article")).to_have_count(1)
            await expect(frame.get_by_role("alert")).to_have_text("This was answered or ended meanwhile.")
            await expect(frame.get_by_role("textbox")).to_have_value("a draft")


@pytest.mark.thorough
async def test_a_host_without_tools_for_apps_shows_what_there_is_and_no_buttons(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        await filled(scene, host, 1)
        async with shown(host, capabilities={}) as (_, frame, _):
            await expect(frame.get_by_role("article")).to_contain_text("mention number 0.")
            await expect(frame.get_by_role("button")).to_have_count(0)


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("theme", "width"), [("light", 700), ("dark", 320)])
async def test_axe_finds_nothing_in_the_page(
    scene: Scene, state: Path, npm_cache: Path, theme: str, width: int
) -> None:
    axe = source(npm_cache)
    async with live(scene.here, scene.scout, state) as host:
        async with shown(host, theme, width) as (page, frame, _):
            await frame.get_by_text("Nobody waits for an answer.").wait_for()
            assert await violations(page.frames[1], axe) == []
        await filled(scene, host, 1)
        await say(scene.alice, scene.room, scene.scout, "word" * 100 + "\nline" * 60)
        await host.unread(2)
        async with shown(host, theme, width) as (page, frame, _):
            await frame.get_by_role("button", name="Reply to").first.click()
            assert await violations(page.frames[1], axe) == []
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.frames[1].evaluate(overflow) == 0
