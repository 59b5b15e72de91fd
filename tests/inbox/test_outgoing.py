"""Every step with a message of ours in every situation, and what it leaves behind."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.inbox.mentions import NOW
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox import outgoing
from thenvoi_bridge.inbox.core import Caller
from thenvoi_bridge.inbox.errors import LeaseLost, Underway
from thenvoi_bridge.inbox.outgoing import SENDING, Outgoing, Phase

ME = Caller("me", NOW, alive={"me", "other"}.__contains__)
WALL = 1_800_000_000.0
CALL = SendMessage(chat_id="room", content="a secret", mentions=[Mention(id="peer")])
MINE = Outgoing(
    number=1,
    id="a1",
    chat_id="room",
    digest="digest",
    body=CALL.model_dump_json(),
    recipients="peer",
    gist="gist",
    made_at=WALL,
    tried_at=WALL,
    seq=3,
    since="2026",
    owner="me",
    token=7,
    lease_until=NOW + 1,
    tries=1,
)
OTHERS = replace(MINE, owner="other")
SENT = replace(MINE, phase=Phase.SENT, owner=None, lease_until=0.0, answer='{"id": "m9"}')
REFUSED = replace(SENT, phase=Phase.REFUSED, answer=None, error="mentions_required")

SITUATIONS = [
    MINE,
    OTHERS,
    replace(MINE, owner="dead"),
    replace(OTHERS, lease_until=NOW),
    replace(MINE, lease_until=NOW),
    replace(MINE, owner=None, tries=0),
    SENT,
    REFUSED,
]
STEPS: dict[str, Callable[[Outgoing, int], Outgoing]] = {
    "adopt": lambda out, _: outgoing.adopt(out, ME),
    "attempt": lambda out, token: outgoing.attempt(out, token, ME, WALL + 9),
    "sent": lambda out, token: outgoing.sent(out, token, "{}"),
    "refused": lambda out, token: outgoing.refused(out, token, "no such room"),
    "put_off": lambda out, token: outgoing.put_off(out, token, NOW + 30),
}
REFUSALS = {"lost": LeaseLost, "underway": Underway}

# With the newest token; words are the phase it is in then, or a refusal.
TABLE = """
|         | sending                                               |          |          |
|         | mine     other    dead    late    mine+late  nobody's | sent     | refused  |
| adopt   | underway underway sending sending sending    sending  | underway | underway |
| attempt | sending  sending  sending sending sending    sending  | lost     | lost     |
| sent    | sent     sent     sent    sent    sent       sent     | lost     | lost     |
| refused | refused  refused  refused refused refused    refused  | lost     | lost     |
| put_off | sending  sending  sending sending sending    sending  | lost     | lost     |
"""

CASES = [
    (name, out, expected)
    for name, *cells in (row.replace("|", " ").split() for row in TABLE.splitlines()[3:])
    for out, expected in zip(SITUATIONS, cells, strict=True)
]


@pytest.mark.parametrize(("name", "out", "expected"), CASES)
def test_every_step_does_in_every_situation_what_the_table_says(
    name: str, out: Outgoing, expected: str
) -> None:
    if refusal := REFUSALS.get(expected):
        with pytest.raises(refusal, match="a1"):
            STEPS[name](out, out.token)
    else:
        now = STEPS[name](out, out.token)
        assert now.phase == Phase(expected)
        assert now.token == out.token + 1  # whoever had it before is late


def test_the_table_knows_every_step_and_every_phase() -> None:
    assert len(CASES) == len(STEPS) * len(SITUATIONS)
    assert {out.phase for out in SITUATIONS} == set(Phase)


@pytest.mark.parametrize("token", [6, 8])
@pytest.mark.parametrize("name", [name for name in STEPS if name != "adopt"])
def test_whoever_does_not_have_the_newest_token_has_lost_it(name: str, token: int) -> None:
    for out in SITUATIONS:
        with pytest.raises(LeaseLost, match="a1"):
            STEPS[name](out, token)


@pytest.mark.parametrize("name", STEPS)
def test_what_is_sent_never_changes(name: str) -> None:
    for step, out, expected in CASES:
        if step == name and expected not in REFUSALS:
            now = STEPS[name](out, out.token)
            for one in ("id", "chat_id", "digest", "body", "recipients", "gist", "made_at", "seq", "since"):
                assert getattr(now, one) == getattr(out, one)


def test_a_try_is_counted_when_it_begins_and_leaves_a_minute_to_whoever_makes_it() -> None:
    tried = outgoing.attempt(OTHERS, 7, ME, WALL + 9)
    assert tried == replace(
        OTHERS, owner="me", token=8, tries=2, tried_at=WALL + 9, lease_until=NOW + SENDING
    )
    assert SENDING == 60


def test_adopting_is_no_try() -> None:
    adopted = outgoing.adopt(replace(OTHERS, lease_until=NOW), ME)
    assert adopted == replace(OTHERS, owner="me", token=8, lease_until=NOW + SENDING)


@pytest.mark.parametrize(("after", "free"), [(SENDING - 1, False), (SENDING, True)])
def test_what_is_being_sent_is_left_to_a_living_process_for_a_minute(after: float, free: bool) -> None:
    tried = outgoing.attempt(MINE, 7, ME, WALL)
    later = Caller("other", NOW + after, ME.alive)
    assert later.is_free(tried.owner, tried.lease_until) is free
    assert replace(later, alive={"other"}.__contains__).is_free(tried.owner, tried.lease_until)


@pytest.mark.parametrize("caller", ["me", "other"])
def test_what_is_put_off_is_nobodys_again_at_its_time_and_not_before(caller: str) -> None:
    off = outgoing.put_off(MINE, 7, NOW + 30)
    assert off == replace(MINE, token=8, lease_until=NOW + 30)
    with pytest.raises(Underway):
        outgoing.adopt(off, Caller(caller, NOW + 29, ME.alive))
    assert outgoing.adopt(off, Caller(caller, NOW + 30, ME.alive)).owner == caller


def test_what_is_put_off_is_anybodys_at_once_when_its_process_dies() -> None:
    off = outgoing.put_off(MINE, 7, NOW + 30)
    assert outgoing.adopt(off, Caller("other", NOW, {"other"}.__contains__)).owner == "other"


def test_what_the_platform_said_is_kept() -> None:
    assert outgoing.sent(MINE, 7, '{"id": "m9"}') == replace(SENT, token=8)
    assert outgoing.refused(MINE, 7, "mentions_required") == replace(REFUSED, token=8)


def test_every_try_sends_the_same_bytes() -> None:
    assert MINE.call == CALL
    assert MINE.call.model_dump_json() == MINE.body


def test_the_key_of_an_answer_is_the_same_on_every_computer_and_in_every_version() -> None:
    assert outgoing.key_of_answer("m1") == "0ca1aab6-ebff-503f-a524-434463e087a8"
    assert outgoing.key_of_answer("m2") != outgoing.key_of_answer("m1")


@pytest.mark.parametrize("text", ["Hello  there", "hello\n there ", "HELLO THERE"])
def test_the_gist_of_a_text_leaves_out_white_space_and_case(text: str) -> None:
    assert outgoing.gist_of(text) == outgoing.gist_of("hello there")
    assert outgoing.gist_of(text) != outgoing.gist_of("hello, there")


def test_what_a_message_of_ours_says_does_not_reach_a_log() -> None:
    said = replace(MINE, answer="a secret", error="a secret")
    assert "secret" not in repr(said)
