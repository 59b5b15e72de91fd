"""The story: what happens, who does it over which way, and what must be observed for it to go on."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import anyio
from anyio import to_thread

from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.chats import CreateMyChat
from thenvoi_bridge.contract.messages import ChatMessage, Mention, SendMyMessage
from thenvoi_bridge.contract.participants import AddMyParticipant
from thenvoi_bridge.demo.scene import Agent, Scene
from thenvoi_bridge.demo.steps import Seen, Step, Unexpected

QUESTION = "@Scout How many moons has Mars? Let Writer say it."
FINDING = "Two, Phobos and Deimos. Writer will say it."
REQUEST = "@Writer One line: Mars, two moons, Phobos, Deimos."
LINE = "Mars keeps two moons, Phobos and Deimos."

NEEDED = {"inbox_wait", "reply", "send_message"}
"""The tools this story is told with."""


async def _platform_starts(scene: Scene) -> Seen:
    scene.platform.begin()
    await to_thread.run_sync(import_module, "mcp.client.stdio")  # the hosts will need it
    scene.url = await scene.platform.url()
    return Seen((scene.url,))


async def _alice_comes(scene: Scene) -> Seen:
    person = await scene.platform.add_person("Alice Doe", "alice@demo.example")
    scene.alice, scene.alice_id = Client(scene.url, person["api_key"], patience=8.0), person["id"]
    return Seen()


async def _agents_come(scene: Scene) -> Seen:
    scene.scout = await scene.agent("Scout", "Finds out")
    scene.writer = await scene.agent("Writer", "Puts it well")
    return Seen()


async def _room_opens(scene: Scene) -> Seen:
    scene.room = (await scene.alice(CreateMyChat())).id
    for agent in scene.agents:
        await scene.alice(AddMyParticipant(chat_id=scene.room, participant_id=agent.id))
    return Seen()


async def _bridges_start(scene: Scene) -> Seen:
    async with anyio.create_task_group() as both:
        for agent in scene.agents:
            both.start_soon(agent.host.start, scene.url, agent.key, scene.platform.folder)
    return Seen()


async def _tools_are_listed(scene: Scene) -> Seen:
    tools = [await agent.host.tools() for agent in scene.agents]
    for listed in tools:
        if missing := NEEDED - set(listed):
            raise Unexpected(f"these were not listed: {', '.join(sorted(missing))}")
    return Seen((f"{len(tools[0])} tools each, MCP {scene.scout.host.protocol}",))


async def _bridges_connect(scene: Scene) -> Seen:
    for agent in scene.agents:
        while await agent.host.connection() != "live":  # noqa: ASYNC110 - it tells only who asks
            await anyio.sleep(0.05)
    return Seen()


async def _hosts_wait(scene: Scene) -> Seen:
    for agent in scene.agents:
        await agent.host.listen()
    return Seen()


async def _alice_asks(scene: Scene) -> Seen:
    if not all(agent.host.listening for agent in scene.agents):
        raise Unexpected("an inbox_wait came back before anybody wrote")
    mention = [Mention(id=scene.scout.id)]
    sent = await scene.alice(SendMyMessage(chat_id=scene.room, content=QUESTION, mentions=mention))
    scene.question = sent.id
    return Seen()


async def _scout_hears(scene: Scene) -> Seen:
    message, at = await _heard(scene.scout)
    if message["id"] != scene.question:
        raise Unexpected("another message came")
    return Seen(at=at)


async def _scout_answers(scene: Scene) -> Seen:
    await _reply(scene.scout, FINDING)
    return Seen()


async def _scout_hands_on(scene: Scene) -> Seen:
    await scene.scout.host.call("send_message", chat_id=scene.room, content=REQUEST, mentions=["Writer"])
    return Seen()


async def _writer_hears(scene: Scene) -> Seen:
    message, at = await _heard(scene.writer)
    if message["sender_id"] != scene.scout.id:
        raise Unexpected("somebody else's message came")
    return Seen(at=at)


async def _writer_answers(scene: Scene) -> Seen:
    await _reply(scene.writer, LINE, mentions=["Alice Doe"])
    return Seen()


async def _alice_reads(scene: Scene) -> Seen:
    messages = await scene.messages()
    texts = [scene.readable(message.content) for message in messages]
    for answer in (f"@Alice {FINDING}", f"@Alice {LINE}"):
        if answer not in texts:
            raise Unexpected(f"“{answer}” is not in the room")
    lines = zip(messages, texts, strict=True)
    return Seen(tuple(f"{(message.sender_name or '').split()[0]:<8}{text}" for message, text in lines))


async def _all_is_processed(scene: Scene) -> Seen:
    """Marked with the answer, or soon after if that could not be told at once."""
    while True:
        states = [_state(message, agent) for message in await scene.messages() for agent in scene.agents]
        if [state for state in states if state] == ["processed", "processed"]:
            return Seen()
        await anyio.sleep(0.1)


async def _heard(agent: Agent) -> tuple[dict[str, Any], float]:
    """The one message the agent's host heard, and when."""
    messages, at = await agent.host.heard()
    if len(messages) != 1:
        raise Unexpected(f"{len(messages)} messages came")
    agent.task = messages[0]["id"]
    return messages[0], at


