"""An inbox whose file is damaged, refused, full or too new: that is said in clear words; nothing is lost."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from tests.bridge.conftest import Scene
from tests.bridge.desk import PATIENCE, Desk, at, desk, live, text_of
from tests.faults.plan import Status
from tests.faults.switches import Switches
from tests.inbox.disks import disk_under, disk_without_shared_memory
from tests.world import say, world
from thenvoi_bridge.bridge import keeping, problems, receiving, seat, sending, settling, wording
from thenvoi_bridge.bridge import session as sessions
from thenvoi_bridge.bridge.endpoint import Endpoint, Locate
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages
from thenvoi_bridge.inbox import grounds, repair, shelf, tidy
from thenvoi_bridge.inbox.trouble import Trouble
from thenvoi_bridge.storage.sqlite import open_sqlite


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(keeping, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(keeping, "MOMENT", 0.01)


async def folder_of(state: Path) -> Path:
    (file,) = [path async for path in anyio.Path(state).glob("agents/*/inbox.db")]
    return Path(file.parent)


def change(folder: Path, sql: str) -> None:
    connection = apsw.Connection(str(folder / "inbox.db"))
    connection.set_busy_timeout(10_000)
    connection.execute(sql).fetchall()
    connection.close()


def aside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("inbox.db.damaged-*Z"))


def counted(locate: Locate) -> tuple[Locate, list[float]]:
    """Finds the same, and notes when it was asked."""
    times: list[float] = []

    async def noting(host: str) -> Endpoint:
        times.append(anyio.current_time())
        return await locate(host)

    return noting, times


async def handed_out(host: Desk, many: int) -> list[str]:
    """Wait for so many messages and end them; return their ids in the order in which they were handed out."""
    got: list[str] = []
    with anyio.fail_after(PATIENCE):
        while len(got) < many:
            ids = [message["id"] for message in (await host.shown("inbox_wait", timeout_s=5))["messages"]]
            got += ids
            if ids:
                await host.shown("inbox_ack", message_ids=ids)
    return got


async def trouble_shown(host: Desk, code: str) -> str:
    """Wait until the session knows of this trouble; return what the status says of it."""

    async def so() -> bool:
        return host.session.trouble is not None and host.session.trouble.code == code

    await host.rung(so)
    said = (await host.read("thenvoi://status"))["trouble"]
    assert isinstance(said, str)
    return said


async def taken_again(host: Desk, broken: seat.Seat) -> bool:
    return host.session.seat_now not in (None, broken)


async def no_trouble(host: Desk) -> None:
    async def so() -> bool:
        return host.session.trouble is None

    await host.rung(so)


# Damaged


async def test_a_damaged_inbox_is_set_aside_at_start_and_filled_again_from_the_platform(
    scene: Scene, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        sent = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(3)]
        await host.unread(3)
        await host.shown("inbox_ack", message_ids=sent[:1])
    folder = await folder_of(state)
    (folder / "inbox.db").write_bytes(b"no database" * 1000)
    async with desk(at(scene.here, agent=scene.scout), state) as host:
        await host.until("live")
        (kept,) = aside(folder)
        assert kept in (await host.read("thenvoi://status"))["trouble"]
        assert await handed_out(host, 2) == sent[1:]
    assert kept in caplog.text
    assert "damaged" in caplog.text


async def test_an_inbox_that_is_damaged_at_work_is_replaced_and_the_host_goes_on(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state) as host:
        broken = host.seat
        sent = (await say(scene.alice, scene.room, scene.scout, "hi")).id
        await host.unread(1)
        change(await folder_of(state), "UPDATE inbox SET message = '{'")
        error = await host.refused("inbox_read")
        assert error["code"] == "inbox_damaged"
        assert error["next_step"] == wording.NEXT["inbox_damaged"]

        await host.rung(partial(taken_again, host, broken))
        await host.until("live")
        assert await handed_out(host, 1) == [sent]
        assert len(aside(await folder_of(state))) == 1


async def test_two_bridges_on_a_damaged_inbox_go_on_with_one_fresh_one(scene: Scene, state: Path) -> None:
    async with live(scene.here, scene.scout, state) as one, live(scene.here, scene.scout, state) as two:
        before = one.seat, two.seat
        sent = (await say(scene.alice, scene.room, scene.scout, "hi")).id
        await one.unread(1)
        await two.unread(1)
        change(await folder_of(state), "UPDATE inbox SET message = '{'")
        with suppress(Trouble):
            await two.seat.inbox.get([sent])

        for host, broken in zip((one, two), before, strict=True):
            await host.rung(partial(taken_again, host, broken))
        await two.until("live")
        assert await handed_out(two, 1) == [sent]
        assert len(aside(await folder_of(state))) == 1
        for host in (one, two):
            assert aside(await folder_of(state))[0] in (await host.read("thenvoi://status"))["trouble"]
            await host.unread(0)


@asynccontextmanager
async def answered_and_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[Scene, Desk, str]]:
    """An answer is in the room, the platform could not be told so, and the inbox is destroyed."""
    monkeypatch.setattr(settling, "AGAIN", 0.2)
    switches = Switches((Status(503, path="/processed$"),))
    async with world(tmp_path / "platform", around=switches.around) as here:
        alice = await here.person()
        scout = await here.agent(alice, "Scout")
        scene = Scene(here, alice, scout, await here.room(alice, scout), "Acme")
        state = tmp_path / "state"
        async with live(here, scout, state) as host:
            asked = (await say(alice, scene.room, scout, "once?")).id
            await host.unread(1)
            await host.shown("inbox_wait")
            await host.shown("reply", message_ids=[asked], content="once.")
        (await folder_of(state) / "inbox.db").write_bytes(b"no database" * 1000)
        async with live(here, scout, state) as host:
            switches.plan = ()
            (again,) = (await host.shown("inbox_wait", timeout_s=20))["messages"]
            assert again["id"] == asked
            yield scene, host, asked


async def said_by_scout(scene: Scene) -> list[str]:
    said = (await scene.alice.call(ListMyMessages(chat_id=scene.room.id))).data
    return [message.content for message in said if message.sender_id == scene.scout.id]


async def unprocessed(scene: Scene) -> list[str]:
    return [message.id for message in (await scene.scout.call(ListMessages(chat_id=scene.room.id))).data]


@pytest.mark.thorough
async def test_an_answer_that_only_a_destroyed_inbox_knew_of_is_not_given_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answered_and_not_told(tmp_path, monkeypatch) as (scene, host, asked):
        await host.shown("reply", message_ids=[asked], content="once.")
        assert len(await said_by_scout(scene)) == 1
        assert await unprocessed(scene) == []


@pytest.mark.thorough
async def test_another_answer_to_what_only_a_destroyed_inbox_knew_to_be_answered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answered_and_not_told(tmp_path, monkeypatch) as (scene, host, asked):
        error = await host.refused("reply", message_ids=[asked], content="twice!")
        assert error["code"] == "idempotency_key_reused"
        (said,) = await said_by_scout(scene)
        assert said.endswith("once.")

        async def over() -> bool:
            return not await unprocessed(scene)

        await host.rung(over)


async def test_a_damaged_file_that_cannot_be_set_aside_is_told_and_tried_again(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    folder = await folder_of(state)
    (folder / "inbox.db").write_bytes(b"no database" * 1000)
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        patch.setattr(os, "replace", refuse)
        async with desk(at(scene.here, agent=scene.scout), state) as host:
            assert (await host.refused("inbox_wait"))["code"] == "inbox_damaged"
            assert aside(folder) == []
            patch.undo()
            await host.until("live")
    assert len(aside(folder)) == 1


# Refused


@pytest.mark.thorough
async def test_an_inbox_of_a_newer_version_is_refused_in_clear_words_and_never_hammered(
    scene: Scene, state: Path
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    folder = await folder_of(state)
    change(folder, "INSERT INTO schema_version VALUES (99, 'x', 'x')")
    before = (folder / "inbox.db").read_bytes()
    locate, times = counted(at(scene.here, agent=scene.scout))
    async with desk(locate, state) as host:
        for tool, arguments in (("inbox_wait", {}), ("list_chats", {}), ("reply", REPLY)):
            error = await host.refused(tool, **arguments)
            assert error["code"] == "inbox_too_new"
            assert "upgrade thenvoi-bridge" in error["next_step"]
        status = await host.read("thenvoi://status")
        assert (status["trouble"], status["connection"]) == (error["message"], "offline")
        with anyio.fail_after(PATIENCE):
            while len(times) < 6:
                await host.session.bell.wait()
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert all(pause >= 0.05 * 2**nth for nth, pause in enumerate(pauses))
        assert (folder / "inbox.db").read_bytes() == before
        assert aside(folder) == []
        change(folder, "DELETE FROM schema_version WHERE number = 99")
        await host.until("live")


REPLY: dict[str, Any] = {"message_ids": ["m1"], "content": "hello"}


async def test_a_disk_without_a_write_ahead_log_is_told_and_what_to_do(scene: Scene, state: Path) -> None:
    async with desk(at(scene.here, agent=scene.scout), state) as host:
        with disk_without_shared_memory():
            error = await host.refused("inbox_wait")
            assert error["code"] == "inbox_unusable"
            assert "perhaps a network share" in error["message"]
            assert "THENVOI_STATE_DIR" in error["next_step"]
            assert str(state) not in str(error)
            assert await trouble_shown(host, "inbox_unusable") == error["message"]
        await host.until("live")


async def test_a_file_that_may_not_be_written_is_told_and_used_once_it_may(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disk_under(state) as disk, monkeypatch.context() as patch:
        disk.read_only = True
        patch.setattr(os, "access", lambda *_: False)  # root may write everything
        async with desk(at(scene.here, agent=scene.scout), state) as host:
            error = await host.refused("inbox_wait")
            assert (error["code"], error["message"]) == (
                "inbox_read_only",
                wording.INBOX["inbox_read_only"],
            )
            assert await trouble_shown(host, "inbox_read_only") == error["message"]
            disk.read_only = False
            await host.until("live")


async def test_a_folder_that_others_could_enter_is_told_and_used_once_it_is_private(
    scene: Scene, state: Path, tmp_path: Path
) -> None:
    async with live(scene.here, scene.scout, state):
        pass
    folder = await folder_of(state)
    folder.rename(elsewhere := tmp_path / "elsewhere")
    folder.symlink_to(elsewhere)
    async with desk(at(scene.here, agent=scene.scout), state) as host:
        error = await host.refused("inbox_wait")
        assert error["code"] == "inbox_unusable"
        assert "not private" in error["message"]
        folder.unlink()
        elsewhere.rename(folder)
        await host.until("live")


async def test_a_file_that_another_program_holds_is_told_and_waited_for(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "open_sqlite", partial(open_sqlite, patience=0.05))
    async with live(scene.here, scene.scout, state) as host:
        kept = host.seat
        sent = (await say(scene.alice, scene.room, scene.scout, "hi")).id
        await host.unread(1)
        holder = apsw.Connection(str(await folder_of(state) / "inbox.db"))
        holder.set_busy_timeout(10_000)
        holder.execute("BEGIN IMMEDIATE")
        error = await host.refused("inbox_wait")
        assert (error["code"], error["message"]) == ("inbox_busy", wording.INBOX["inbox_busy"])
        assert (await host.shown("inbox_read"))["unread"] == 1
        holder.close()
        await host.until("live")
        assert await handed_out(host, 1) == [sent]
        assert host.seat is kept


# A full disk


async def test_on_a_full_disk_reading_goes_on_the_seat_stays_and_nothing_is_lost(
    scene: Scene, state: Path
) -> None:
    locate, times = counted(at(scene.here, agent=scene.scout))
    with disk_under(state) as disk:
        async with desk(locate, state) as host:
            await host.until("live")
            kept = host.seat
            sent = [(await say(scene.alice, scene.room, scene.scout, "before")).id]
            await host.unread(1)
            await host.shown("inbox_wait")
            disk.full = True
            sent += [(await say(scene.alice, scene.room, scene.scout, f"full {n}")).id for n in range(20)]
            said = await trouble_shown(host, "disk_full")
            assert said == wording.INBOX["disk_full"]
            assert host.session.connection == "offline"
            error = await host.refused("reply", message_ids=sent[:1], content="kept?")
            assert (error["code"], error["message"]) == ("disk_full", said)
            assert "room on the disk" in error["next_step"]
            assert (await host.shown("inbox_read"))["unread"] == 1
            assert (await host.read("thenvoi://inbox"))["unread"] == 1
            assert (await host.said("list_chats"))["data"]
            assert await said_by_scout(scene) == []
            disk.full = False
            await host.until("live")
            await no_trouble(host)
            await host.shown("reply", message_ids=sent[:1], content="kept?")
            assert await handed_out(host, 20) == sent[1:]
            assert len(await said_by_scout(scene)) == 1
            assert host.seat is kept
    assert len(times) == 1


@pytest.mark.thorough
async def test_a_disk_that_stays_full_is_looked_at_ever_more_seldom(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[float] = []
    run = seat.Seat.run

    async def counting(self: seat.Seat, *args: Any) -> None:
        runs.append(anyio.current_time())
        await run(self, *args)

    monkeypatch.setattr(seat.Seat, "run", counting)
    with disk_under(state) as disk:
        async with live(scene.here, scene.scout, state) as host:
            proofs: list[float] = []
            prove = host.seat.inbox.prove

            async def proving() -> None:
                proofs.append(anyio.current_time())
                await prove()

            monkeypatch.setattr(host.seat.inbox, "prove", proving)
            disk.full = True
            await say(scene.alice, scene.room, scene.scout, "hi")
            with anyio.fail_after(PATIENCE):
                while len(proofs) < 5:
                    await host.session.bell.wait()
            pauses = [later - earlier for earlier, later in pairwise(proofs)]
            assert all(pause >= 0.1 * 2**nth for nth, pause in enumerate(pauses))
            assert len(runs) == 1
            disk.full = False
            await host.until("live")
            await host.unread(1)
    assert len(runs) == 2


async def test_an_answer_that_went_out_and_could_not_be_noted_is_said_once(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disk_under(state) as disk:
        async with live(scene.here, scene.scout, state) as host:
            sent = (await say(scene.alice, scene.room, scene.scout, "hi")).id
            await host.unread(1)
            await host.shown("inbox_wait")
            client, call = host.seat.client, type(host.seat.client).__call__

            async def fills(self: Any, what: Any, **more: Any) -> Any:
                answer = await call(self, what, **more)
                disk.full |= type(what).__name__ == "SendMessage"
                return answer

            monkeypatch.setattr(type(client), "__call__", fills)
            error = await host.refused("reply", message_ids=[sent], content="once.")
            assert error["code"] == "disk_full"
            monkeypatch.undo()
            monkeypatch.setattr(sending, "PATIENCE", 0.5)
            assert len(await said_by_scout(scene)) == 1
            disk.full = False
            await no_trouble(host)
            again = await host.shown("reply", message_ids=[sent], content="once.")
            assert again.get("already_sent") or again.get("pending")
            assert len(await said_by_scout(scene)) == 1


# A full inbox


async def test_a_full_inbox_says_so_and_what_waits_on_the_platform_comes_in_order(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "MOST", 6)
    monkeypatch.setattr(tidy, "LOW", 3)
    monkeypatch.setattr(receiving, "LOOK", 0.3)
    other = await scene.here.room(scene.alice, scene.scout)
    async with live(scene.here, scene.scout, state) as host:
        sent: dict[str, list[str]] = {scene.room.id: [], other.id: []}
        for n in range(12):
            for room in (scene.room, other):
                sent[room.id].append((await say(scene.alice, room, scene.scout, f"number {n}")).id)
        assert await trouble_shown(host, "inbox_full") == wording.INBOX_FULL
        assert host.session.connection in ("live", "catching_up")  # it looks again and again for room
        assert (await host.shown("inbox_read", limit=100))["unread"] == 6
        got: dict[str, list[str]] = {scene.room.id: [], other.id: []}
        with anyio.fail_after(PATIENCE):
            while sum(map(len, got.values())) < 24:
                for message in (await host.shown("inbox_wait", timeout_s=5))["messages"]:
                    got[message["chat_id"]].append(message["id"])
                    await host.shown("inbox_ack", message_ids=[message["id"]])
        assert got == sent
        await no_trouble(host)


async def test_what_was_pushed_while_it_was_full_comes_in_without_a_look_once_there_is_room(
    scene: Scene, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "MOST", 2)
    monkeypatch.setattr(tidy, "LOW", 1)
    monkeypatch.setattr(receiving, "LOOK", 3600.0)
    async with live(scene.here, scene.scout, state) as host:
        sent = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(4)]
        await trouble_shown(host, "inbox_full")
        assert await unread_ids(host) == sent[:2]
        assert await handed_out(host, 4) == sent
        sent.append((await say(scene.alice, scene.room, scene.scout, "later")).id)
        assert await handed_out(host, 1) == sent[4:]
        await no_trouble(host)


async def unread_ids(host: Desk) -> list[str]:
    return [message["id"] for message in (await host.shown("inbox_read", limit=100))["messages"]]


# In words


@pytest.mark.parametrize("code", sorted(wording.INBOX))
def test_every_trouble_has_words_and_a_next_step(code: str) -> None:
    result = problems.result(Trouble(code, "no room"), {})
    error = result.structured_content["error"]
    assert error == {
        "code": code,
        "message": wording.INBOX[code].format(reason="no room"),
        "next_step": wording.NEXT[code],
    }
    assert "{" not in text_of(result).replace('{"error":{', "")


def test_no_trouble_is_without_words() -> None:
    codes = {
        *(code for code, _ in grounds._TROUBLES.values()),
        *repair._CODES.values(),
        *repair._ERRNO.values(),
        "inbox_damaged",
        "inbox_unusable",
        "inbox_closed",
    }
    assert codes == wording.INBOX.keys()
