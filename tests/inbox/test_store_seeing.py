"""A process that may not see everything: what is hidden from it stays, and keeps nothing back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from tests.inbox.conftest import Open
from tests.inbox.mentions import NOW, mention
from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.core import ATTEMPTS, Item, State
from thenvoi_bridge.inbox.errors import Unknown
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

pytestmark = pytest.mark.sqlite


def stranger(id: str, room: str = "room", minute: int = 0) -> ChatMessage:
    return mention(id, room, minute).model_copy(update={"sender_id": "stranger"})


def ids(items: Iterable[Item]) -> list[str]:
    return [item.id for item in items]


@pytest.fixture
async def narrow(folder: Path) -> AsyncIterator[Inbox]:
    """The inbox as a process sees it that may know of nothing strangers write, nor of the room `far`."""
    owner = Owner.start(folder)
    inbox = await Inbox.open(folder, owner, lambda room, sender: room != "far" and sender != "stranger")
    yield inbox
    await inbox.close()
    owner.close()


async def test_a_room_in_which_it_sees_nothing_is_no_room_to_it(narrow: Inbox) -> None:
    await narrow.put([stranger("m1"), mention("m2", "far")])
    assert await narrow.next_room(None, NOW) is None
    assert await narrow.lease(None, 10, NOW) == []
    assert await narrow.lease("far", 10, NOW) == []
    assert (await narrow.at_hand(NOW), await narrow.held_back()) == ((0, 0), 2)
    await narrow.put([mention("m3", "other", 9)])
    assert await narrow.next_room(None, NOW) == ("other", 3)


async def test_what_it_sees_is_handed_out_past_what_it_does_not(narrow: Inbox, another: Open) -> None:
    await narrow.put(
        [stranger("m1"), mention("m2", minute=1), stranger("m3", minute=2), mention("m4", minute=3)]
    )
    assert ids(await narrow.lease(None, 1, NOW)) == ["m2"]
    assert await narrow.in_hand() == {"room"}
    await narrow.release_all()
    assert await narrow.in_hand() == set()
    assert ids(await narrow.lease(None, 10, NOW)) == ["m2", "m4"]
    await narrow.end(["m2", "m4"], "processed", None, NOW)
    assert ids(await (await another()).lease(None, 10, NOW)) == ["m1", "m3"]


async def test_what_another_process_holds_keeps_the_room_although_it_is_hidden(
    narrow: Inbox, another: Open
) -> None:
    wide = await another()
    await wide.put([stranger("m1"), mention("m2", minute=1)])
    assert ids(await wide.lease(None, 1, NOW)) == ["m1"]
    assert await narrow.lease(None, 10, NOW) == []
    assert await narrow.in_hand() == set()


async def test_what_is_hidden_is_not_given_up_by_it(narrow: Inbox, another: Open) -> None:
    wide = await another()
    await wide.put([stranger("m1")])
    late = NOW
    for _ in range(ATTEMPTS):
        assert ids(await wide.lease(None, 1, late)) == ["m1"]
        late += 10_000
    await narrow.lease(None, 1, late)
    assert (await wide.get(["m1"]))[0].state is State.LEASED
    await wide.lease(None, 1, late)
    assert (await wide.get(["m1"]))[0].state is State.ACKING


async def test_an_id_of_what_is_hidden_means_nothing(narrow: Inbox) -> None:
    await narrow.put([stranger("m1"), mention("m2", minute=1)])
    with pytest.raises(Unknown, match="m1"):
        await narrow.end(["m1", "m2"], "processed", None, NOW)
    with pytest.raises(Unknown, match="m1"):
        await narrow.outbox.of_one_room(["m1"])
    assert ids((await narrow.page(None, None, 10)).items) == ["m2"]


async def test_a_glimpse_changes_with_what_is_seen_alone(narrow: Inbox) -> None:
    glimpses = [await narrow.glimpse()]
    await narrow.put([stranger("m1"), mention("m2", "far")])
    assert await narrow.glimpse() == glimpses[0]
    assert await narrow.senders() == {("room", "stranger"), ("far", "peer")}
    await narrow.put([mention("m3", minute=1)])
    glimpses.append(await narrow.glimpse())
    await narrow.lease(None, 1, NOW)
    glimpses.append(await narrow.glimpse())
    await narrow.end(["m3"], "failed", "no", NOW)
    glimpses.append(await narrow.glimpse())
    await narrow.put([mention("m4", minute=2)])
    glimpses.append(await narrow.glimpse())
    assert glimpses[0] == glimpses[3]
    assert len(set(glimpses)) == 4
