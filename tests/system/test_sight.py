"""Hooks and `wait` look into the inbox beside the bridges, and show no more of it than those may see."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client as McpClient

from tests.inbox.mentions import mention
from tests.system.shell import SCOUT, WRITER, Ended, done, fill, folder_of, opened, records, typed, until
from tests.system.test_local import local_host, state  # noqa: F401 - a fixture
from tests.world import Somebody, World, bridge, connected, say
from thenvoi_bridge.contract.chats import ChatRoom
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.inbox import marks
from thenvoi_bridge.inbox.sight import Sight

PATIENCE = 60.0  # seconds until a stuck test fails


@dataclass(frozen=True)
class Scene:
    """Scout in a room with Alice, who may be allowed, and Mallory, an agent who is not."""

    here: World
    alice: Somebody
    scout: Somebody
    mallory: Somebody
    room: ChatRoom
    state: Path

    async def alice_says(self, text: str) -> str:
        return (await say(self.alice, self.room, self.scout, text)).id

    async def mallory_says(self, text: str) -> str:
        call = SendMessage(chat_id=self.room.id, content=text, mentions=[Mention(id=self.scout.id)])
        return (await self.mallory.call(call)).id

    @asynccontextmanager
    async def bridge(self, client: str = "claude-code", **environ: str) -> AsyncGenerator[McpClient]:
        """The bridge of Scout's that a host has started which calls itself so, once it hears."""
        info = types.Implementation(name=client, version="1")
        with anyio.fail_after(PATIENCE):
            parameters = bridge(self.here.url, self.scout.key, self.state, **environ)
            async with McpClient(parameters, client_info=info) as llm:
                await connected(llm)
                yield llm

    async def kept(self, number: int) -> None:
        """Wait until so many messages are in the inbox."""

        async def so() -> bool:
            listed = await typed(self.state, "inbox", "list", "--json")
            return len(records(done(listed))) == number

        await until(so)

    async def told(self, session: str, *options: str) -> list[str]:
        """What a hook tells a new session of."""
        given = json.dumps({"session_id": session}).encode()
        return ids(done(await typed(self.state, "hook", "session-start", *options, given=given)))


def ids(text: str) -> list[str]:
    return re.findall(r"Message (\S+) in room", text)


@pytest.fixture
async def scene(here: World, state: Path) -> Scene:  # noqa: F811
    alice = await here.person()
    scout, mallory = await here.agent(alice, "Scout"), await here.agent(alice, "Mallory")
    room = await here.room(alice, scout)
    await alice.call(AddMyParticipant(chat_id=room.id, participant_id=mallory.id))
    return Scene(here, alice, scout, mallory, room, state)


@pytest.mark.thorough
async def test_a_hook_tells_only_of_whom_the_bridge_may_hear(scene: Scene) -> None:
    async with scene.bridge(THENVOI_ALLOW_SENDERS=f"@{scene.alice.handle}"):
        hidden = await scene.mallory_says("psst")
        shown = await scene.alice_says("hello")
        sessions = iter("abcdefghijklmnopqrstuvwxyz" * 9)

        async def met() -> bool:  # the platform is asked who has that handle
            return await scene.told(next(sessions)) == [shown]

        await scene.kept(2)
        with anyio.fail_after(PATIENCE):
            await until(met)
    assert await scene.told("when the bridge has ended") == [shown]
    assert hidden in done(await typed(scene.state, "inbox", "list", "--json"))  # the user himself sees it


@pytest.mark.thorough
async def test_a_room_that_is_pinned_is_the_only_one_of_which_a_hook_tells(scene: Scene) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    await say(scene.alice, other, scene.scout, "there")
    here = await scene.alice_says("here")
    async with scene.bridge(THENVOI_CHAT=scene.room.id):
        await scene.kept(2)
        assert await scene.told("s1") == [here]


@pytest.mark.thorough
async def test_of_several_bridges_the_narrowest_counts_while_it_runs_and_then_for_its_own_host(
    scene: Scene,
) -> None:
    hidden = await scene.mallory_says("psst")
    shown = await scene.alice_says("hello")
    async with scene.bridge("cursor-vscode"):
        await scene.kept(2)
        assert await scene.told("s1") == [hidden, shown]
        async with scene.bridge("claude-code", THENVOI_ALLOW_SENDERS=scene.alice.id):

            async def is_posted() -> bool:
                async with opened(await the_folder(scene.state)) as inbox:
                    return len(await inbox.board.sights()) == 2

            await until(is_posted)
            assert await scene.told("s2", "--format", "cursor") == [shown]
            assert await scene.told("s3") == [shown]
        # Claude Code's next session begins before the bridge of that session is there.
        assert await scene.told("s4") == [shown]
        assert await scene.told("s5", "--format", "vscode") == [hidden, shown]
    async with scene.bridge("claude-code"):  # its user has thought better of it
        assert await scene.told("s6") == [hidden, shown]


async def the_folder(state: Path) -> Path:  # noqa: F811
    (folder,) = [folder async for folder in anyio.Path(state / "agents").iterdir()]
    return Path(folder)


