"""Everybody can use the console: axe finds nothing, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.async_api import Browser

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
