"""The way in and out, in the browser: where the link is afterwards, where the key is, and what ends it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import anyio
import pytest
from playwright.async_api import Browser

from tests.console.browser import link_for, signed_in, tab
from tests.console.conftest import Street
from tests.guides.reader import Reader
from tests.home import environ_of, opened
from tests.system.test_local import platforms
from thenvoi_bridge.platform.administration import administer, list_keys, revoke_key

pytestmark = pytest.mark.thorough


async def test_a_link_is_in_no_address_afterwards_and_a_key_in_none_ever(
    browser: Browser, street: Street
) -> None:
    link = await link_for(street.here, street.alice)
    async with tab(browser, street.here) as it:
        await it.page.goto(link)
        await it.page.locator(".status.live").wait_for()
        assert it.page.url == f"{street.here.url}/console/"
        key = await it.page.evaluate("sessionStorage.getItem('thenvoi-key')")
        assert key.startswith("thnv_u_")
        token = link.partition("=")[2]
        assert [url for url in it.seen.addresses if key in url or token in url.partition("#")[0]] == []
        assert any("/socket/websocket" in url for url in it.seen.addresses)
        assert await it.page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
        assert await it.page.context.cookies() == []


async def test_a_link_that_was_used_signs_nobody_in_and_a_new_one_can_be_pasted(
    browser: Browser, street: Street
) -> None:
    used = await link_for(street.here, street.alice)
    async with signed_in(browser, street.here, street.bob), tab(browser, street.here) as it:
        await it.page.goto(used)
        await it.page.locator(".status.live").wait_for()
    async with tab(browser, street.here) as it:
        await it.page.goto(used)
        await it.page.get_by_text("This link has been used, or is too old.").wait_for()
        await it.page.get_by_label("Sign-in link").fill("rubbish")
        await it.page.get_by_role("button", name="Sign in").click()
        await it.page.get_by_text("That is no sign-in link.").wait_for()
        await it.page.get_by_label("Sign-in link").fill(await link_for(street.here, street.alice))
        await it.page.get_by_role("button", name="Sign in").click()
        await it.page.locator(".status.live").wait_for()


async def test_a_reload_stays_signed_in_and_signing_out_ends_the_key(
    browser: Browser, street: Street
) -> None:
    async with signed_in(browser, street.here, street.alice) as it:
        await it.page.reload()
        await it.page.locator(".status.live").wait_for()
        await it.page.get_by_role("button", name="Sign out").click()
        await it.page.get_by_role("heading", name="Sign in").wait_for()
        assert await it.page.evaluate("sessionStorage.length") == 0
        async with opened(street.here.folder) as (db, keys):
            listed = await administer(db, keys, partial(list_keys, who=street.alice.handle))
        assert [key["label"] for key in listed if key["revoked_at"]] == ["console"]


async def test_a_session_that_an_administrator_ends_is_over_within_seconds(
    browser: Browser, street: Street
) -> None:
    async with signed_in(browser, street.here, street.alice) as it:
        async with opened(street.here.folder) as (db, keys):
            listed = await administer(db, keys, partial(list_keys, who=street.alice.handle))
            (session,) = [key["id"] for key in listed if key["label"] == "console"]
            await administer(db, keys, partial(revoke_key, id=session))
        await it.page.get_by_text("Your session has ended.").wait_for()
        it.seen.wrong.clear()  # the browser tells of a socket that was refused


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "thenvoi_bridge", *words]


async def local_link(typed: str, state: Path) -> str:
    """What the command for one's own computer prints."""
    done = await anyio.run_process(command(*typed.split()[1:], "--state-dir", str(state)))
    return done.stdout.decode().strip()


@pytest.mark.follows("docs/console.md#sign-in", "thenvoi-bridge console")
async def test_whoever_uses_the_platform_on_this_computer_gets_a_link(
    browser: Browser, tmp_path: Path, reader: Reader
) -> None:
    state, typed = tmp_path / "state", reader.takes()
    try:
        link = await local_link(typed, state)
        async with await browser.new_context() as context:
            page = await context.new_page()
            await page.goto(link)
            await page.locator(".status.live").wait_for()
        again = await local_link(typed, state)
        assert again.partition("#")[0] == link.partition("#")[0]
        assert again != link
        assert "sign-in" not in (state / "local" / "platform.log").read_text()
    finally:
        for pid in platforms(state):
            os.kill(pid, signal.SIGTERM)


@pytest.mark.follows("docs/console.md#sign-in", "thenvoi-bridge platform")
def test_a_link_is_printed_on_a_terminal_and_never_into_a_log(tmp_path: Path, reader: Reader) -> None:
    data, address = tmp_path / "thenvoi-data", tmp_path / "address"
    env = {**os.environ, **environ_of(data)}
    add = command("platform", "user", "add", "--data", str(data), "--email", "ann@acme.example")
    subprocess.run(
        [*add, "--name", "Ann", "--org", "Acme", "--json"], check=True, capture_output=True, env=env
    )
    serve = command("platform", "serve", "--data", str(data), "--port", "0", "--address-file", str(address))
    assert "#sign-in=" in _said_on_a_terminal(serve, env)
    with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True, env=env) as server:
        assert server.stderr
        assert server.stderr.readline().startswith("Thenvoi platform on ")
        server.terminate()
        assert "sign-in" not in server.stderr.read()
    made = command(*reader.takes().split()[1:], "--json")
    done = subprocess.run(made, check=True, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert json.loads(done.stdout)["link"].startswith("http://127.0.0.1:4000/console/#sign-in=")


def _said_on_a_terminal(serve: list[str], env: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(serve, stderr=theirs, env=env) as server:
        os.close(theirs)
        said = ""
        while "onsole" not in said:
            said += os.read(ours, 4096).decode()
        while not said.endswith("\n"):
            said += os.read(ours, 4096).decode()
        server.terminate()
    os.close(ours)
    return said
