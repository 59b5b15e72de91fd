"""More rooms and messages than anybody looks at: each is found, and the page asks no more than it must."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import anyio
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.console.browser import Seen, signed_in
from tests.console.conftest import Street
from tests.console.crowd import fill, open_rooms
from tests.console.test_keyboard import press, tab_to
from tests.world import say
from thenvoi_bridge.contract.chats import ChatRoom, GetMyChat, ListMyChats

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(120)]

ROOMS = 1500
LONG = 2500


def asked(seen: Seen, what: str) -> int:
    """How many requests the page has made for messages, or for participants."""
    return sum(urlsplit(url).path.endswith(f"/{what}") for url in seen.addresses)


async def listed(page: Page) -> None:
    """Wait until the page knows every room."""
    await expect(page.get_by_text("Listing your rooms…")).to_have_count(0)


async def search(page: Page, words: str) -> None:
    await page.get_by_role("searchbox", name="Search").fill(words)


async def long_room(street: Street) -> ChatRoom:
    room = await street.here.room(street.alice, street.bob)
    texts = (f"number {n} of apples and {'pears' if n == 17 else 'plums'}." for n in range(LONG))
    await fill(street.here, room.id, street.bob, street.alice, texts)
    return room


async def test_each_of_very_many_rooms_is_listed_found_live_and_reached_by_its_address(
    browser: Browser, street: Street
) -> None:
    here, alice, bob = street.here, street.alice, street.bob
    ids = await open_rooms(here, alice, bob, (f"Plan {n}." for n in range(ROOMS)))
    async with signed_in(browser, here, alice) as it:
        page, links = it.page, it.page.locator(".rooms a")
        await listed(page)
        await expect(links).to_have_count(100)
        for count in (200, 300):
            await page.locator(".rooms").evaluate("list => list.scrollTo(0, list.scrollHeight)")
            await expect(links).to_have_count(count)

        last = (await alice.call(ListMyChats(page=ROOMS // 100, page_size=100))).data[-1]
        assert last.title
        await search(page, last.title.lower())
        found = page.locator(".found a.place")
        await expect(found.first).to_have_text(last.title)
        await search(page, "plan")
        await page.get_by_text(f"Rooms (the first 50 of {ROOMS:,})").wait_for()
        await page.get_by_role("button", name="Show more").click()
        await expect(found).to_have_count(100)
        await expect(found.nth(50)).to_be_focused()
        await search(page, last.title.lower())
        await expect(found.first).to_have_text(last.title)
        await found.first.click()
        await it.shows(last.title)
        await expect(page.locator(".rooms [aria-current]")).to_have_text(re.compile(last.title))
        await expect(page.locator(".rooms [aria-current]")).to_be_in_viewport()

        await say(bob, await alice.call(GetMyChat(chat_id=ids[7])), alice, "seven is awake")
        await expect(links.first).to_have_text(re.compile("Plan 7."))
        await expect(links.first.locator(".badge.mine")).to_have_text("1 unread")

        await page.goto(f"{here.url}/console/#/rooms/{last.id}")
        await page.reload()
        await it.shows(last.title)
        await listed(page)
        await page.get_by_role("heading", name=last.title, exact=True).wait_for()


async def test_search_finds_the_oldest_message_of_a_long_room_and_shows_it_among_its_neighbours(
    browser: Browser, street: Street
) -> None:
    await long_room(street)
    async with signed_in(browser, street.here, street.alice) as it:
        page, entries = it.page, it.page.locator(".entry")
        await it.open_room("number 0")
        await search(page, "PEARS apples")
        hit = page.locator(".found .hit")
        await expect(hit).to_contain_text("number 17 of")
        assert await hit.locator("mark").all_inner_texts() == ["apples", "pears"]
        await page.get_by_text(f"All {LONG:,} messages looked through.", exact=True).wait_for()
        await expect(page.locator(".found").get_by_role("button")).to_have_count(0)
        assert asked(it.seen, "messages") <= LONG / 100 + 3
        await expect(entries).to_have_count(50)  # what was looked through is not drawn

        await hit.click()
        wanted = page.locator(".entry.wanted")
        await expect(wanted).to_contain_text("number 17 of")
        await expect(wanted).to_be_in_viewport()
        assert await entries.count() < 60
        before = await entries.count()
        await page.get_by_role("button", name="Later messages").click()
        await expect(entries).to_have_count(before + 50)
        await page.get_by_role("button", name="Newest messages").click()
        await expect(entries.last).to_contain_text(f"number {LONG - 1} of")
        await expect(entries.last).to_be_in_viewport()
        await it.types("and one of mine")
        await it.shows("and one of mine")


async def test_the_address_of_an_old_message_leads_to_it(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob)
    message = await say(street.bob, room, street.alice, "the first word")
    await fill(street.here, room.id, street.bob, street.alice, (f"number {n}." for n in range(250)))
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.goto(f"{street.here.url}/console/#/rooms/{room.id}/{message.id}")
        await expect(it.page.locator(".entry.wanted")).to_contain_text("the first word")
        await expect(it.page.locator(".entry.wanted")).to_be_in_viewport()
        await it.page.goto(f"{street.here.url}/console/#/rooms/{room.id}/{room.id}")
        await it.page.get_by_text("That message is not here.").wait_for()
        await it.page.goto(f"{street.here.url}/console/#/rooms/{message.id}")
        await it.page.get_by_text("You are not in this room.").wait_for()


async def test_a_search_stops_when_it_is_told_to_and_goes_on_from_there(
    browser: Browser, street: Street
) -> None:
    await long_room(street)
    held = anyio.Event()

    async def hold(_: Route) -> None:
        held.set()

    async with signed_in(browser, street.here, street.alice) as it:
        page = it.page
        await it.open_room("number 0")
        await page.route("**/messages?page=3&page_size=100", hold)
        await search(page, "pears")
        await held.wait()
        async with page.expect_event("requestfailed"):  # nobody waits for what is not wanted any more
            await tab_to(page, "Stop")
            await press(page, "Enter")
        further = page.get_by_role("button", name="Search further")
        await expect(further).to_be_focused()
        await expect(page.locator(".looking .help")).to_have_text(
            "200 messages in 1 of 1 rooms looked through."
        )
        assert asked(it.seen, "messages") < 8
        await page.unroute_all()
        await press(page, "Enter")
        await expect(page.locator(".found .hit")).to_contain_text("number 17 of")


async def test_another_word_ends_the_search_for_the_one_before_and_esc_ends_all(
    browser: Browser, street: Street
) -> None:
    await long_room(street)
    async with signed_in(browser, street.here, street.alice) as it:
        page = it.page
        await search(page, "pears")
        await search(page, "pears nowhere")
        await page.get_by_text("Nothing found.", exact=True).wait_for()
        await search(page, "pears")
        await page.locator(".found .hit").wait_for()
        count = asked(it.seen, "messages")
        assert count <= LONG / 100 + 3  # nothing is read twice
        await page.keyboard.press("Escape")
        await expect(page.locator(".found")).to_be_hidden()
        await expect(page.locator(".rooms a")).to_have_count(1)


async def test_a_search_asks_for_so_much_at_once_and_for_more_when_it_is_told_to(
    browser: Browser, street: Street
) -> None:
    await open_rooms(street.here, street.alice, street.bob, (f"Plan {n}." for n in range(120)))
    async with signed_in(browser, street.here, street.alice) as it:
        await listed(it.page)
        await search(it.page, "not there")
        further = it.page.get_by_role("button", name="Search further")
        await further.wait_for()
        assert asked(it.seen, "messages") + asked(it.seen, "participants") == 100
        await it.page.get_by_text("Nothing found so far.").wait_for()
        await further.click()
        await expect(it.page.locator(".looking").get_by_role("button")).to_have_text("Search further")
        await it.page.locator(".looking .help", has_text="100 messages in 100 of 120 rooms").wait_for()
        await further.click()
        await it.page.get_by_text("All 120 messages looked through.", exact=True).wait_for()


async def test_a_room_is_found_by_who_is_in_it(browser: Browser, street: Street) -> None:
    carol = await street.here.person("Carol Poe")
    for member, text in ((street.bob, "Harbour"), (carol, "Orchard")):
        await say(street.alice, await street.here.room(street.alice, member), member, text)
    async with signed_in(browser, street.here, street.alice) as it:
        await search(it.page, "carol")
        await expect(it.page.locator(".found a.place")).to_have_text("Orchardwith Carol Poe")
        await it.page.keyboard.press("Enter")
        await it.shows("Orchard")


async def test_whoever_watches_a_busy_room_gathers_no_end_of_it(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob)
    async with signed_in(browser, street.here, street.alice) as it:
        await it.open_room("New chat")
        await fill(street.here, room.id, street.bob, street.alice, (f"number {n}." for n in range(350)))
        await it.shows("number 349.")
        assert await it.page.locator(".entry").count() <= 300
        await expect(it.page.locator(".entry").last).to_be_in_viewport()
        await it.page.get_by_role("button", name="Earlier messages").wait_for()
        news = it.page.locator("#polite p")
        await expect(news.last).to_have_text(re.compile(r"^\d+ new messages$"))  # and not each of them
        assert await news.count() < 10


async def test_rooms_in_which_something_was_said_while_nobody_heard_are_marked(
    browser: Browser, street: Street
) -> None:
    here, alice, bob = street.here, street.alice, street.bob
    loud, *_ = await open_rooms(here, alice, bob, ("Loud room", "Quiet room"))
    async with signed_in(browser, here, alice) as it:
        await listed(it.page)
        await here.stop()
        await it.page.locator(".status.lost").wait_for()
        await fill(here, loud, bob, alice, ("one", "two"))
        await here.start()
        marked = it.page.locator(".rooms a", has=it.page.locator(".missed"))
        await expect(marked).to_have_text("Loud roomnews")
        await marked.click()
        await it.shows("two")
        await expect(marked).to_have_count(0)
        it.seen.wrong.clear()  # the browser says of each attempt that nobody answered
