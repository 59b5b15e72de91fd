"""Debian's Chromium, driven by Playwright: what people do in the console, and what their pages do besides."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    WebSocket,
    async_playwright,
)

from tests.home import opened
from tests.world import Somebody, World
from thenvoi_bridge.platform.administration import administer
from thenvoi_bridge.platform.console.signing_in import make_link

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Chromium as root, and without asking anybody for updates."""

MISSING = (
    "The console's tests drive Chromium, and there is none: `apt-get install chromium`, then run them again."
)
REFUSAL = "Failed to load resource: the server responded with a status of"
"""What Chromium writes into its console about an answer of 400 or more; the page deals with those."""

PATIENCE = 10_000.0
"""Milliseconds a page has for anything."""


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """A browser. Where there is none, that is an error and no reason to pass over anything."""
    path = shutil.which("chromium")
    assert path, MISSING
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*QUIET])
        yield browser
        await browser.close()


@dataclass
class Seen:
    """What a page did besides what it was asked to: addresses it spoke to, and what went wrong in it."""

    origin: str
    elsewhere: list[str] = field(default_factory=list[str])
    addresses: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])

    def address(self, url: str) -> None:
        self.addresses.append(url)
        if urlsplit(url).netloc != urlsplit(self.origin).netloc:
            self.elsewhere.append(url)


@dataclass(frozen=True)
class Tab:
    """Somebody's page."""

    page: Page
    seen: Seen

    async def open_room(self, title: str) -> None:
        """Go into a room by its link, and wait until what was said there is shown."""
        await self.page.get_by_role("link", name=title).first.click()
        await self.page.locator(".entry, .timeline .empty").first.wait_for()

    async def types(self, text: str) -> None:
        """Write a message and send it."""
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.page.keyboard.press("Enter")

    async def shows(self, text: str) -> None:
        """Wait until a message with this text is in the room."""
        await self.page.locator(".entry .body", has_text=text).first.wait_for()

    async def state(self, text: str, state: str) -> str:
        """Wait until the mention in the message with this text is that far, and return all it says."""
        entry = self.page.locator(".entry", has_text=text)
        shown = entry.locator(f".deliveries [data-state={state}]")
        await shown.wait_for()
        return " ".join((await shown.inner_text()).split())


async def link_for(here: World, who: Somebody) -> str:
    """A link that signs somebody in."""
    async with opened(here.folder) as (db, keys):
        made = await administer(db, keys, partial(make_link, who=who.handle, url=here.url))
    return str(made["link"])


@asynccontextmanager
async def tab(browser: Browser, here: World, **context: Any) -> AsyncGenerator[Tab]:
    """An empty page of a browser of its own. At the end nothing has gone wrong in it."""
    settings = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", "locale": "en-GB"}
    async with await browser.new_context(**{**settings, **context}) as kept:
        page = await kept.new_page()
        page.set_default_timeout(PATIENCE)
        seen = Seen(here.url)
        _watch(page, seen)
        yield Tab(page, seen)
        assert not seen.elsewhere + seen.wrong, seen.elsewhere + seen.wrong


@asynccontextmanager
async def signed_in(browser: Browser, here: World, who: Somebody, **context: Any) -> AsyncGenerator[Tab]:
    """Somebody's page, connected."""
    async with tab(browser, here, **context) as it:
        await it.page.goto(await link_for(here, who))
        await it.page.locator(".status.live").wait_for(state="attached")
        yield it


def _watch(page: Page, seen: Seen) -> None:
    def requested(request: Request) -> None:
        seen.address(request.url)

    def connected(socket: WebSocket) -> None:
        seen.address(socket.url.replace("ws", "http", 1))

    def logged(line: ConsoleMessage) -> None:
        if line.type == "error" and not line.text.startswith(REFUSAL):
            seen.wrong.append(f"console: {line.text}")

    def asked(dialog: Dialog) -> None:
        seen.wrong.append(f"dialog: {dialog.message}")

    def failed(error: Error) -> None:
        seen.wrong.append(f"error: {error}")

    page.on("request", requested)
    page.on("websocket", connected)
    page.on("console", logged)
    page.on("dialog", asked)
    page.on("pageerror", failed)