async def _reply(agent: Agent, content: str, **more: Any) -> None:
    await agent.host.call("reply", message_ids=[agent.task], content=content, **more)


def _state(message: ChatMessage, agent: Agent) -> str | None:
    """How far the agent has come with the message, as the platform says; None if it is not for him."""
    entry = (message.metadata or {}).get("delivery_status", {}).get(agent.id)
    return entry and str(entry["status"])


_COMMAND, _REST, _MCP, _OUT = "process", "REST", "stdio MCP", "stdio MCP → REST"
_SOCKET, _IN = "WebSocket", "WebSocket → inbox → stdio MCP"
_ASKED, _HANDED_ON = "Alice mentions Scout", "Scout hands on: send_message"

STEPS: tuple[Step[Scene], ...] = (
    Step("The platform starts", _COMMAND, _platform_starts, "an address it answers at", limit=30.0),
    Step("Alice is added as it runs", _COMMAND, _alice_comes, "a person with a key", limit=20.0),
    Step("Alice registers both agents", _REST, _agents_come, "a key for Scout and one for Writer"),
    Step("Alice opens a room for all", _REST, _room_opens, "a room with both agents in it"),
    Step("Two hosts start bridges", _COMMAND, _bridges_start, "both bridges to speak MCP", limit=20.0),
    Step("Both hosts list the tools", _MCP, _tools_are_listed, "the tools of this story"),
    Step(
        "Both bridges are connected", _SOCKET, _bridges_connect, "both to say that they are live", limit=20.0
    ),
    Step("Both hosts call inbox_wait", _MCP, _hosts_wait, "both calls to stay open"),
    Step(_ASKED, _REST, _alice_asks, "the message to be accepted while both hosts wait"),
    Step("Scout hears in inbox_wait", _IN, _scout_hears, "exactly Alice's message", since=_ASKED),
    Step("Scout answers Alice: reply", _OUT, _scout_answers, "the answer to be sent"),
    Step(_HANDED_ON, _OUT, _scout_hands_on, "the message to be sent"),
    Step("Writer hears in inbox_wait", _IN, _writer_hears, "exactly Scout's message", since=_HANDED_ON),
    Step("Writer answers Alice: reply", _OUT, _writer_answers, "the answer to be sent"),
    Step("Alice reads both answers", _REST, _alice_reads, "both answers in the room", since=_ASKED),
    Step("Both mentions are processed", _REST, _all_is_processed, "`processed` for Scout's and for Writer's"),
)
"""In this order; each relies on those before it."""
