"""Everybody can use the console: axe finds nothing, in light and dark, wide and narrow, near and far."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.axe import source, violations
from tests.console.browser import Tab, signed_in, tab
from tests.console.scene import TITLE, Scene, scene
from tests.world import world

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "dark", "viewport": {"width": 390, "height": 780}},
}


@pytest.fixture(scope="module")
async def morning() -> AsyncGenerator[Scene]:
    with TemporaryDirectory() as folder:
        async with world(Path(folder) / "platform") as here:
            yield await scene(here)


@pytest.fixture(scope="module")
def axe(npm_cache: Path) -> str:
    """The source of axe-core, as its makers publish it."""
    return source(npm_cache)


async def show_dialog(it: Tab, button: str) -> None:
    await it.page.get_by_role("button", name=button).click()
    await it.page.get_by_role("dialog").wait_for()


@pytest.mark.parametrize("way", WAYS)
async def test_axe_finds_nothing_in_a_room(browser: Browser, morning: Scene, axe: str, way: str) -> None:
    async with signed_in(browser, morning.here, morning.alice, **WAYS[way]) as it:
        assert await violations(it.page, axe) == []
        await it.open_room(TITLE)
        await it.shows("nightly-88")
        assert await violations(it.page, axe) == []
        for summary in await it.page.locator(".entry.event summary").all():
            await summary.click()
        await it.page.get_by_role("textbox", name="Message").fill("@")
        await it.page.get_by_role("option").first.wait_for()
        assert await violations(it.page, axe) == []
        await it.page.keyboard.press("Escape")
        if way == "narrow":
            await it.page.get_by_role("button", name="Who is in this room").click()
        await show_dialog(it, "Add somebody")
        assert await violations(it.page, axe) == []


@pytest.mark.parametrize("way", ["light", "dark"])
async def test_axe_finds_nothing_on_the_other_pages(
    browser: Browser, morning: Scene, axe: str, way: str
) -> None:
    async with signed_in(browser, morning.here, morning.alice, **WAYS[way]) as it:
        for name, dialog in (
            ("Agents", "Register an agent"),
            ("Contacts", "Add a contact"),
            ("Memories", None),
        ):
            await it.page.get_by_role("link", name=name).click()
            await it.page.locator(".cards li").first.wait_for()
            assert await violations(it.page, axe) == []
            if dialog:
                await show_dialog(it, dialog)
                assert await violations(it.page, axe) == []
                await it.page.keyboard.press("Escape")
        await it.page.get_by_role("searchbox", name="Search").fill("nightly")
        await it.page.locator(".found .hit").first.wait_for()
        assert await violations(it.page, axe) == []


@pytest.mark.parametrize("way", ["light", "dark"])
async def test_axe_finds_nothing_where_one_signs_in(
    browser: Browser, morning: Scene, axe: str, way: str
) -> None:
    async with tab(browser, morning.here, **WAYS[way]) as it:
        await it.page.goto(f"{morning.here.url}/console/")
        await it.page.get_by_role("heading", name="Sign in").wait_for()
        assert await violations(it.page, axe) == []


async def test_axe_would_find_something(browser: Browser, morning: Scene, axe: str) -> None:
    async with tab(browser, morning.here) as it:
        await it.page.goto(f"{morning.here.url}/console/")
        await it.page.get_by_role("heading", name="Sign in").wait_for()
        await it.page.evaluate("document.querySelector('label').remove()")
        await it.page.evaluate("document.querySelector('h1').style.color = '#eee'")
        found = await violations(it.page, axe)
        assert {line.partition(":")[0] for line in found} >= {"color-contrast", "label"}


@pytest.mark.parametrize("way", WAYS)
async def test_axe_finds_nothing_in_what_is_seldom_seen(
    browser: Browser, morning: Scene, axe: str, way: str
) -> None:
    here, name = morning.here, f"Eve {way}"
    eve = await here.person(name, name)
    async with signed_in(browser, here, eve, **WAYS[way]) as it:
        await it.page.get_by_text("No rooms yet.").wait_for()
        assert await violations(it.page, axe) == []
        await it.page.goto(f"{here.url}/console/#/agents")
        await show_dialog(it, "Register an agent")
        await it.page.get_by_label("Name").fill("Helper")
        await it.page.get_by_label("What it does").fill("Helps")
        await it.page.keyboard.press("Enter")
        await it.page.get_by_role("button", name="Copy key").wait_for()
        assert await violations(it.page, axe) == []
        await it.page.keyboard.press("Escape")
        await it.page.get_by_text("Close without having copied the key?").wait_for()
        assert await violations(it.page, axe) == []
    async with signed_in(browser, here, morning.alice, **WAYS[way]) as it:
        await it.page.get_by_role("searchbox", name="Search").fill("log")
        await it.page.locator(".found mark").first.wait_for()
        assert await violations(it.page, axe) == []
        await it.page.keyboard.press("Escape")
        await it.open_room(TITLE)
        await it.page.locator(".attempts summary").first.click()
        await it.page.locator(".people .tag", has_text="away").first.wait_for(state="attached")
        width = await it.page.evaluate("innerWidth")
        await it.page.set_viewport_size({"width": width, "height": 480})
        await it.page.locator(".timeline").evaluate("all => all.scrollTo(0, 0)")
        await it.page.get_by_role("button", name="Newest messages").wait_for()
        await it.page.evaluate("import('./model.js').then(({ model }) => model.connected('lost'))")
        await it.page.get_by_text("Connection lost.").wait_for()
        assert await violations(it.page, axe) == []


@pytest.mark.parametrize(("width", "height"), [(640, 400), (320, 256)])
async def test_at_a_zoom_of_two_or_four_everything_is_reached_without_scrolling_sideways(
    browser: Browser, morning: Scene, width: int, height: int
) -> None:
    """1280 by 1024 pixels, magnified: WCAG 1.4.4 and 1.4.10."""
    overflow = "document.documentElement.scrollWidth > innerWidth"
    size = {"viewport": {"width": width, "height": height}, "device_scale_factor": 2}
    async with signed_in(browser, morning.here, morning.alice, **size) as it:
        assert not await it.page.evaluate(overflow)
        await expect(it.page.locator(".rooms a").first).to_be_in_viewport()
        await it.open_room(TITLE)
        assert not await it.page.evaluate(overflow)
        await expect(it.page.get_by_role("textbox", name="Message")).to_be_in_viewport(ratio=1)
        await expect(it.page.locator(".entry .body").last).to_be_in_viewport()
        for page in ("agents", "contacts", "memories"):
            await it.page.goto(f"{morning.here.url}/console/#/{page}")
            await it.page.locator(".cards li").first.wait_for()
            assert not await it.page.evaluate(overflow)


@pytest.mark.parametrize(("wish", "running"), [("reduce", 0), ("no-preference", 1)])
async def test_nothing_moves_for_whoever_does_not_want_it_to(
    browser: Browser, morning: Scene, wish: str, running: int
) -> None:
    async with signed_in(browser, morning.here, morning.alice, reduced_motion=wish) as it:
        await it.open_room(TITLE)
        await it.page.locator(".deliveries .processing").first.wait_for()
        assert await it.page.evaluate("document.getAnimations().length") == running
