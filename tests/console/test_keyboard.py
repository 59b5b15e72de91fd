"""The whole walk without a pointer: sign in, open a room, bring somebody in, write, read, look up, leave."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console.browser import link_for, tab
from tests.console.conftest import Street
from thenvoi_bridge.contract.chats import ListMyChats
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.messages import ListMessages
from thenvoi_bridge.contract.participants import AddMyParticipant

pytestmark = pytest.mark.thorough

FOCUSED = """() => {
  const at = document.activeElement;
  if (at === document.body) return ["", true]; // on the way round
  const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.innerText ?? "";
  const ring = getComputedStyle(at);
  return [name.trim(), ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2];
}"""


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Go on until something of this name has the focus; everything on the way shows that it has it."""
    passed = []
    for _ in range(40):
        await page.keyboard.press(key)
        here, is_ringed = await page.evaluate(FOCUSED)
        passed.append(here)
        assert is_ringed or not here, f"{here} does not show that it has the focus"
        if here.startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached: {passed}")


async def test_everything_is_done_with_keys_alone(browser: Browser, street: Street) -> None:
    here, scout = street.here, street.scout
    async with tab(browser, here) as it:
        page = it.page
        await page.goto(f"{here.url}/console/")
        await page.get_by_label("Sign-in link").wait_for()
        await page.keyboard.insert_text(await link_for(here, street.alice))  # the field has the focus
        await press(page, "Enter")
        await page.locator(".status.live").wait_for()

        await press(page, "n")
        await page.get_by_role("dialog", name="New room").wait_for()
        await tab_to(page, "SScout")
        await press(page, "Space")
        await tab_to(page, "Open the room")
        await press(page, "Enter")
        await page.get_by_role("heading", name="New chat").wait_for()
        await page.locator(".people li").nth(1).wait_for()

        await press(page, "m")
        await page.keyboard.type("@sc")
        await page.get_by_role("option", name="Scout").wait_for()
        active = await page.get_by_role("textbox", name="Message").get_attribute("aria-activedescendant")
        assert active == await page.get_by_role("option").get_attribute("id")
        await press(page, "Tab")
        await page.keyboard.type("look at this,")
        await press(page, "Shift+Enter")
        await page.keyboard.type("please")
        await press(page, "Enter")
        await it.shows("look at this,\nplease")

        (room,) = (await street.alice.call(ListMyChats())).data
        (asked,) = (await scout.call(ListMessages(chat_id=room.id))).data
        assert asked.readable == f"@{scout.handle} look at this,\nplease"
        await scout.call(SendEvent(chat_id=room.id, content="I look.", message_type="thought"))
        await page.locator(".entry.event").wait_for()
        await tab_to(page, "Thought", "Shift+Tab")
        await press(page, "Enter")
        await expect(page.locator(".entry.event pre")).to_be_visible()

        await tab_to(page, "Add somebody")
        await press(page, "Enter")
        await page.get_by_role("dialog", name="Add to this room").wait_for()
        await tab_to(page, "BRBob Roe")
        await press(page, "Space")
        await tab_to(page, "Add")
        await press(page, "Enter")
        await expect(page.locator(".people li")).to_have_count(3)
        await tab_to(page, "Remove Bob Roe", "Shift+Tab")
        await press(page, "Enter")
        await page.get_by_role("dialog", name="Remove Bob Roe?").wait_for()
        await tab_to(page, "Remove")
        await press(page, "Enter")
        await expect(page.locator(".people li")).to_have_count(2)

        await page.evaluate("document.activeElement.blur()")
        await press(page, "/")
        await page.keyboard.type("please")
        await page.locator(".found .hit").wait_for()
        await press(page, "ArrowDown", "Enter")
        await page.locator(".entry.wanted").wait_for()

        await tab_to(page, "Theme: system", "Shift+Tab")
        await press(page, "Enter", "Enter")
        assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        await page.reload()
        await page.locator(".status.live").wait_for()
        assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        await tab_to(page, "Sign out")
        await press(page, "Enter")
        await page.get_by_role("heading", name="Sign in").wait_for()


async def test_keys_of_one_letter_are_told_of_and_can_be_switched_off(
    browser: Browser, street: Street
) -> None:
    await street.here.room(street.alice, street.bob)
    await street.here.room(street.alice, street.scout)
    async with tab(browser, street.here) as it:
        page = it.page
        await page.goto(await link_for(street.here, street.alice))
        await page.locator(".status.live").wait_for()
        await press(page, "j")
        first = await page.evaluate("location.hash")
        await press(page, "j")
        await page.wait_for_function("first => location.hash !== first", arg=first)
        await press(page, "k")
        await page.wait_for_function("first => location.hash === first", arg=first)
        await press(page, "?")
        await page.get_by_role("dialog", name="Keys").wait_for()
        await tab_to(page, "Keys of one letter work")
        await press(page, "Space", "Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await press(page, "n", "?")
        await page.evaluate("new Promise(requestAnimationFrame)")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert [url for url in it.seen.addresses if "/me/peers?page" in url] == []


async def test_the_first_key_skips_to_the_main_part(browser: Browser, street: Street) -> None:
    async with tab(browser, street.here) as it:
        await it.page.goto(await link_for(street.here, street.alice))
        await it.page.locator(".status.live").wait_for()
        await tab_to(it.page, "Skip to the main part")
        await press(it.page, "Enter")
        assert await it.page.evaluate("document.activeElement.id") == "main"


async def test_on_a_narrow_screen_people_stand_over_the_messages_until_esc(
    browser: Browser, street: Street
) -> None:
    await street.here.room(street.alice, street.scout)
    async with tab(browser, street.here, viewport={"width": 390, "height": 780}) as it:
        page = it.page
        await page.goto(await link_for(street.here, street.alice))
        await it.open_room("New chat")
        await expect(page.locator("#people")).to_be_hidden()
        await tab_to(page, "Who is in this room")
        await press(page, "Enter")
        await expect(page.locator("#people")).to_be_visible()
        await press(page, "Escape")
        await expect(page.locator("#people")).to_be_hidden()
        assert (await page.evaluate(FOCUSED))[0] == "Who is in this room"
        await tab_to(page, "All rooms", "Shift+Tab")
        await press(page, "Enter")
        await expect(page.locator(".side")).to_be_visible()


async def test_whoever_stands_in_a_list_stands_there_when_it_is_drawn_anew(
    browser: Browser, street: Street
) -> None:
    room = await street.here.room(street.alice, street.bob)
    async with tab(browser, street.here) as it:
        page = it.page
        await page.goto(await link_for(street.here, street.alice))
        await it.open_room("New chat")
        await page.locator(".people li").nth(1).wait_for()
        await tab_to(page, "Remove Bob Roe", "Shift+Tab")
        await street.alice.call(AddMyParticipant(chat_id=room.id, participant_id=street.scout.id))
        await page.locator(".people li").nth(2).wait_for()
        assert (await page.evaluate(FOCUSED))[0] == "Remove Bob Roe"