@pytest.mark.thorough
async def test_what_a_hook_may_not_tell_leaves_room_for_what_it_may(tmp_path: Path) -> None:
    many = [mention(f"m{n:02}", "noise", minute=n) for n in range(30)]
    await fill(tmp_path, *many, mention("last", minute=59))
    async with opened(folder_of(tmp_path)) as inbox:
        await inbox.board.show("claude-code", Sight(rooms=frozenset({"room"})))
    printed = await typed(tmp_path, "wait", "--json", "--timeout", "0")
    assert [line["id"] for line in records(printed.out)] == ["last"]
    given = b'{"session_id": "s1"}'
    assert ids(done(await typed(tmp_path, "hook", "prompt", given=given))) == ["last"]


@pytest.mark.thorough
async def test_a_shell_that_receives_goes_by_its_own_settings(scene: Scene) -> None:
    await scene.mallory_says("psst")
    shown = await scene.alice_says("hello")
    keyed: dict[str, Any] = {"THENVOI_BASE_URL": scene.here.url, "THENVOI_API_KEY": scene.scout.key}
    only = {**keyed, "THENVOI_ALLOW_SENDERS": scene.alice.handle}
    first = await typed(scene.state, "wait", "--json", "--timeout", "25", **only)
    assert [line["id"] for line in records(done(first))] == [shown]
    again = await typed(scene.state, "wait", "--json", "--timeout", "3", **only)
    assert (again.code, again.out) == (3, "")
    wrong = await typed(scene.state, "wait", "--timeout", "0", **keyed, THENVOI_ALLOW_SENDERS=",")
    assert (wrong.code, "THENVOI_ALLOW_SENDERS" in wrong.err) == (2, True)


async def plugged(where: Path, **answers: str) -> Ended:
    """A hook as the plugin for Claude Code runs it, with what its user has answered."""
    options: dict[str, Any] = {
        f"CLAUDE_PLUGIN_OPTION_{name.upper()}": answer for name, answer in answers.items()
    }
    return await typed(where, "hook", "prompt", "--plugin", given=b'{"session_id": "s1"}', **options)


@pytest.mark.thorough
async def test_the_plugin_tells_of_the_agent_whose_key_it_was_given(scene: Scene, tmp_path: Path) -> None:
    await fill(scene.state, mention("of another agent"))
    assert "of the agent that the settings mean" in (await plugged(scene.state, api_key=scene.scout.key)).err
    shown = await scene.alice_says("hello")
    async with scene.bridge():
        await scene.kept(2)
    assert ids(done(await plugged(scene.state, api_key=scene.scout.key))) == [shown]
    refused = await plugged(scene.state, api_key=scene.mallory.key)
    assert (refused.code, refused.out, scene.mallory.key in refused.err) == (0, "{}\n", False)
    assert done(await plugged(scene.state, api_key=scene.alice.key)) == "{}\n"  # a person has no inbox
    for path in scene.state.rglob("*"):
        assert not path.is_file() or scene.scout.key.encode() not in path.read_bytes()


async def test_without_a_key_the_plugin_tells_of_the_agent_that_is_named_after_claude_code(
    tmp_path: Path,
) -> None:
    await fill(tmp_path, mention("m1"))
    await fill(tmp_path, mention("m2"), who=WRITER)
    marks.put(folder_of(tmp_path, WRITER), marks.mark("claude-code"))
    assert ids(done(await plugged(tmp_path))) == ["m2"]
    # What the user's shell has set is set for the hook, and not for the bridge that the plugin starts.
    more: dict[str, Any] = {"THENVOI_AS": "Desk", "THENVOI_API_KEY": "thnv_a_id_secret"}
    given = b'{"session_id": "s2"}'
    assert ids(done(await typed(tmp_path, "hook", "prompt", "--plugin", given=given, **more))) == ["m2"]


@asynccontextmanager
async def unnamed(state: Path, client: str) -> AsyncGenerator[McpClient]:  # noqa: F811
    """A host on this computer's platform to which nobody has given a name."""
    server = bridge("", "", state)
    assert server.env
    del server.env["THENVOI_API_KEY"], server.env["THENVOI_BASE_URL"]
    with anyio.fail_after(PATIENCE):
        async with McpClient(server, client_info=types.Implementation(name=client, version="1")) as llm:
            await connected(llm)
            yield llm


@pytest.mark.thorough
async def test_on_this_computers_platform_a_name_says_whose_messages_are_meant(state: Path) -> None:  # noqa: F811
    async with local_host(state, "Editor") as editor, unnamed(state, "claude-code"):
        room = (await editor.call_tool("create_chat", {})).structured_content["id"]
        await editor.call_tool("add_participant", {"chat_id": room, "participant_id": "claude-code"})
        text = {"chat_id": room, "content": "hello", "mentions": ["claude-code"]}
        assert not (await editor.call_tool("send_message", text)).is_error
        printed = await typed(state, "wait", "--json", "--timeout", "25", THENVOI_AS="claude-code")
        (line,) = records(done(printed))
        assert ids(done(await plugged(state))) == [line["id"]]
        assert done(await plugged(state, name="Editor")) == "{}\n"


@pytest.mark.thorough
def test_settings_mean_one_agent_even_if_it_was_another_before(tmp_path: Path) -> None:
    folders = [folder_of(tmp_path, who) for who in (SCOUT, WRITER)]
    for folder in folders:
        folder.mkdir(parents=True)
        marks.put(folder, marks.mark("a key"))
    marks.put(folders[0], marks.mark("another key"))
    assert [marks.found(folder) for folder in folders] == [{marks.mark("another key")}, {marks.mark("a key")}]
