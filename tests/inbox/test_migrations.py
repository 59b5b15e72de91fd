"""An inbox that an older version left behind, opened by this one."""

import json
from importlib import resources
from pathlib import Path

import pytest

from tests.inbox.conftest import Open
from tests.inbox.hosts import answer, bury, ids, one, order, tell
from tests.inbox.mentions import NOW, as_kept, mention
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.errors import NotOpen
from thenvoi_bridge.inbox.outgoing import Phase
from thenvoi_bridge.inbox.privacy import private_folder
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import Tx, Value
from thenvoi_bridge.storage.sqlite import open_sqlite

pytestmark = pytest.mark.sqlite

SAID, SAID_TO_TWO = '{"id": "a1"}', '{"id": "a2"}'

# As version 0.1 wrote them: id, state, attempts, owner, token, lease_until, outcome, error, digest, answer.
ROWS: list[tuple[Value, ...]] = [
    ("ready", "ready", 0, None, 0, 0.0, None, None, None, None),
    ("released", "ready", 1, None, 3, NOW, None, None, None, None),
    ("leased", "leased", 2, "somebody", 4, 2 * NOW, None, None, None, None),
    ("answering", "answering", 1, "somebody", 5, 2 * NOW, None, None, "d0", None),
    ("acking", "acking", 1, None, 3, NOW, "processed", None, "d1", SAID),
    ("failed", "acking", 1, None, 3, NOW, "failed", "no idea", None, None),
    ("done1", "done", 1, None, 3, NOW, "processed", None, "d2", SAID_TO_TWO),
    ("done2", "done", 1, None, 3, NOW, "processed", None, "d2", SAID_TO_TWO),
    ("ended", "done", 1, None, 3, NOW, "processed", None, None, None),
    ("dead", "dead", 1, None, 4, NOW, "failed", "no idea", None, None),
    ("buried", "dead", 5, None, 9, NOW, None, "handed out 5 times without an outcome", None, None),
    ("gone", "gone", 0, None, 1, 0.0, None, None, None, None),
]
STATES = {
    "ready": {"ready", "released", "leased", "answering"},
    "acking": {"acking", "failed"},
    "done": {"done1", "done2", "ended"},
    "dead": {"dead", "buried"},
    "gone": {"gone"},
}


def make_old(tx: Tx) -> None:
    migrations = resources.files("thenvoi_bridge.inbox.migrations")
    tx.script((migrations / "0001_inbox.sql").read_text("utf-8"))
    tx.script("CREATE TABLE schema_version (number INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
    tx.run("INSERT INTO schema_version VALUES (1, 'inbox', '2026-03-01T00:00:00+00:00')")
    tx.run("INSERT INTO about VALUES ('epoch', '0123456789abcdef')")
    for seq, (id, *row) in enumerate(ROWS, start=11):
        message = mention(str(id), "done" if str(id).startswith("done") else str(id), seq)
        tx.run(
            "INSERT INTO inbox (seq, id, chat_id, chat_title, sent_at, message, state, attempts, owner, "
            "token, lease_until, outcome, error, digest, answer) "
            "VALUES (?, ?, ?, 'Tea', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            seq,
            id,
            message.chat_room_id,
            f"2026-03-01T10:{seq:02}:00.000000+00:00",
            message.model_dump_json(),
            *row,
        )


@pytest.fixture
async def old(folder: Path, another: Open) -> Inbox:
    """What an older version left, as this one opens it."""
    db = await open_sqlite(private_folder(folder) / "inbox.db")
    await db.write(make_old)
    await db.close()
    return await another()


async def test_every_message_is_where_it_was_and_what_was_held_is_free(old: Inbox) -> None:
    items = (await old.page(None, None, 99, set(State))).items
    assert {state: {i.id for i in items if i.state == state} for state in {i.state for i in items}} == STATES
    assert {item.owner for item in items} == {None}
    for item, (seq, row) in zip(items, enumerate(ROWS, start=11), strict=True):
        id, _, attempts, _, token, _, outcome, error, *_ = row
        assert (item.seq, item.id, item.chat_title, item.attempts) == (seq, id, "Tea", attempts)
        assert isinstance(token, int)
        assert item.token > token  # whoever of the older version comes back is late
        assert (item.outcome, item.error) == (outcome, error)
        assert item.message == as_kept(mention(item.id, item.chat_id, item.seq))
        assert (item.attempt, item.taken_at, item.lease_until) == (None, 0, 0)


async def test_what_was_open_is_handed_out_oldest_first(old: Inbox) -> None:
    assert await old.at_hand(NOW) == (4, 4)
    rooms = [ids(await old.lease(None, 9, NOW)) for _ in range(5)]
    assert rooms == [["ready"], ["released"], ["leased"], ["answering"], []]
    assert (await one(old, "leased")).attempts == 3
    for id in STATES["ready"]:
        await answer(old, id)


async def test_what_the_platform_did_not_know_it_is_told_now(old: Inbox) -> None:
    told = await tell(old)
    assert [(item.id, item.state, item.error) for item in told] == [
        ("acking", State.DONE, None),
        ("failed", State.DEAD, "no idea"),
    ]


@pytest.mark.parametrize(("digest", "said", "seq"), [("d1", SAID, 15), ("d2", SAID_TO_TWO, 18)])
async def test_answers_of_before_are_kept(old: Inbox, digest: str, said: str, seq: int) -> None:
    out = await old.outbox.before(digest)
    assert out
    assert (out.phase, out.answer, out.seq, out.owner) == (Phase.SENT, said, seq, None)
    assert json.loads(said)["id"]
    assert await old.outbox.adopt(NOW) == []


async def test_what_was_answered_knows_its_answer(old: Inbox) -> None:
    items = await old.get(["acking", "done1", "done2", "ended", "answering"])
    answers = [await old.outbox.get(item.outgoing_id) if item.outgoing_id else None for item in items]
    assert [out and out.answer for out in answers] == [SAID, SAID_TO_TWO, SAID_TO_TWO, None, None]


async def test_what_was_answered_is_not_answered_again_and_what_failed_can_be(old: Inbox) -> None:
    for id in STATES["acking"] | STATES["done"] | STATES["gone"]:
        with pytest.raises(NotOpen):
            await old.outbox.answer([id], order(room="done"), NOW)
    await old.retry(["dead", "buried"])
    assert {item.attempts for item in await old.get(["dead", "buried"])} == {0}
    await bury(old, "dead")
    await answer(old, "buried")


async def test_what_comes_next_has_a_number_of_its_own_and_cursors_still_lead_to_it(old: Inbox) -> None:
    await old.put([mention("new", "done", 59), mention("ready")])
    assert await old.seq() == 11 + len(ROWS)
    page = await old.page("0123456789abcdef.22", None, 9)
    assert (ids(page.items), page.reset) == (["new"], False)


async def test_it_is_opened_as_well_once_it_is_new(old: Inbox, another: Open) -> None:
    await tell(old)
    again = await another()
    assert (await again.page(None, None, 99, set(State))).items == (
        await old.page(None, None, 99, set(State))
    ).items
    assert await again.unread() == 4
