"""A host's session: whose key it has, how it says that there is no connection, and that it never gives up."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskStatus

from tests.bridge.conftest import Scene
from tests.bridge.desk import BOTH, PATIENCE, Desk, at, desk, live, nowhere, text_of
from tests.world import World, say, world
from thenvoi_bridge.bridge import session as sessions
from thenvoi_bridge.bridge import waiting, wording
from thenvoi_bridge.bridge.endpoint import CannotLocate, Endpoint, Locate
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.contract.errors import Unreachable


def one_after_another(answers: Sequence[Endpoint | Exception]) -> tuple[Locate, list[str]]:
    """Finds these endpoints, or raises, the last one for ever; and who asked."""
    asked: list[str] = []

    async def locate(host: str) -> Endpoint:
        asked.append(host)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return locate, asked


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(waiting, "BEAT", 0.02)


async def wait(host: Desk, codes: list[str | None], *, task_status: TaskStatus[None]) -> None:
    """Wait for mentions and note how that ended: with an error's code, or None. Started once it waits."""
    waiting = anyio.Event()

    async def beat(progress: float, total: float | None, message: str | None) -> None:
        if not waiting.is_set():
            waiting.set()
            task_status.started()

    result = await host.llm.call_tool("inbox_wait", {"timeout_s": 20}, progress_callback=beat)
    codes.append(result.structured_content["error"]["code"] if result.is_error else None)


async def test_nothing_is_located_before_a_host_has_come(state: Path) -> None:
    locate, asked = one_after_another([Unreachable()])
    session = Session(locate, state)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        assert asked == []
        assert session.connection == "connecting"
        session.introduce("Desk")
        session.introduce("Somebody else")
        with anyio.fail_after(PATIENCE):
            while not asked:
                await session.bell.wait()
        tasks.cancel_scope.cancel()
    assert asked[0] == "Desk"
    assert not await anyio.Path(state).exists()


