"""Our own messages on a real file: recorded before they are sent, sent once, by whoever lives."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest

from tests.inbox.conftest import Open, Start
from tests.inbox.hosts import WALL, answer, bury, ids, one, order, state, tell
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.inbox.core import LEASE, TELLING, State
from thenvoi_bridge.inbox.errors import LeaseLost, NotOpen, SeveralRooms, Underway, Unknown
from thenvoi_bridge.inbox.outgoing import SENDING, WINDOW, Order, Outgoing, Phase, gist_of, key_of_answer
from thenvoi_bridge.inbox.store import Inbox

SAID = '{"id": "a1", "success": true, "recipients": []}'


async def receive(inbox: Inbox, *which: str, room: str = "room") -> None:
    await inbox.put([mention(id, room, minute) for minute, id in enumerate(which)])


# Answers


async def test_an_answer_is_recorded_before_it_is_sent_with_all_that_sending_needs(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1", "m2")
    what = order("Good  Morning", to=["peer", "ann"])
    out = await inbox.outbox.answer(["m2", "m1", "m2"], what, NOW)
    assert await (await another()).outbox.get(out.id) == out
    assert (out.id, out.phase, out.tries) == (key_of_answer("m1"), Phase.SENDING, 1)
    assert (out.chat_id, out.call, out.digest) == ("room", what.call, what.digest)
    assert (out.recipients, out.gist) == ("ann peer", gist_of("good morning"))
    assert (out.made_at, out.tried_at, out.lease_until) == (WALL, WALL, NOW + SENDING)
    assert (out.seq, out.since) == (2, "2026-03-01T10:01:00.000000+00:00")
    assert [(item.state, item.outgoing_id) for item in await inbox.get(["m1", "m2"])] == [
        (State.ANSWERING, out.id)
    ] * 2


async def test_while_an_answer_is_being_sent_nobody_does_anything_else_with_its_messages(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1", "m2")
    await inbox.outbox.answer(["m1", "m2"], order(), NOW)
    for who in (inbox, await another()):
        for which in (["m1"], ["m2"], ["m1", "m2"]):
            with pytest.raises(Underway):
                await who.outbox.answer(which, order("Another"), NOW + LEASE)
            with pytest.raises(Underway):
                await who.end(which, "processed", None, NOW + LEASE)
        assert await who.lease(None, 9, NOW + LEASE) == []


async def test_an_answer_that_is_out_answers_all_its_messages(inbox: Inbox) -> None:
    await receive(inbox, "m1", "m2", "m3")
    await inbox.lease(None, 2, NOW)
    out = await inbox.outbox.sent(await inbox.outbox.answer(["m1", "m2"], order(), NOW), SAID, NOW)
    assert (out.phase, out.answer) == (Phase.SENT, SAID)
    assert [(item.id, item.state, item.outcome) for item in await inbox.get(["m1", "m2", "m3"])] == [
        ("m1", State.ACKING, "processed"),
        ("m2", State.ACKING, "processed"),
        ("m3", State.READY, None),
    ]
    assert [item.state for item in await tell(inbox)] == [State.DONE] * 2


async def test_the_same_order_again_finds_the_answer_whatever_became_of_its_messages(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1")
    other = await another()
    assert await inbox.outbox.before(order().digest) is None
    out = await inbox.outbox.answer(["m1"], order(), NOW)
    assert await other.outbox.before(order().digest) == out
    out = await inbox.outbox.sent(out, SAID, NOW)
    assert await other.outbox.before(order().digest) == out
    await tell(inbox)
    assert await other.outbox.before(order().digest) == out
    assert await other.outbox.before(order("Another").digest) is None


async def test_what_has_been_answered_is_not_answered_again(inbox: Inbox) -> None:
    await receive(inbox, "m1", "m2")
    await answer(inbox, "m1", "m2")
    for _ in range(2):
        for which in (["m1"], ["m2"], ["m1", "m2"]):
            with pytest.raises(NotOpen):
                await inbox.outbox.answer(which, order("Another"), NOW)
        await tell(inbox)


async def test_an_answer_goes_to_one_room_and_to_messages_there_are(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    for ask in (inbox.outbox.of_one_room, lambda ids: inbox.outbox.answer(ids, order(), NOW)):
        with pytest.raises(SeveralRooms) as several:
            await ask(["m1", "m2"])
        assert several.value.chat_ids == ("room", "other")
        with pytest.raises(Unknown) as unknown:
            await ask(["m9", "m1", "m8", "m9"])
        assert unknown.value.ids == ("m9", "m8")
    assert (await inbox.at_hand(NOW))[1] == 2


async def test_messages_to_answer_come_as_their_room_has_them(inbox: Inbox) -> None:
    await receive(inbox, "m1", "m2", "m3")
    assert ids(await inbox.outbox.of_one_room(["m3", "m1", "m3"])) == ["m1", "m3"]


async def test_an_answer_that_may_not_be_given_to_one_message_is_given_to_none(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1", "m2")
    await inbox.end(["m2"], "processed", None, NOW)
    with pytest.raises(NotOpen):
        await inbox.outbox.answer(["m1", "m2"], order(), NOW)
    assert await state(inbox, "m1") == State.READY
    assert await inbox.outbox.get(key_of_answer("m1")) is None
    assert await inbox.outbox.before(order().digest) is None


async def test_what_another_living_process_was_handed_is_that_ones_to_answer(
    inbox: Inbox, start: Start
) -> None:
    await receive(inbox, "m1")
    other = await start()
    await other.inbox.lease(None, 1, NOW)
    with pytest.raises(LeaseLost):
        await inbox.outbox.answer(["m1"], order(), NOW + LEASE - 1)
    await other.die()
    await inbox.outbox.answer(["m1"], order(), NOW + LEASE - 1)


async def test_what_another_process_was_handed_long_ago_is_anybodys_to_answer(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1")
    await (await another()).lease(None, 1, NOW)
    await inbox.outbox.answer(["m1"], order(), NOW + LEASE)


async def test_what_failed_can_be_answered_and_what_is_gone_cannot(inbox: Inbox) -> None:
    await inbox.put([mention("m1"), mention("m2", "other")])
    await bury(inbox, "m1")
    await inbox.drop_room("other")
    await answer(inbox, "m1")
    with pytest.raises(NotOpen):
        await inbox.outbox.answer(["m2"], order(room="other"), NOW)


async def test_of_two_who_answer_at_the_same_time_one_does(inbox: Inbox, another: Open) -> None:
    await receive(inbox, "m1", "m2", "m3")
    begun: list[Outgoing] = []
    refused: list[Underway] = []

    async def try_to_answer(who: Inbox, *which: str) -> None:
        try:
            begun.append(await who.outbox.answer(which, order(f"I am {id(who)}"), NOW))
        except Underway as exc:
            refused.append(exc)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(try_to_answer, inbox, "m1", "m2")
        tasks.start_soon(try_to_answer, await another(), "m2", "m3")
    assert (len(begun), len(refused)) == (1, 1)


async def test_a_cancelled_caller_has_recorded_what_it_was_about_to_send(inbox: Inbox) -> None:
    await receive(inbox, "m1")
    with anyio.CancelScope() as scope:
        scope.cancel()
        out = await inbox.outbox.answer(["m1"], order(), NOW)
    assert await inbox.outbox.get(out.id) == out


# What was refused


async def test_a_refused_answer_leaves_its_messages_with_their_host_for_another_try(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1", "m2")
    first = await inbox.outbox.answer(["m1", "m2"], order(), NOW)
    no = await inbox.outbox.refused(first, "sender_left", NOW + 5)
    assert (no.phase, no.error, no.answer) == (Phase.REFUSED, "sender_left", None)
    assert [(item.state, item.outgoing_id) for item in await inbox.get(["m1", "m2"])] == [
        (State.LEASED, None)
    ] * 2
    assert await inbox.outbox.before(order().digest) is None
    with pytest.raises(LeaseLost):
        await (await another()).outbox.answer(["m1"], order(), NOW + 5 + LEASE - 1)
    second = await inbox.outbox.answer(["m1", "m2"], order(wall=WALL + 9), NOW + 5)
    assert (second.id, second.tries, second.made_at, second.error) == (first.id, 1, WALL + 9, None)
    with pytest.raises(LeaseLost):
        await inbox.outbox.sent(first, SAID, NOW)
    await inbox.outbox.sent(second, SAID, NOW)


async def test_messages_of_a_refused_answer_can_be_answered_one_by_one(inbox: Inbox) -> None:
    await receive(inbox, "m1", "m2", "m3")
    await inbox.outbox.refused(await inbox.outbox.answer(["m1", "m2"], order(), NOW), "no", NOW)
    await answer(inbox, "m2", text="to the second")
    await answer(inbox, "m1", text="to the first")
    assert [await state(inbox, id) for id in ("m1", "m2", "m3")] == ["acking", "acking", "ready"]


async def test_what_another_computer_answered_is_over_and_the_rest_is_still_to_be_answered(
    inbox: Inbox,
) -> None:
    await receive(inbox, "m1", "m2", "m3")
    out = await inbox.outbox.answer(["m1", "m2", "m3"], order(), NOW)
    await inbox.outbox.refused(out, "idempotency_key_reused", NOW, elsewhere=True)
    assert [(item.state, item.outcome) for item in await inbox.get(["m1", "m2", "m3"])] == [
        (State.ACKING, "processed"),
        (State.LEASED, None),
        (State.LEASED, None),
    ]
    with pytest.raises(NotOpen):
        await inbox.outbox.answer(["m1", "m2"], order(), NOW)
    await answer(inbox, "m2", "m3")


async def test_a_refusal_that_another_process_hears_leaves_the_messages_with_their_living_host(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1")
    mine = await inbox.outbox.answer(["m1"], order(), NOW)
    await inbox.outbox.put_off(mine, NOW + 5)
    other = await another()
    (adopted,) = await other.outbox.adopt(NOW + 5)
    await other.outbox.refused(adopted, "no", NOW + 5)
    assert await other.lease(None, 1, NOW + 5 + LEASE - 1) == []
    await answer(inbox, "m1", now=NOW + 5)


async def test_a_refused_answer_of_a_process_that_died_leaves_its_messages_free(
    inbox: Inbox, start: Start
) -> None:
    await receive(inbox, "m1")
    dying = await start()
    await dying.outbox.answer(["m1"], order(), NOW)
    await dying.die()
    (adopted,) = await inbox.outbox.adopt(NOW)
    await inbox.outbox.refused(adopted, "no", NOW)
    assert ids(await inbox.lease(None, 1, NOW)) == ["m1"]


# What is in doubt


async def test_what_a_living_process_is_sending_is_left_to_it_for_a_minute(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1")
    mine = await inbox.outbox.answer(["m1"], order(), NOW)
    other = await another()
    for who in (inbox, other):
        assert await who.outbox.adopt(NOW + SENDING - 1) == []
    (adopted,) = await other.outbox.adopt(NOW + SENDING)
    assert (adopted.id, adopted.tries, adopted.token) == (mine.id, 1, mine.token + 1)
    assert await inbox.outbox.adopt(NOW + SENDING) == []


@pytest.mark.parametrize("put_off", [True, False], ids=["put off", "being sent"])
async def test_what_a_dead_process_left_is_taken_on_at_once(
    inbox: Inbox, start: Start, put_off: bool
) -> None:
    await receive(inbox, "m1")
    dying = await start()
    out = await dying.outbox.answer(["m1"], order(), NOW)
    if put_off:
        out = await dying.outbox.put_off(out, NOW + 3600)
    await dying.die()
    (adopted,) = await inbox.outbox.adopt(NOW)
    assert adopted.id == out.id
    await inbox.outbox.sent(adopted, SAID, NOW)
    item = await one(inbox, "m1")
    assert (item.state, item.lease_until) == (State.ACKING, NOW + TELLING)
    assert ids(await inbox.to_tell(NOW)) == ["m1"]  # so telling is up to whoever learned of it


async def test_what_is_put_off_is_taken_on_at_its_time_by_whoever_looks(inbox: Inbox, another: Open) -> None:
    await receive(inbox, "m1")
    out = await inbox.outbox.answer(["m1"], order(), NOW)
    other = await another()
    for who, now in ((other, NOW + 5), (inbox, NOW + 10), (other, NOW + 15)):
        out = await inbox.outbox.put_off(out, now)
        for each in (inbox, other):
            assert await each.outbox.adopt(now - 1) == []
        (out,) = await who.outbox.adopt(now)
    assert out.tries == 1
    assert await state(inbox, "m1") == State.ANSWERING


async def test_what_has_come_to_its_end_is_not_taken_on(inbox: Inbox, start: Start) -> None:
    await receive(inbox, "m1", "m2")
    dying = await start()
    await answer(dying.inbox, "m1")
    refused = await dying.outbox.answer(["m2"], order("Another"), NOW)
    await dying.outbox.refused(refused, "no", NOW)
    await dying.die()
    assert await inbox.outbox.adopt(NOW + SENDING) == []


async def test_of_all_who_look_at_the_same_time_one_takes_it_on(inbox: Inbox, start: Start) -> None:
    dying = await start()
    made = [(await dying.outbox.say(order(room=f"room{n}"), NOW))[0] for n in range(9)]
    await dying.die()
    adopted: list[Outgoing] = []

    async def look(who: Inbox) -> None:
        adopted.extend(await who.outbox.adopt(NOW))

    async with anyio.create_task_group() as tasks:
        for who in [inbox, *[(await start()).inbox for _ in range(3)]]:
            tasks.start_soon(look, who)
    assert sorted(ids(adopted)) == sorted(ids(made))


async def test_every_try_is_recorded_before_it_is_made(inbox: Inbox, another: Open) -> None:
    await receive(inbox, "m1")
    first = await inbox.outbox.answer(["m1"], order(), NOW)
    (adopted,) = await inbox.outbox.adopt(NOW + SENDING)
    second = await inbox.outbox.attempt(adopted, NOW + SENDING, WALL + 60)
    assert await (await another()).outbox.get(first.id) == second
    assert (second.tries, second.tried_at, second.made_at) == (2, WALL + 60, WALL)
    assert (second.body, second.digest, second.seq, second.since) == (
        first.body,
        first.digest,
        first.seq,
        first.since,
    )


async def test_whoever_was_too_slow_can_do_nothing_more_with_it(inbox: Inbox, another: Open) -> None:
    await receive(inbox, "m1")
    slow = await inbox.outbox.answer(["m1"], order(), NOW)
    other = await another()
    (adopted,) = await other.outbox.adopt(NOW + SENDING)
    late = NOW + SENDING
    steps: list[Callable[[], Awaitable[Outgoing]]] = [
        lambda: inbox.outbox.sent(slow, SAID, late),
        lambda: inbox.outbox.refused(slow, "no", late),
        lambda: inbox.outbox.refused(slow, "no", late, elsewhere=True),
        lambda: inbox.outbox.put_off(slow, late),
        lambda: inbox.outbox.attempt(slow, late, WALL),
    ]
    for step in steps:
        with pytest.raises(LeaseLost):
            await step()
    assert await inbox.outbox.get(slow.id) == adopted
    assert await state(inbox, "m1") == State.ANSWERING
    await other.outbox.sent(adopted, SAID, late)
    with pytest.raises(LeaseLost):
        await other.outbox.sent(adopted, SAID, late)


# What has to wait


async def test_nothing_of_ours_overtakes_what_is_on_its_way_to_the_same_room(
    inbox: Inbox, another: Open
) -> None:
    await receive(inbox, "m1")
    first, _ = await inbox.outbox.say(order("First"), NOW)
    second = await (await another()).outbox.answer(["m1"], order("Second", wall=WALL + 1), NOW)
    third, _ = await inbox.outbox.say(order("Third", wall=WALL + 2), NOW)
    elsewhere, _ = await inbox.outbox.say(order(room="elsewhere", wall=WALL + 3), NOW)
    assert [out.tries for out in (first, second, third, elsewhere)] == [1, 0, 0, 1]
    assert await state(inbox, "m1") == State.ANSWERING
    assert await inbox.outbox.adopt(NOW) == []
    await inbox.outbox.sent(first, SAID, NOW)
    (out,) = await inbox.outbox.adopt(NOW)
    assert (out.id, out.tries) == (second.id, 0)
    await inbox.outbox.refused(await inbox.outbox.attempt(out, NOW, WALL), "no", NOW)
    assert ids(await inbox.outbox.adopt(NOW)) == [third.id]


async def test_what_waits_goes_on_waiting_while_nobody_can_tell_of_the_first(inbox: Inbox) -> None:
    first, _ = await inbox.outbox.say(order("First"), NOW)
    second, _ = await inbox.outbox.say(order("Second", wall=WALL + 1), NOW)
    await inbox.outbox.put_off(first, NOW + 30)
    assert await inbox.outbox.adopt(NOW + 29) == []
    assert ids(await inbox.outbox.adopt(NOW + 30)) == [first.id]
    assert await inbox.outbox.get(second.id) == second


async def test_what_a_dead_process_left_is_taken_on_room_by_room_in_its_order(
    inbox: Inbox, start: Start
) -> None:
    dying = await start()
    rooms = ["tea", "tea", "coffee", "tea", "coffee"]
    for n, room in enumerate(rooms):
        await dying.outbox.say(order(f"{n}", room, wall=WALL + n), NOW)
    await dying.die()
    rounds = []
    while adopted := await inbox.outbox.adopt(NOW):
        rounds.append([out.call.content for out in adopted])
        for out in adopted:
            await inbox.outbox.sent(out, SAID, NOW)
    assert rounds == [["0", "2"], ["1", "4"], ["3"]]


async def test_what_waits_is_the_same_message_when_it_is_said_again(inbox: Inbox) -> None:
    await inbox.outbox.say(order("First"), NOW)
    second, again = await inbox.outbox.say(order("Second"), NOW)
    assert not again
    assert await inbox.outbox.say(order("Second", wall=WALL + 1), NOW) == (second, True)
    assert await inbox.outbox.before(order("Second").digest) == second


async def test_what_is_answered_anew_waits_for_what_was_said_since_the_refusal(inbox: Inbox) -> None:
    await receive(inbox, "m1")
    first = await inbox.outbox.answer(["m1"], order("First"), NOW)
    await inbox.outbox.refused(first, "no", NOW)
    said, _ = await inbox.outbox.say(order("Said since"), NOW)
    anew = await inbox.outbox.answer(["m1"], order("Anew"), NOW)
    assert (anew.id, anew.tries) == (first.id, 0)
    assert ids(await inbox.outbox.adopt(NOW + SENDING)) == [said.id]


async def test_nothing_overtakes_though_the_clock_was_set_back(inbox: Inbox) -> None:
    await inbox.outbox.say(order("First"), NOW)
    await inbox.outbox.say(order("Second", wall=WALL - 3600), NOW)
    assert await inbox.outbox.adopt(NOW) == []


# What answers nothing


async def test_what_is_said_has_a_key_of_its_own_and_answers_nothing(inbox: Inbox) -> None:
    await receive(inbox, "m1")
    keys = set()
    for text in ("One", "Two"):
        out, again = await inbox.outbox.say(order(text), NOW)
        assert (out.phase, out.tries, out.lease_until, again) == (Phase.SENDING, 1, NOW + SENDING, False)
        assert (out.seq, out.since) == (1, "2026-03-01T10:00:00.000000+00:00")
        keys.add(out.id)
        await inbox.outbox.sent(out, SAID, NOW)
    assert len(keys) == 2
    assert await state(inbox, "m1") == State.READY


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "being sent"])
async def test_the_same_words_a_moment_later_are_the_same_message(
    inbox: Inbox, another: Open, sent: bool
) -> None:
    first, _ = await inbox.outbox.say(order(), NOW)
    first = await inbox.outbox.sent(first, SAID, NOW) if sent else first
    other = await another()
    for wall in (WALL, WALL + WINDOW - 1):
        assert await other.outbox.say(order(wall=wall), NOW) == (first, True)
    second, again = await other.outbox.say(order(wall=WALL + WINDOW), NOW)
    assert (second.id == first.id, again) == (False, False)
    assert await inbox.outbox.say(order(wall=WALL + WINDOW + 1), NOW) == (second, True)
    assert WINDOW == 120


async def test_the_same_words_are_another_message_when_the_room_has_spoken_meanwhile(inbox: Inbox) -> None:
    await receive(inbox, "m1")
    first, _ = await inbox.outbox.say(order(), NOW)
    await receive(inbox, "m2", room="elsewhere")
    assert await inbox.outbox.say(order(wall=WALL + 1), NOW) == (first, True)
    await receive(inbox, "m3")
    second, again = await inbox.outbox.say(order(wall=WALL + 1), NOW)
    assert (second.id == first.id, again) == (False, False)
    assert await inbox.outbox.say(order(wall=WALL + 2), NOW) == (second, True)


@pytest.mark.parametrize(
    "other",
    [order("Hello there"), order(room="elsewhere"), order(to=["peer", "ann"])],
    ids=["other words", "another room", "other people"],
)
async def test_other_words_rooms_or_people_are_another_message(inbox: Inbox, other: Order) -> None:
    first, _ = await inbox.outbox.say(order(), NOW)
    second, again = await inbox.outbox.say(other, NOW)
    assert (second.id == first.id, again) == (False, False)


async def test_what_was_refused_is_said_anew(inbox: Inbox) -> None:
    first, _ = await inbox.outbox.say(order(), NOW)
    await inbox.outbox.refused(first, "no", NOW)
    second, again = await inbox.outbox.say(order(), NOW)
    assert (second.id == first.id, again) == (False, False)


async def test_a_clock_that_was_set_back_neither_swallows_a_message_nor_lets_it_be_said_twice(
    inbox: Inbox,
) -> None:
    first, _ = await inbox.outbox.say(order(), NOW)
    second, again = await inbox.outbox.say(order(wall=WALL - 3600), NOW + 3600)
    assert (second.id == first.id, again) == (False, False)
    assert await inbox.outbox.say(order(wall=WALL - 3599), NOW + 3601) == (second, True)


async def test_whether_it_was_confirmed_is_kept(inbox: Inbox) -> None:
    for confirmed in (True, False):
        out, _ = await inbox.outbox.say(replace(order(f"{confirmed}"), confirmed=confirmed), NOW)
        assert (await inbox.outbox.get(out.id)) == out
        assert out.confirmed is confirmed


async def test_what_the_platform_answered_in_a_room_is_known(inbox: Inbox, another: Open) -> None:
    await receive(inbox, "m1")
    for n, room in enumerate(("room", "room", "elsewhere", "room")):
        out, _ = await inbox.outbox.say(order(f"{n}", room, wall=WALL + n), NOW)
        await inbox.outbox.sent(out, f"{n}", NOW)
    await inbox.outbox.say(order("being sent", wall=WALL + 9), NOW)
    await answer(inbox, "m1")
    other = await another()
    assert await other.outbox.known_answers("room", WALL + 1) == {"1", "3"}
    assert await other.outbox.known_answers("room", WALL) == {"0", "1", "3", '{"id": "answer to m1"}'}
    assert await other.outbox.known_answers("nowhere", 0) == set()


# Who hears of it


async def test_the_bell_rings_for_every_change_and_for_nothing_else(inbox: Inbox) -> None:
    rings: list[None] = []
    inbox.listen(lambda: rings.append(None))
    await inbox.outbox.adopt(NOW)
    out, _ = await inbox.outbox.say(order(), NOW)
    assert len(rings) == 1
    await inbox.outbox.say(order(), NOW)
    await inbox.outbox.adopt(NOW)
    await inbox.outbox.before(order().digest)
    assert len(rings) == 1
    (out,) = await inbox.outbox.adopt(NOW + SENDING)
    out = await inbox.outbox.attempt(out, NOW + SENDING, WALL)
    out = await inbox.outbox.put_off(out, NOW + SENDING)
    out = await inbox.outbox.sent(out, SAID, NOW + SENDING)
    assert len(rings) == 5
    with pytest.raises(LeaseLost):
        await inbox.outbox.refused(out, "no", NOW)
    assert len(rings) == 5
