"""How rings travel between nodes: gathered, short, and never taken for more than a hint."""

import json

import anyio
import pytest

from thenvoi_bridge.platform import bells
from thenvoi_bridge.platform.bells import Rings, carriers, read, written
from thenvoi_bridge.platform.keys import Keys
from thenvoi_bridge.platform.log import Bell
from thenvoi_bridge.platform.site import Site
from thenvoi_bridge.settings import BadSetting, Platform

SITE = Site(Keys(b"pepper"))


@pytest.mark.parametrize("topics", [["chat_room:1"], ["b", "a", "with a space", 'with "marks"', "ü"]])
def test_topics_are_read_as_they_were_written(topics: list[str]) -> None:
    assert read(written(topics)) == sorted(topics)


def test_more_topics_than_fit_stand_for_any() -> None:
    many = [f"chat_room:{nth:036}" for nth in range(200)]
    assert written(many) == ""
    assert read("") is None
    few = many[:100]
    assert read(written(few)) == few
    assert len(written(few).encode()) < bells.LONGEST


@pytest.mark.parametrize("text", ["nonsense", "{}", "1", "null", "[", '"topic"'])
def test_what_cannot_be_read_stands_for_any(text: str) -> None:
    assert read(text) is None


async def test_the_first_ring_goes_at_once_and_what_comes_in_the_pause_after_it_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bells, "PAUSE", 0.2)
    bell = Bell()
    rings = Rings(bell)
    before = anyio.current_time()
    bell.ring(["a"])
    assert json.loads(await rings.take()) == ["a"]
    for topic in ("c", "b", "c"):
        bell.ring([topic])
    bell.echo(["others'"])
    assert json.loads(await rings.take()) == ["b", "c"]
    assert anyio.current_time() >= before + 0.2


def test_one_process_with_a_file_of_its_own_has_nothing_carried() -> None:
    assert carriers(SITE, Bell()) == []


def test_nats_without_a_database_for_several_is_refused() -> None:
    with pytest.raises(BadSetting, match="THENVOI_PLATFORM_NATS is for several nodes"):
        carriers(Site(Keys(b"pepper"), Platform(nats="nats://localhost")), Bell())