async def test_a_host_without_a_name_is_called_something(state: Path, hurried: None) -> None:
    locate, asked = one_after_another([Unreachable()])
    session = Session(locate, state)
    session.introduce(None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        with anyio.fail_after(PATIENCE):
            while len(asked) < 3:  # it goes on trying
                await session.bell.wait()
        tasks.cancel_scope.cancel()
    assert set(asked) == {"mcp-host"}


async def test_a_tool_waits_a_while_for_the_first_try_and_then_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PATIENCE", 0.1)

    async def locate(_: str) -> Endpoint:
        await anyio.sleep_forever()
        raise AssertionError

    async with desk(locate, state) as host:
        for tool in ("inbox_wait", "list_chats"):
            error = await host.refused(tool)
            assert error["code"] == "unreachable"
            assert "Still connecting" in error["message"]
        assert host.session.connection == "connecting"


async def test_a_platform_that_is_not_there_is_reported_and_found_when_it_comes(
    island: Scene, state: Path, hurried: None
) -> None:
    await island.here.stop()
    async with desk(at(island.here, agent=island.scout), state) as host:
        error = await host.refused("list_chats")
        assert error["code"] == "unreachable"
        assert error["next_step"] == wording.NEXT["unreachable"]
        assert host.session.connection == "offline"
        await island.here.start()
        await host.until("live")
        assert (await host.said("list_chats"))["data"]


async def test_why_no_platform_could_be_located_is_said_in_its_own_words(state: Path) -> None:
    locate, _ = one_after_another([CannotLocate("The local platform did not start")])
    async with desk(locate, state) as host:
        error = await host.refused("inbox_wait")
        assert (error["code"], error["message"]) == ("unreachable", "The local platform did not start")
        assert (await host.read("thenvoi://status"))["trouble"] == error["message"]


async def test_a_refused_key_is_said_at_once_and_tried_again(
    scene: Scene, state: Path, hurried: None
) -> None:
    right = Endpoint(scene.here.url, agent_key=scene.scout.key)
    wrong = Endpoint(scene.here.url, agent_key="thnv_a_none_none")
    locate, asked = one_after_another([wrong, wrong, right])
    async with desk(locate, state) as host:
        error = await host.refused("list_chats")
        assert error["code"] == "unauthorized"
        assert scene.here.url in error["message"]
        assert "none_none" not in str(error)
        await host.until("live")
    assert len(asked) == 3


async def test_with_a_refused_key_the_platform_can_still_be_asked_how_it_is(
    scene: Scene, state: Path
) -> None:
    async with desk(at(scene.here, agent="thnv_a_none_none"), state, sides=BOTH) as host:
        assert (await host.refused("check_key"))["code"] == "unauthorized"
        assert (await host.said("health"))["status"] == "ok"
        assert (await host.said("version"))["version"]


async def test_a_platform_that_was_not_found_can_be_asked_nothing(state: Path) -> None:
    locate, _ = one_after_another([CannotLocate("The local platform did not start")])
    async with desk(locate, state) as host:
        for tool in ("health", "version", "check_key"):
            error = await host.refused(tool)
            assert (error["code"], error["message"]) == ("unreachable", "The local platform did not start")


@pytest.mark.parametrize(
    ("person", "agent", "opens"),
    [(True, False, ["human_api"]), (False, True, ["agent_api"]), (True, True, ["agent_api"])],
    ids=["person's", "agent's", "both"],
)
async def test_whichever_key_there_is_is_checked(
    scene: Scene, state: Path, person: bool, agent: bool, opens: list[str]
) -> None:
    keys = at(scene.here, person=scene.alice if person else None, agent=scene.scout if agent else None)
    async with desk(keys, state, sides=BOTH) as host:
        assert (await host.said("check_key"))["permissions"] == opens


@pytest.mark.parametrize("key", ["thnv_a_schlüssel_x", "thnv_a_two\nlines"])
async def test_a_key_that_no_key_can_be_is_refused_without_being_shown(
    scene: Scene, state: Path, key: str
) -> None:
    async with desk(at(scene.here, agent=key), state) as host:
        error = await host.refused("list_chats")
    assert error["code"] == "unauthorized"
    assert key not in str(error)


async def test_a_persons_key_alone_gives_no_inbox(scene: Scene, state: Path) -> None:
    async with desk(at(scene.here, person=scene.alice), state, sides=BOTH) as host:
        assert (await host.said("get_my_profile"))["id"] == scene.alice.id
        assert host.session.connection == "no_inbox"
        for tool in ("inbox_wait", "list_chats"):
            error = await host.refused(tool)
            assert error["code"] == "forbidden"
            assert "agent's key" in error["message"]
        status = await host.read("thenvoi://status")
        assert (status["agent"], status["socket"], status["unread"]) == (None, None, None)
        assert status["person"]["id"] == scene.alice.id


async def test_an_agents_key_alone_gives_no_tools_for_people(scene: Scene, state: Path) -> None:
    async with desk(at(scene.here, agent=scene.scout), state, sides=BOTH) as host:
        error = await host.refused("get_my_profile")
        assert error["code"] == "forbidden"
        assert "person's key" in error["message"]


async def test_a_persons_and_an_agents_key_work_side_by_side(scene: Scene, state: Path) -> None:
    locate = at(scene.here, agent=scene.scout, person=scene.alice)
    async with desk(locate, state, sides=BOTH) as host:
        await host.until("live")
        arguments = {"chat_id": scene.room.id, "content": "from me", "mentions": ["Scout"]}
        assert not (await host.llm.call_tool("send_my_message", arguments)).is_error
        (message,) = (await host.shown("inbox_wait"))["messages"]
        assert message["sender_id"] == scene.alice.id
        status = await host.read("thenvoi://status")
        assert (status["agent"]["id"], status["person"]["id"]) == (scene.scout.id, scene.alice.id)


async def test_one_wrong_key_of_two_does_not_harm_the_other(scene: Scene, state: Path) -> None:
    locate = at(scene.here, agent="thnv_a_none_none", person=scene.alice)
    async with desk(locate, state, sides=BOTH) as host:
        assert (await host.said("list_my_chats"))["data"]
        error = await host.refused("list_chats")
        assert error["code"] == "forbidden"
        assert "the platform accepts" in error["message"]


@pytest.mark.parametrize("whose", ["agent", "person"])
async def test_a_key_that_does_not_tell_whose_it_is_works_for_whose_it_is(
    scene: Scene, state: Path, whose: str
) -> None:
    key = {"agent": scene.scout, "person": scene.alice}[whose].key
    async with desk(at(scene.here, agent=key, person=key), state, sides=BOTH) as host:
        works, other = ("list_chats", "list_my_chats")[:: 1 if whose == "agent" else -1]
        assert (await host.said(works))["data"]
        assert (await host.refused(other))["code"] == "forbidden"
        await host.until("live" if whose == "agent" else "no_inbox")


async def test_a_seat_that_breaks_is_reported_without_details_and_taken_again(
    scene: Scene, state: Path, hurried: None
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        broken = host.seat
        sent = await say(scene.alice, scene.room, scene.scout, "hi")
        await host.unread(1)
        await broken.inbox.close()  # as when its disk goes away

        async def taken_again() -> bool:
            return host.session.seat_now not in (None, broken)

        await host.rung(taken_again)
        await host.until("live")
        assert host.session.trouble is None
        (message,) = (await host.shown("inbox_wait"))["messages"]
        assert message["id"] == sent.id


async def test_a_wait_outlives_a_seat_or_says_that_it_is_gone(
    scene: Scene, state: Path, hurried: None
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        broken, codes = host.seat, list[str | None]()
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                await tasks.start(wait, host, codes)
                await broken.inbox.close()
                host.session.ring()
                while host.session.seat_now in (None, broken):
                    await host.session.bell.wait()
                await say(scene.alice, scene.room, scene.scout, "hi")
    assert codes in ([None], ["inbox_closed"], ["unreachable"])


async def test_an_inbox_that_cannot_be_opened_is_reported_without_a_path_and_tried_again(
    scene: Scene, state: Path, hurried: None
) -> None:
    await anyio.Path(state).write_text("a file where a folder should be")
    async with desk(at(scene.here, agent=scene.scout), state) as host:
        result = await host.llm.call_tool("inbox_wait", {})
        assert result.is_error
        error = result.structured_content["error"]
        assert (error["code"], error["next_step"]) == ("inbox_unusable", wording.NEXT["inbox_unusable"])
        assert str(state) not in text_of(result)
        assert (await host.read("thenvoi://status"))["trouble"] == error["message"]
        await anyio.Path(state).unlink()
        await host.until("live")


async def test_a_tool_that_did_its_work_says_so_even_if_the_inbox_is_broken(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        await host.seat.inbox.close()
        result = await host.llm.call_tool("list_participants", {"chat_id": scene.room.id})
        assert not result.is_error
        assert len(result.content) == 1  # without the line on what is unread


async def follows(host: Desk, to: World) -> None:
    async def there() -> bool:
        return host.session.endpoint is not None and host.session.endpoint.base_url == to.url

    await host.rung(there)
    await host.until("live")


async def test_a_local_platform_is_followed_to_where_it_moves(
    island: Scene, state: Path, tmp_path: Path, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.3)
    async with world(tmp_path / "elsewhere") as elsewhere:
        bob = await elsewhere.person("Bob Roe")
        moved = await elsewhere.agent(bob, "Scout")
        room = await elsewhere.room(bob, moved)
        before = Endpoint(island.here.url, agent_key=island.scout.key, local=True)
        after = Endpoint(elsewhere.url, agent_key=moved.key, local=True)
        locate, _ = one_after_another([before, CannotLocate("not yet"), after])
        async with desk(locate, state) as host, anyio.create_task_group() as tasks:
            await host.until("live")
            codes: list[str | None] = []
            await tasks.start(wait, host, codes)
            await island.here.stop()  # it is asked for once in vain, and found elsewhere the next time

            async def between() -> bool:
                return host.session.seat_now is None

            await host.rung(between)
            error = await host.refused("list_chats")
            assert error["code"] == "unreachable"  # and not that no key is set
            assert codes == ["unreachable"]
            assert host.session.connection == "offline"
            await follows(host, elsewhere)
            sent = await say(bob, room, moved, "found you")
            (message,) = (await host.shown("inbox_wait", timeout_s=20))["messages"]
            assert message["id"] == sent.id


async def test_a_lost_platform_that_is_not_local_is_waited_for_where_it_was(
    island: Scene, state: Path
) -> None:
    locate, asked = one_after_another([Endpoint(island.here.url, agent_key=island.scout.key)])
    async with desk(locate, state) as host:
        await host.until("live")
        await island.here.stop()

        async def lost() -> bool:
            return host.session.connection in ("waiting", "connecting")

        await host.rung(lost)
        await island.here.start()
        await host.until("live")
    assert len(asked) == 1


async def test_whoever_takes_the_bell_before_he_looks_misses_nothing(state: Path) -> None:
    session = Session(nowhere(), state)
    taken = session.bell
    session.ring()
    session.ring()
    assert taken.is_set()
    assert not session.bell.is_set()
    with anyio.fail_after(1):
        await taken.wait()
