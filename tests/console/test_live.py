"""Two people and an agent in one room, live: each sees what the others do, and how far the agent has come."""

from __future__ import annotations

import anyio
import pytest
from playwright.async_api import Browser, expect

from tests.console.browser import signed_in
from tests.console.conftest import Street
from tests.console.crowd import fill
from tests.world import say
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessed, MarkProcessing
from thenvoi_bridge.contract.messages import ListMessages, Mention, SendMessage, SendMyMessage
from thenvoi_bridge.contract.participants import RemoveMyParticipant

pytestmark = pytest.mark.thorough


async def test_two_people_and_an_agent_talk_and_everybody_sees_it(browser: Browser, street: Street) -> None:
    here, scout = street.here, street.scout
    async with signed_in(browser, here, street.alice) as alice, signed_in(browser, here, street.bob) as bob:
        room = (await here.room(street.alice, street.bob, scout)).id
        await alice.open_room("New chat")
        await bob.open_room("New chat")  # it has come to him by itself
        await alice.types(f"@{scout.handle} is the build green?")
        await bob.shows("is the build green?")
        assert await bob.page.locator(".mention").inner_text() == "@Scout"
        await bob.page.get_by_role("heading", name="is the build green?").wait_for()  # it has a title now
        await expect(bob.page).to_have_title(f"@{scout.handle} is the build green? · Thenvoi")
        (asked,) = (await scout.call(ListMessages(chat_id=room))).data
        for one in (alice, bob):
            assert await one.state("is the build green?", "waiting") == "Scout waiting"

        await scout.call(MarkProcessing(chat_id=room, message_id=asked.id))
        for one in (alice, bob):
            assert await one.state("is the build green?", "processing") == "Scout processing, attempt 1"
        await scout.call(MarkFailed(chat_id=room, message_id=asked.id, error="the runner is asleep"))
        assert await alice.state("is the build green?", "failed") == "Scout failed the runner is asleep"
        await scout.call(MarkProcessing(chat_id=room, message_id=asked.id))
        again = await bob.state("is the build green?", "processing")
        assert again == "Scout processing, attempt 2 All attempts"

        call = '{"name": "get_build", "arguments": {"branch": "main"}}'
        await scout.call(SendEvent(chat_id=room, content=call, message_type="tool_call"))
        result = '{"output": "green"}'
        await scout.call(SendEvent(chat_id=room, content=result, message_type="tool_result"))
        await scout.call(SendEvent(chat_id=room, content="It is green.", message_type="thought"))
        await scout.call(SendEvent(chat_id=room, content="No log", message_type="error"))
        for one in (alice, bob):
            events = one.page.locator(".entry.event details")
            await expect(events).to_have_count(4)
            assert await events.nth(0).locator("summary .title").inner_text() == 'get_build {"branch":"main"}'
            kinds = [await events.nth(n).get_attribute("class") for n in range(4)]
            assert kinds == ["tool_call", "tool_result", "thought", "error"]
            assert await one.page.locator(".entry.event pre:visible").count() == 0  # folded
        await bob.page.get_by_text("Tool call").click()
        assert '"branch": "main"' in await bob.page.locator(".entry.event pre:visible").inner_text()

        answer = SendMessage(
            chat_id=room, content="@Alice Doe, it is.", mentions=[Mention(id=street.alice.id)]
        )
        await scout.call(answer)
        await scout.call(MarkProcessed(chat_id=room, message_id=asked.id))
        for one in (alice, bob):
            done = await one.state("is the build green?", "processed")
            assert done == "Scout processed, attempt 2 All attempts"
            await one.shows(", it is.")
        assert await alice.page.locator(".mention.me").inner_text() == "@Alice Doe"
        await expect(alice.page.locator("#polite")).to_contain_text("Scout: @Alice Doe, it is.")


async def test_unread_messages_are_counted_and_mentions_of_me_stand_out(
    browser: Browser, street: Street
) -> None:
    room = (await street.here.room(street.alice, street.bob)).id
    async with (
        signed_in(browser, street.here, street.alice) as alice,
        signed_in(browser, street.here, street.bob) as bob,
    ):
        await bob.open_room("New chat")
        await bob.types("good morning")  # to the only other one there is
        badge = alice.page.locator(".rooms .badge.mine")
        await expect(badge).to_have_text("1 unread")
        assert await alice.page.title() == "(1) Rooms · Thenvoi"
        await alice.open_room("good morning")
        await expect(badge).to_have_count(0)
        assert await alice.page.title() == "good morning · Thenvoi"
        await street.alice.call(RemoveMyParticipant(chat_id=room, participant_id=street.bob.id))
        await bob.page.get_by_text("You are no longer in this room.").wait_for()
        await expect(bob.page.locator(".rooms a")).to_have_count(0)


