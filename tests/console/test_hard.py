"""What is hard to show: scripts that run the other way, long names, many colours, failures, absence."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.bridge.desk import live
from tests.console.browser import link_for, signed_in, tab
from tests.console.conftest import Street
from tests.console.test_keyboard import press, tab_to
from tests.home import opened
from tests.world import say
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessing
from thenvoi_bridge.platform.administration import administer, list_keys, revoke_key

pytestmark = pytest.mark.thorough

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
OVERFLOW = "document.documentElement.scrollWidth > innerWidth"
SIDES = """body => {
  const range = document.createRange();
  range.selectNodeContents(body);
  const text = range.getBoundingClientRect(), box = body.getBoundingClientRect();
  return [text.left - box.left < 1, box.right - text.right < 1];
}"""
"""Whether a text stands at the left side of its box, and at the right."""


async def test_each_text_runs_the_way_its_letters_do(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob)
    for text in ("مرحبا كيف حالك", "שלום עולם", "hello"):
        await say(street.bob, room, street.alice, text)
        await say(street.bob, room, street.alice, f"{text} @{street.alice.handle} {text}")
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.goto(f"{street.here.url}/console/#/rooms/{room.id}")
        bodies = it.page.locator(".entry .body")
        await expect(bodies).to_have_count(6)
        sides = [await body.evaluate(SIDES) for body in await bodies.all()]
        # The platform puts a mention that is not written in front of the text.
        assert sides[1] == sides[3] == [False, True]
        assert sides[4] == sides[5] == [True, False]


@pytest.mark.parametrize("width", [1280, 320])
async def test_long_words_and_names_stay_in_their_place(browser: Browser, street: Street, width: int) -> None:
    long = await street.here.person(f"Wolf {WORD}")
    room = await street.here.room(street.alice, long, street.bob)
    await say(long, room, street.alice, WORD * 5)
    async with signed_in(browser, street.here, street.alice, viewport={"width": width, "height": 640}) as it:
        await it.open_room(WORD[:20])
        await it.shows(WORD)
        assert not await it.page.evaluate(OVERFLOW)
        line = await it.page.locator(".byline").bounding_box()
        assert line
        assert line["height"] < 30  # the name is cut off, the time beside it is not
        await expect(it.page.locator(".byline time")).to_be_in_viewport(ratio=1)


COLOURS = """() => [...document.querySelectorAll(".people .avatar")].map(
    one => getComputedStyle(one).backgroundColor
)"""
"""Found and looked at in one step, for the list may be drawn anew in between."""


async def test_nobody_in_a_room_has_the_colour_of_another_and_everybody_keeps_theirs(
    browser: Browser, street: Street
) -> None:
    agents = [await street.here.agent(street.alice, f"Agent {n}") for n in range(10)]
    room = await street.here.room(street.alice, street.bob, *agents)
    async with signed_in(browser, street.here, street.alice) as it:
        people = it.page.locator(".people .avatar")
        seen = []
        for _ in range(2):
            await it.page.goto(f"{street.here.url}/console/#/rooms/{room.id}")
            await expect(people).to_have_count(12)
            seen.append(await it.page.evaluate(COLOURS))
            await it.page.reload()
        assert seen[0] == seen[1]
        assert len(set(seen[0])) == 12


async def test_every_attempt_at_a_message_is_told_and_stays_open_while_it_goes_on(
    browser: Browser, street: Street
) -> None:
    scout = street.scout
    room = await street.here.room(street.alice, street.bob, scout)
    message = await say(street.alice, room, scout, "please look")
    async with signed_in(browser, street.here, street.alice) as it:
        await it.open_room("please look")
        for why in ("the disk is full", "timeout", "exit 1"):
            await scout.call(MarkProcessing(chat_id=room.id, message_id=message.id))
            await scout.call(MarkFailed(chat_id=room.id, message_id=message.id, error=why))
        await it.page.locator(".deliveries .why", has_text="exit 1").first.wait_for()
        await tab_to(it.page, "Messages")
        await tab_to(it.page, "All attempts")
        await press(it.page, "Enter")
        tries = it.page.locator(".attempts li")
        await expect(tries).to_have_count(3)
        await expect(tries.first).to_contain_text("failedthe disk is full")
        await scout.call(MarkProcessing(chat_id=room.id, message_id=message.id))
        await expect(tries).to_have_count(4)
        await expect(it.page.get_by_text("All attempts")).to_be_focused()
        await expect(tries.last).to_contain_text("processing")


async def test_an_agent_that_is_not_connected_is_shown_to_be_away(
    browser: Browser, street: Street, tmp_path: Path
) -> None:
    room = await street.here.room(street.alice, street.scout)
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.goto(f"{street.here.url}/console/#/rooms/{room.id}")
        agent = it.page.locator(".people li", has_text="Scout")
        await expect(agent.locator(".tag")).to_have_text("away")
        await it.page.get_by_text("away, is told when it is back").wait_for()
        async with live(street.here, street.scout, tmp_path):
            await it.page.evaluate("import('./model.js').then(({ model }) => model.loadOnline())")
            await expect(agent.locator(".tag")).to_have_count(0)
            await expect(it.page.locator("#to")).to_have_text("To Scout")


async def test_a_lost_connection_is_said_in_the_room_and_its_return_takes_that_away(
    browser: Browser, street: Street
) -> None:
    here = street.here
    await here.room(street.alice, street.bob)
    async with signed_in(browser, here, street.alice, viewport={"width": 390, "height": 780}) as it:
        await it.open_room("New chat")
        await here.stop()
        lost = it.page.get_by_text("Connection lost. Trying to get it back…")
        await lost.wait_for()
        await it.types("are you there?")
        await it.page.get_by_text("The platform cannot be reached. Is it running?").wait_for()
        await expect(it.page.get_by_role("textbox", name="Message")).to_have_value("are you there?")
        await here.start()
        await expect(lost).to_be_hidden()
        await it.page.keyboard.press("Enter")
        await it.shows("are you there?")
        await expect(it.page.locator(".entry")).to_have_count(1)
        it.seen.wrong.clear()  # the browser says of each attempt that nobody answered


async def test_a_draft_outlasts_a_session_that_ends_and_leads_back_to_its_room(
    browser: Browser, street: Street
) -> None:
    here = street.here
    await here.room(street.alice, street.bob)
    async with signed_in(browser, here, street.alice) as it:
        await it.open_room("New chat")
        await it.page.get_by_role("textbox", name="Message").fill("half a thou")
        async with opened(here.folder) as (db, keys):
            listed = await administer(db, keys, partial(list_keys, who=street.alice.handle))
            (session,) = [key["id"] for key in listed if key["label"] == "console"]
            await administer(db, keys, partial(revoke_key, id=session))
        await it.page.get_by_text("Your session has ended.").wait_for()
        await it.page.get_by_label("Sign-in link").fill(await link_for(here, street.alice))
        await it.page.keyboard.press("Enter")
        await expect(it.page.get_by_role("textbox", name="Message")).to_have_value("half a thou")
        await it.page.get_by_role("button", name="Sign out").click()
        await it.page.get_by_role("heading", name="Sign in").wait_for()
        assert await it.page.evaluate("sessionStorage.length") == 0
        it.seen.wrong.clear()  # the browser tells of a socket that was refused


async def test_whoever_is_new_is_told_what_to_do_first(browser: Browser, street: Street) -> None:
    eve = await street.here.person("Eve New", "Other")
    async with tab(browser, street.here, viewport={"width": 390, "height": 780}) as it:
        await it.page.goto(await link_for(street.here, eve))
        await it.page.get_by_role("button", name="Open one").click()
        await it.page.get_by_text("There is nobody else to add.").wait_for()
    async with signed_in(browser, street.here, eve) as it:
        await it.page.get_by_role("heading", name="Welcome").wait_for()
        await it.page.get_by_role("main").get_by_role("button", name="Register an agent").click()
        await it.page.get_by_label("Name").fill("Helper")
        await it.page.get_by_label("What it does").fill("Helps")
        await it.page.keyboard.press("Enter")
        await it.page.get_by_role("dialog", name="Helper is registered").wait_for()
        await street.here.room(eve)
        await it.page.get_by_text("Choose a room, or open a new one.").wait_for()
