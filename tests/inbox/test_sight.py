"""What several bridges of one agent may see, and what of that counts for whoever looks beside them."""

from __future__ import annotations

import pytest

from tests.inbox.conftest import Open
from thenvoi_bridge.inbox.sight import Posted, Sight, as_json, from_json, in_force, posting
from thenvoi_bridge.inbox.store import Inbox

ALICE, BOB = Sight(senders=frozenset({"alice"})), Sight(senders=frozenset({"bob"}))
HERE, THERE = Sight(rooms=frozenset({"here"})), Sight(rooms=frozenset({"there"}))
ALL = Sight()


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        (ALL, ["here alice", "here bob", "there alice", "there bob"]),
        (ALICE, ["here alice", "there alice"]),
        (HERE, ["here alice", "here bob"]),
        (HERE & ALICE, ["here alice"]),
        (ALICE & BOB, []),
        (HERE & THERE, []),
        (ALL & BOB, ["here bob", "there bob"]),
        (BOB.knowing(["alice"]), ["here alice", "here bob", "there alice", "there bob"]),
        (ALL.knowing(["alice"]), ["here alice", "here bob", "there alice", "there bob"]),
    ],
    ids=[
        "all",
        "a sender",
        "a room",
        "both",
        "two senders",
        "two rooms",
        "all and a sender",
        "one more sender",
        "all and one more",
    ],
)
def test_a_message_is_seen_if_its_room_and_its_sender_are(sight: Sight, seen: list[str]) -> None:
    every = ((room, sender) for room in ("here", "there") for sender in ("alice", "bob"))
    assert [f"{room} {sender}" for room, sender in every if sight.sees(room, sender)] == seen


@pytest.mark.parametrize(
    ("posted", "alive", "host", "counts"),
    [
        ([], "", "code", ALL),
        ([Posted("1", "code", ALICE)], "1", "code", ALICE),
        ([Posted("1", "code", ALICE)], "", "code", ALICE),  # the hooks run on, and its bridge is to come
        ([Posted("1", "code", ALICE), Posted("2", "cursor", ALL)], "12", "cursor", ALICE),
        ([Posted("1", "code", ALICE), Posted("2", "cursor", ALL)], "2", "cursor", ALL),
        ([Posted("1", "code", ALICE), Posted("2", "cursor", ALL)], "2", "code", ALICE),
        ([Posted("1", "code", HERE), Posted("2", "code", ALICE)], "12", "code", HERE & ALICE),
        ([Posted("1", "code", HERE), Posted("2", "code", ALICE)], "", "code", ALICE),
        ([Posted("1", "code", HERE), Posted("2", "code", ALICE)], "", None, ALICE),
        ([Posted("1", "code", ALICE), Posted("2", "cursor", ALL)], "2", None, ALL),
        ([Posted("1", "code", ALICE), Posted("2", "cursor", ALL)], "", None, ALICE),
    ],
)
def test_what_all_who_live_and_the_last_of_the_same_host_may_see_is_shown(
    posted: list[Posted], alive: str, host: str | None, counts: Sight
) -> None:
    assert in_force(posted, alive.__contains__, host) == counts


def test_a_bridge_posts_in_place_of_its_own_and_of_the_dead_of_its_host() -> None:
    before = [Posted(owner, host, ALICE) for owner, host in (("1", "code"), ("2", "code"), ("3", "cursor"))]
    new = Posted("4", "code", BOB)
    assert posting(new, before, "2".__contains__) == [before[1], before[2], new]
    assert posting(new, [*before, Posted("4", "code", ALL)], "1234".__contains__) == [*before, new]


async def test_what_was_posted_is_known_to_all_and_outlives_whoever_did(inbox: Inbox, another: Open) -> None:
    await (await another()).board.show("code", HERE & ALICE)
    await inbox.board.show("cursor", ALL)
    assert [(posted.host, posted.sight) for posted in await inbox.board.sights()] == [
        ("code", HERE & ALICE),
        ("cursor", ALL),
    ]


def test_what_stands_on_the_board_is_read_as_it_was_written() -> None:
    text = (
        '[{"owner":"1","host":"code","sight":{"rooms":["here"],"senders":null}},'
        '{"owner":"2","host":"cursor","sight":{"rooms":null,"senders":["bob","alice"]},"newer":1}]'
    )
    posted = [Posted("1", "code", HERE), Posted("2", "cursor", Sight(senders=frozenset({"alice", "bob"})))]
    assert from_json(text) == from_json(as_json(posted)) == posted


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "7",
        "[7]",
        '[{"owner":"1","host":"code"}]',
        '[{"owner":"1","host":"code","sight":{"rooms":null}}]',
        '[{"owner":"1","host":"code","sight":{"rooms":[7],"senders":null}}]',
        '[{"owner":"1","host":null,"sight":{"rooms":null,"senders":null}}]',
        "[" * 100_000,
    ],
    ids=range(8),
)
def test_a_board_that_nobody_can_read_is_never_taken_for_one_that_allows_all(text: str) -> None:
    with pytest.raises(ValueError, match=r"no board|Expecting"):
        from_json(text)
