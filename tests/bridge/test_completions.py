"""What is offered while somebody types an argument."""

from pathlib import Path

import anyio
import mcp_types as types
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import Desk, at, desk, live, nowhere
from tests.world import say
from thenvoi_bridge.bridge import completions
from thenvoi_bridge.bridge.resources import TEMPLATES
from thenvoi_bridge.contract.chats import ChatRoom

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
ROOM = types.PromptReference(name="catch_up")
MESSAGE = types.PromptReference(name="reply_to")
Ref = types.PromptReference | types.ResourceTemplateReference


async def offered(host: Desk, ref: Ref, name: str, value: str = "", **settled: str) -> types.Completion:
    argument = {"name": name, "value": value}
    return (await host.llm.complete(ref, argument, settled or None)).completion


async def titled(scene: Scene, title: str) -> ChatRoom:
    """A room of that title, in which nothing waits for the agent."""
    writer = await scene.here.agent(scene.alice, "Writer")
    room = await scene.here.room(scene.alice, scene.scout, writer)
    await say(scene.alice, room, writer, title)
    return room


@ERAS
async def test_rooms_are_offered_by_the_beginning_of_their_id_or_of_words_of_their_title(
    scene: Scene, state: Path, mode: str
) -> None:
    tea, chess = await titled(scene, "about Green Tea"), await titled(scene, "about Green Chess")
    async with live(scene.here, scene.scout, state, mode) as host:
        for written, found in (
            (tea.id[:13], [tea]),
            ("green te", [tea]),
            ("CHESS", [chess]),
            ("green", [tea, chess]),
            ("", [tea, chess, scene.room]),
            ("reen", []),
        ):
            completion = await offered(host, ROOM, "chat_id", written)
            assert completion.values == sorted(room.id for room in found)
            assert (completion.total, completion.has_more) == (len(found), False)


async def test_rooms_with_unread_mail_come_first(scene: Scene, state: Path) -> None:
    rooms = [scene.room, *[await scene.here.room(scene.alice, scene.scout) for _ in range(3)]]
    last = max(rooms, key=lambda room: room.id)
    async with live(scene.here, scene.scout, state) as host:
        await say(scene.alice, last, scene.scout, "hi")
        await host.unread(1)
        values = (await offered(host, ROOM, "chat_id")).values
    assert values == [last.id, *sorted(room.id for room in rooms if room is not last)]


@ERAS
async def test_open_mentions_are_offered_oldest_first_until_they_end(
    scene: Scene, state: Path, mode: str
) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    (template,) = [each for each in TEMPLATES if each.name == "message"]
    in_room = types.ResourceTemplateReference(uri=template.uri_template)
    async with live(scene.here, scene.scout, state, mode) as host:
        first, second = [(await say(scene.alice, scene.room, scene.scout, text)).id for text in "ab"]
        third = (await say(scene.alice, other, scene.scout, "c")).id
        await host.unread(3)
        assert (await offered(host, MESSAGE, "message_id")).values == [first, second, third]
        assert (await offered(host, MESSAGE, "message_id", second[:20])).values == [second]
        assert (await offered(host, MESSAGE, "message_id", "%")).values == []
        assert (await offered(host, in_room, "message_id", chat_id=other.id)).values == [third]
        await host.shown("inbox_ack", message_ids=[first])
        assert (await offered(host, MESSAGE, "message_id")).values == [second, third]


async def test_a_hundred_are_offered_and_the_others_counted(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        for number in range(101):
            host.seat.rooms.entered(f"room{number:03}", None)
        completion = await offered(host, ROOM, "chat_id", "room")
        exactly = await offered(host, ROOM, "chat_id", "room0")
    assert completion.values == [f"room{number:03}" for number in range(100)]
    assert (completion.total, completion.has_more) == (101, True)
    assert (len(exactly.values), exactly.total, exactly.has_more) == (100, 100, False)


@ERAS
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
async def test_every_variable_of_a_template_can_be_asked_about(
    scene: Scene, state: Path, mode: str, template: types.ResourceTemplate
) -> None:
    ref = types.ResourceTemplateReference(uri=template.uri_template)
    variables = template.uri_template.replace("{?", "{").replace(",", "}{").split("{")[1:]
    async with live(scene.here, scene.scout, state, mode) as host:
        for variable in variables:
            name = variable.partition("}")[0]
            found = (await offered(host, ref, name)).values
            assert found == ([scene.room.id] if name == "chat_id" else [])


@ERAS
@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (types.PromptReference(name="no_such"), "chat_id"),
        (ROOM, "message_id"),
        (types.ResourceTemplateReference(uri="thenvoi://rooms"), "chat_id"),
        (types.ResourceTemplateReference(uri="thenvoi://rooms/{chat_id}"), "page"),
    ],
    ids=str,
)
async def test_what_takes_no_such_argument_is_an_error_of_the_protocol(
    state: Path, mode: str, ref: Ref, name: str
) -> None:
    async with desk(nowhere(), state, mode) as host:
        error = await host.faulty(host.llm.complete(ref, {"name": name, "value": ""}))
    assert error.code == -32602


@ERAS
async def test_without_a_seat_nothing_is_offered_and_nobody_waits(
    scene: Scene, state: Path, mode: str
) -> None:
    template = types.ResourceTemplateReference(uri="thenvoi://rooms/{chat_id}")
    with anyio.fail_after(10):
        async with desk(nowhere(), state / "a", mode) as host:
            assert await offered(host, ROOM, "chat_id") == types.Completion(
                values=[], total=0, has_more=False
            )
        async with desk(at(scene.here, person=scene.alice), state / "b", mode, ("human",)) as host:
            await host.until("no_inbox")
            assert (await offered(host, template, "chat_id")).values == []


async def test_an_inbox_that_cannot_be_read_at_once_offers_nothing(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completions, "PATIENCE", 0.0)
    async with live(scene.here, scene.scout, state) as host:
        assert (await offered(host, ROOM, "chat_id")).values == []
        monkeypatch.setattr(completions, "PATIENCE", 20.0)
        assert (await offered(host, ROOM, "chat_id")).values == [scene.room.id]
        await host.seat.inbox.close()
        assert (await offered(host, ROOM, "chat_id")).values == []
