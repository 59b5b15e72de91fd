"""What a host can read: the inbox and the state of things. Reading changes nothing and needs no net."""

from pathlib import Path

import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import at, desk, live, nowhere
from tests.world import say
from thenvoi_bridge import __version__
from thenvoi_bridge.bridge import mail, wording
from thenvoi_bridge.bridge.resources import INBOX, LISTED, STATUS, TEMPLATES

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


@ERAS
async def test_both_resources_and_the_template_are_listed(state: Path, mode: str) -> None:
    async with desk(nowhere(), state, mode) as host:
        assert (await host.llm.list_resources()).resources == LISTED
        templates = (await host.llm.list_resource_templates()).resource_templates
        assert templates == TEMPLATES
        assert host.llm.server_capabilities.resources
        assert host.llm.server_capabilities.resources.subscribe


@ERAS
async def test_the_inbox_shows_what_is_open(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        inbox = await host.read(INBOX)
        (message,) = inbox["messages"]
        assert message == (await host.shown("inbox_read"))["messages"][0]
        assert message["id"] == sent.id
        assert inbox.keys() == {"messages", "unread", "next_cursor", "connection", "as_of", "reset"}
        assert (inbox["unread"], inbox["connection"], inbox["reset"]) == (1, "live", False)
        assert inbox["as_of"].endswith("+00:00")


@ERAS
async def test_reading_takes_nothing(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        for _ in range(3):
            (message,) = (await host.read(INBOX))["messages"]
            assert message["attempt"] == 0
        (message,) = (await host.shown("inbox_wait"))["messages"]
        assert message["attempt"] == 1


async def test_the_inbox_can_be_read_page_by_page_and_by_room(scene: Scene, state: Path) -> None:
    other = await scene.here.room(scene.alice, scene.scout)
    async with live(scene.here, scene.scout, state) as host:
        sent = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(3)]
        there = await say(scene.alice, other, scene.scout, "elsewhere")
        await host.unread(4)
        seen: list[str] = []
        query = f"limit=2&chat_id={scene.room.id}"
        for size in (2, 1, 0):
            page = await host.read(f"{INBOX}?{query}")
            assert len(page["messages"]) == size
            seen += [message["id"] for message in page["messages"]]
            query = f"limit=2&chat_id={scene.room.id}&after={page['next_cursor']}"
        assert seen == sent
        (elsewhere,) = (await host.read(f"{INBOX}?chat_id={other.id}"))["messages"]
        assert elsewhere["id"] == there.id
        assert (await host.read(f"{INBOX}?after=another.1"))["reset"] is True


async def test_a_page_of_the_inbox_is_not_endless_either(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as host:
        for _ in range(4):
            await say(scene.alice, scene.room, scene.scout, "x" * 15_000)
        await host.unread(4)
        page = await host.read(INBOX)
        assert len(mail.as_text(page["messages"])) <= mail.LONGEST_PAGE + 100
        rest = await host.read(f"{INBOX}?after={page['next_cursor']}")
        assert len(page["messages"]) + len(rest["messages"]) == 4


@ERAS
async def test_the_status_says_who_where_and_how(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        status = await host.read(STATUS)
    scout = scene.scout
    socket = status.pop("socket")
    assert status == {
        "bridge": __version__,
        "platform": scene.here.url,
        "local": False,
        "connection": "live",
        "trouble": None,
        "agent": {"id": scout.id, "handle": scout.handle, "name": "Scout"},
        "person": None,
        "unread": 0,
        "held_back": 0,
        "dead": 0,
        "contact_requests": 0,
        "rooms": 1,
    }
    assert socket.keys() == {"here", "state", "reason", "since", "attempts", "last_heard"}
    assert socket["here"] is True
    assert (socket["state"], socket["reason"], socket["attempts"]) == ("live", None, 0)
    assert socket["since"].endswith("+00:00")
    assert scout.key not in str(status)


async def test_the_status_says_who_the_person_is_and_no_more_of_her(scene: Scene, state: Path) -> None:
    async with desk(at(scene.here, person=scene.alice), state, sides=("human",)) as host:
        await host.until("no_inbox")
        person = (await host.read(STATUS))["person"]
    assert person.keys() == {"id", "handle", "email"}
    assert person["id"] == scene.alice.id


@ERAS
async def test_both_can_be_read_before_there_is_a_connection(state: Path, mode: str) -> None:
    async with desk(nowhere(), state, mode) as host:
        inbox, status = await host.read(INBOX), await host.read(STATUS)
        assert (inbox["messages"], inbox["unread"], inbox["next_cursor"]) == ([], 0, None)
        assert inbox["connection"] in ("connecting", "offline")
        assert status["trouble"]
        assert (status["agent"], status["socket"], status["rooms"]) == (None, None, None)


@ERAS
@pytest.mark.parametrize(
    "uri",
    [
        "thenvoi://rooms",
        "thenvoi://rooms/",
        "thenvoi://rooms/a/b",
        "thenvoi://rooms/a/messages/",
        "thenvoi://rooms/../status",
        "thenvoi://rooms/a%2Fb",
        "thenvoi://rooms/" + "a" * 65,
        "thenvoi://rooms/a?limit=3",
        "thenvoi://rooms/a?chat_id=b",
        "thenvoi://rooms/a/messages?page=0",
        "thenvoi://rooms/a/messages?limit=101",
        "thenvoi://rooms/a/participants?page=1",
        "thenvoi://inbox/1",
        "thenvoi:inbox",
        "http://inbox",
        "THENVOI-inbox",
        "thenvoi://[inbox",
        "thenvoi://inbox#2",
        "thenvoi://inbox?colour=red",
        "thenvoi://inbox?limit=many",
        "thenvoi://inbox?limit=0",
        "thenvoi://inbox?chat_id=a/b",
    ],
)
async def test_what_is_not_there_is_an_error_of_the_protocol_that_names_it(
    state: Path, mode: str, uri: str
) -> None:
    async with desk(nowhere(), state, mode) as host:
        error = await host.faulty(host.llm.read_resource(uri))
    assert error.code == -32602
    assert error.data == {"uri": uri}


@ERAS
async def test_what_breaks_is_told_without_its_text(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        host.session.endpoint = "broken"  # type: ignore[assignment]
        error = await host.faulty(host.llm.read_resource(STATUS))
    assert (error.code, error.message) == (-32603, wording.BROKEN)


@ERAS
async def test_trouble_with_the_inbox_is_told_with_what_to_do(scene: Scene, state: Path, mode: str) -> None:
    async with live(scene.here, scene.scout, state, mode) as host:
        await host.seat.inbox.close()
        error = await host.faulty(host.llm.read_resource(INBOX))
    assert (error.code, error.data) == (-32603, {"uri": INBOX, "code": "inbox_closed"})
    assert error.message == "The inbox is being opened again. Call again in a moment."
