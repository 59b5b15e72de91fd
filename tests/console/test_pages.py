"""What people do besides talking: agents and their keys, contacts, memories, search."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters
from playwright.async_api import Browser, expect

from tests.console.browser import signed_in
from tests.console.conftest import Street
from tests.world import connected, say
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.agents import ListMyAgents
from thenvoi_bridge.contract.contacts import AddMyContact, ListMyContacts
from thenvoi_bridge.contract.identity import GetMe
from thenvoi_bridge.contract.memories import ListMyMemories, StoreMemory

pytestmark = pytest.mark.thorough


async def test_an_agent_is_registered_its_configuration_works_and_its_key_is_gone(
    browser: Browser, street: Street, tmp_path: Path
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    async with signed_in(browser, street.here, street.alice, permissions=permissions) as it:
        page = it.page
        await page.get_by_role("link", name="Agents").click()
        await page.get_by_role("button", name="Register an agent").click()
        await page.get_by_label("Name").fill("Reviewer")
        await page.get_by_label("What it does").fill("Reads patches")
        await page.keyboard.press("Enter")
        shown = page.get_by_role("dialog", name="Reviewer is registered")
        await shown.wait_for()
        for _ in range(2):  # a key that nobody has copied does not go by mistake
            await page.keyboard.press("Escape")
            await page.get_by_text("Close without having copied the key?").wait_for()
            await page.get_by_role("button", name="Cancel").click()
            await expect(page.locator("dialog")).to_have_count(1)
        await page.get_by_role("button", name="Copy host configuration").click()
        await page.get_by_role("button", name="Copied").wait_for()
        config = json.loads(await page.evaluate("navigator.clipboard.readText()"))["mcpServers"]["thenvoi"]
        key = config["env"]["THENVOI_API_KEY"]
        assert await page.get_by_role("region", name="Key", exact=True).inner_text() == key
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)
        assert key not in await page.content()
        await page.locator(".cards li", has_text="Reads patches").wait_for()

    async with Client(street.here.url, key) as client:
        assert (await client(GetMe())).name == "Reviewer"
    assert config["command"] == "thenvoi-bridge"
    env = {**config["env"], "THENVOI_STATE_DIR": str(tmp_path)}
    server = StdioServerParameters(command=sys.executable, args=["-m", "thenvoi_bridge"], env=env)
    async with McpClient(server) as host:
        await connected(host)


async def test_an_agent_is_deleted_and_one_with_a_history_only_when_asked_twice(
    browser: Browser, street: Street
) -> None:
    await street.here.agent(street.alice, "Idle")
    room = await street.here.room(street.alice, street.scout)
    await say(street.alice, room, street.scout, "work")
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.get_by_role("link", name="Agents").click()
        cards = it.page.locator(".cards li")
        await expect(cards).to_have_count(2)
        await it.page.get_by_role("button", name="Delete Idle").click()
        await it.page.get_by_role("button", name="Delete", exact=True).click()
        await expect(cards).to_have_count(1)
        await it.page.get_by_role("button", name="Delete Scout").click()
        await it.page.get_by_role("button", name="Cancel").click()
        assert [one.name for one in (await street.alice.call(ListMyAgents())).data] == ["Scout"]


async def test_contacts_are_asked_approved_rejected_taken_back_and_removed(
    browser: Browser, street: Street
) -> None:
    here, alice = street.here, street.alice
    carol, dan = await here.person("Carol Poe", "Partner"), await here.person("Dan Fox", "Partner")
    async with signed_in(browser, here, alice) as it:
        page = it.page
        await carol.call(AddMyContact(recipient_handle=alice.handle, message="We met."))
        await expect(page.locator(".pages .badge")).to_have_text("1 waiting")
        await page.get_by_role("link", name="Contacts").click()
        await page.get_by_text("We met.").wait_for()
        await dan.call(AddMyContact(recipient_handle=alice.handle))  # comes by itself
        await page.get_by_role("button", name="Approve Carol Poe").click()
        await page.get_by_role("button", name="Remove Carol Poe").wait_for()
        await page.get_by_role("button", name="Reject Dan Fox").click()
        await expect(page.locator(".pages .badge")).to_have_count(0)

        await page.get_by_role("button", name="Add a contact").click()
        await page.get_by_label("Handle").fill("nobody.at.all")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
        await page.get_by_label("Handle").fill(dan.handle)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Take back the request to Dan Fox").click()
        await expect(page.get_by_text("Take back")).to_have_count(0)
        await page.get_by_role("button", name="Remove Carol Poe").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await page.get_by_text("You have no contacts yet").wait_for()
        assert (await alice.call(ListMyContacts())).data == []


async def test_memories_are_found_put_away_brought_back_and_deleted(browser: Browser, street: Street) -> None:
    for content in ("Alice wants short answers", "Alice is away on Fridays"):
        memory = StoreMemory(
            content=content, system="long_term", type="semantic", segment="user", thought="said so",
            subject_id=street.alice.id,
        )  # fmt: skip
        await street.scout.call(memory)
    async with signed_in(browser, street.here, street.alice) as it:
        page = it.page
        await page.get_by_role("link", name="Memories").click()
        cards = page.locator(".cards li")
        await expect(cards).to_have_count(2)
        await page.get_by_label("Words in it").fill("fridays")
        await expect(cards).to_have_count(1)
        await page.get_by_role("button", name="Put away").click()
        await page.get_by_text("There are no such memories.").wait_for()
        await page.get_by_label("State").select_option("Archived")
        await page.get_by_role("button", name="Bring back").click()
        await expect(cards).to_have_count(0)
        await page.get_by_label("State").select_option("Current")
        await page.get_by_role("button", name="Delete this memory").click()
        await page.get_by_role("button", name="Delete", exact=True).click()
        await page.get_by_text("There are no such memories.").wait_for()
        left = (await street.alice.call(ListMyMemories(status="all"))).data
        assert [one.content for one in left] == ["Alice wants short answers"]


async def test_search_finds_rooms_and_what_was_said_in_rooms_nobody_has_opened(
    browser: Browser, street: Street
) -> None:
    room = await street.here.room(street.alice, street.bob)
    for text in ("Plans for spring", "the harbour at dawn", "something else"):
        await say(street.alice, room, street.bob, text)
    other = await street.here.room(street.alice, street.scout)
    await say(street.alice, other, street.scout, "Harbour master")
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.get_by_role("searchbox", name="Search").fill("harbour")
        await expect(it.page.locator(".found .hit")).to_have_count(2)
        assert await it.page.locator(".found a:not(.hit)").all_inner_texts() == ["Harbour master"]
        await it.page.locator(".found .hit", has_text="at dawn").click()
        await expect(it.page.locator(".entry.wanted")).to_contain_text("the harbour at dawn")
        await it.page.locator(".found a.place", has_text="Harbour master").click()
        await expect(it.page.locator(".found")).to_be_hidden()
        await it.page.get_by_role("searchbox", name="Search").fill("nowhere to be found")
        await it.page.get_by_text("Nothing found.").wait_for()
        await it.page.get_by_text("All 4 messages looked through.", exact=True).wait_for()