async def test_an_old_message_that_moves_on_is_no_news(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob, street.scout)
    message = await say(street.bob, room, street.scout, "please look")
    async with signed_in(browser, street.here, street.alice) as alice:
        await street.scout.call(MarkProcessing(chat_id=room.id, message_id=message.id))
        await say(street.bob, room, street.alice, "are you there?")
        await expect(alice.page.locator(".rooms .badge.mine")).to_have_text("1 unread")
        await alice.open_room("please look")
        assert await alice.state("please look", "processing") == "Scout processing, attempt 1"


async def test_where_more_was_missed_than_a_page_nothing_is_left_out(
    browser: Browser, street: Street
) -> None:
    here = street.here
    room = await here.room(street.alice, street.bob)
    await say(street.bob, room, street.alice, "number 0.")
    async with signed_in(browser, here, street.alice) as alice:
        await alice.open_room("number 0.")
        await here.stop()
        await alice.page.locator(".status.lost").wait_for()
        await fill(here, room.id, street.bob, street.alice, (f"number {n}." for n in range(1, 61)))
        await here.start()
        await alice.page.locator(".status.live").wait_for()
        await alice.shows("number 60.")
        await expect(alice.page.locator(".entry").first).to_contain_text("number 11.")
        await alice.page.get_by_role("button", name="Earlier messages").click()
        await alice.shows("number 0.")
        shown = await alice.page.locator(".entry .body").all_inner_texts()
        assert [text.split("number ")[1] for text in shown] == [f"{n}." for n in range(61)]
        alice.seen.wrong.clear()  # the browser says of each attempt that nobody answered


async def test_a_text_that_mentions_nobody_is_not_sent(browser: Browser, street: Street) -> None:
    await street.here.room(street.alice, street.bob, street.scout)
    async with signed_in(browser, street.here, street.alice) as alice:
        await alice.open_room("New chat")
        await alice.types("hello?")
        await alice.page.get_by_text("Mention somebody with @ first").wait_for()
        assert await alice.page.get_by_role("textbox", name="Message").input_value() == "hello?"
        await expect(alice.page.locator(".entry")).to_have_count(0)


async def test_what_was_missed_while_the_platform_was_away_is_there_when_it_is_back(
    browser: Browser, street: Street
) -> None:
    here = street.here
    room = (await here.room(street.alice, street.bob)).id
    async with signed_in(browser, here, street.alice) as alice:
        await alice.open_room("New chat")
        await here.stop()
        await alice.page.locator(".status.lost").wait_for()
        await here.start()
        mention = [Mention(id=street.alice.id)]
        await street.bob.call(SendMyMessage(chat_id=room, content="while you were away", mentions=mention))
        await alice.shows("while you were away")
        await alice.page.locator(".status.live").wait_for()
        alice.seen.wrong.clear()  # the browser says of each attempt that nobody answered


async def test_older_messages_come_when_they_are_asked_for(browser: Browser, street: Street) -> None:
    room = (await street.here.room(street.alice, street.bob)).id
    mention = [Mention(id=street.bob.id)]
    async with anyio.create_task_group() as tasks:
        for n in range(130):
            message = SendMyMessage(chat_id=room, content=f"number {n}.", mentions=mention)
            tasks.start_soon(street.alice.call, message)
    async with signed_in(browser, street.here, street.alice) as alice:
        await alice.page.locator(".rooms a").click()
        entries = alice.page.locator(".entry")
        await expect(entries).to_have_count(50)
        for count in (100, 130):
            await alice.page.get_by_role("button", name="Earlier messages").click()
            await expect(entries).to_have_count(count)
        await expect(alice.page.get_by_role("button", name="Earlier messages")).to_be_hidden()
        shown = [text.split("number ")[1] for text in await entries.locator(".body").all_inner_texts()]
        assert sorted(shown) == sorted(f"{n}." for n in range(130))
