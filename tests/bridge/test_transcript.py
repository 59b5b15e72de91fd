"""How much of what was said is shown, and how few requests that takes."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.conftest import Scene
from tests.world import say
from thenvoi_bridge.bridge import mail, transcript
from thenvoi_bridge.bridge.transcript import LEAST, digest, is_cut, newest
from thenvoi_bridge.client import Client
from thenvoi_bridge.contract.call import Call

TEXTS = st.lists(st.text('a"\u4e16\n', max_size=3_000), max_size=12)


def view(text: str) -> dict[str, Any]:
    return {"id": "x" * 36, "untrusted": {"content": text, "sender_name": "Alice"}}


@given(TEXTS, st.integers(1_000, 20_000))
def test_a_digest_fits_its_bytes_keeps_the_newest_and_cuts_no_more_than_it_must(
    texts: list[str], most: int
) -> None:
    views = [view(text) for text in texts]
    shown = digest(views, most)
    assert mail.size(shown) <= most + 2
    assert len(shown) == min(len(views), max(1, most // LEAST))
    for cut, whole in zip(reversed(shown), reversed(views), strict=False):
        text = whole["untrusted"]["content"]
        assert text.startswith(cut["untrusted"]["content"])
        assert cut.get("truncated", False) == (cut["untrusted"]["content"] != text)
    assert is_cut(shown, views) == (shown != views)


@given(TEXTS)
def test_what_fits_is_not_cut(texts: list[str]) -> None:
    views = [view(text) for text in texts]
    assert digest(views, 14 * LEAST + 14 * max(map(mail.size, views), default=0)) == views


def test_what_old_messages_leave_the_new_ones_have() -> None:
    shown = digest([view("short"), view("x" * 5_000), view("y" * 5_000)], 6_000)
    first, second, third = (len(each["untrusted"]["content"]) for each in shown)
    assert first == 5
    assert abs(second - third) < 60
    assert second > 2_500


def test_a_message_that_has_no_room_at_all_keeps_who_and_when() -> None:
    assert mail.shortened(view("x" * 100), 1)["untrusted"] == {"content": "", "sender_name": "Alice"}


class Counting(Client):
    """A client that counts its requests."""

    requests = 0

    async def __call__(self, call: Call[Any], **how: Any) -> Any:
        self.requests += 1
        return await super().__call__(call, **how)


@pytest.fixture
async def client(scene: Scene) -> AsyncGenerator[Counting]:
    async with Counting(scene.here.url, scene.scout.key) as it:
        yield it


@pytest.mark.parametrize("page", [5, 6, 7, 9, 10, 100])
async def test_the_end_of_a_room_takes_one_request_or_two(
    scene: Scene, client: Counting, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "PAGE", page)
    sent: list[str] = []
    for number in range(13):
        sent.append((await say(scene.alice, scene.room, scene.scout, f"number {number}")).id)
        client.requests = 0
        messages, total = await newest(client, scene.room.id, 2)
        assert [message.id for message in messages] == sent[-2:]
        assert total == len(sent)
        assert client.requests == (1 if len(sent) <= page else 2)


async def test_what_is_said_while_the_end_is_looked_for_is_found_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "PAGE", 2)
    sent = [(await say(scene.alice, scene.room, scene.scout, f"number {n}")).id for n in range(4)]

    class Talking(Client):
        async def __call__(self, call: Call[Any], **how: Any) -> Any:
            answer = await super().__call__(call, **how)
            if len(sent) < 6:
                sent.append((await say(scene.alice, scene.room, scene.scout, "more")).id)
            return answer

    async with Talking(scene.here.url, scene.scout.key) as client:
        messages, _ = await newest(client, scene.room.id, 1)
    assert [message.id for message in messages] == sent[-1:]


@pytest.mark.parametrize("many", [1, 20, 50])
def test_the_last_page_can_always_be_cut_long_enough(many: int) -> None:
    for total in range(101, 3_000):
        assert max((total - 1) % size + 1 for size in range(many, 101)) >= many
