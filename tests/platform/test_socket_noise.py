"""Whatever is sent to a socket, it works on or ends with 1011 or 1009, and nobody else notices."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from websockets.exceptions import ConnectionClosed

from tests.platform.line import Line, called, line
from tests.world import Somebody, World, world
from thenvoi_bridge.phoenix.frames import V1, V2, ProtocolError
from thenvoi_bridge.platform.socket import MAX_FRAME
from thenvoi_bridge.settings import Platform

Noise = str | bytes
WORKERS = 8
CODECS = {"1.0.0": V1, "2.0.0": V2}


class Noisemaker:
    """Makes frames that no client sends; `who` is whom the socket belongs to."""

    def __init__(self, seed: int, vsn: str, who: Somebody) -> None:
        self.dice = Random(seed)
        self.vsn = vsn
        self.topics = [
            f"user_rooms:{who.id}",
            f"chat_room:{who.id}",
            "chat_room:\0",
            "chat_room:" + "x" * 5000,
            "user_rooms:",
            "phoenix",
            "",
            ":",
            "🎉:\u2028",
        ]
        self.events = ["phx_join", "phx_leave", "heartbeat", "phx_close", "phx_reply", "message", "", "\0"]
        self.forms: list[Callable[[], Noise]] = [
            self.letters,
            self.values,
            self.wrong_member,
            self.wrong_member,
            self.damaged,
            self.damaged,
            self.deep,
            self.huge,
            self.escaped,
            self.odd_number,
            self.binary,
            self.plausible,
            self.plausible,
            lambda: "",
            lambda: "x" * (MAX_FRAME + 1),
        ]

    def noise(self) -> Noise:
        return self.dice.choice(self.forms)()

    def ending(self, noise: Noise) -> int | None:
        """The code a frame must end the socket with, None if it must not."""
        if len(noise.encode() if isinstance(noise, str) else noise) > MAX_FRAME:
            return 1009
        try:
            CODECS[self.vsn].decode(noise if isinstance(noise, str) else "")
        except ProtocolError:
            return 1011
        return None

    def frame(self, join_ref: Any, ref: Any, topic: Any, event: Any, payload: Any) -> str:
        if self.vsn == "2.0.0":
            return json.dumps([join_ref, ref, topic, event, payload])
        return json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref})

    def members(self) -> list[Any]:
        """What a frame is made of, so far in order."""
        pick = self.dice.choice
        return [
            pick([None, "1", "2", 3]),
            pick([None, "1", "7", 7.5]),
            pick(self.topics),
            pick(self.events),
            {},
        ]

    def value(self, depth: int = 3) -> Any:
        """Anything JSON can hold."""
        leaves = [
            None,
            True,
            0,
            -1,
            1.5,
            2**70,
            "",
            "text",
            "\0",
            "é🎉",
            "phx_join",
            self.dice.choice(self.topics),
        ]
        if depth == 0 or self.dice.random() < 0.5:
            return self.dice.choice(leaves)
        inner = [self.value(depth - 1) for _ in range(self.dice.randrange(7))]
        return inner if self.dice.random() < 0.5 else {str(value)[:9]: value for value in inner}

    def letters(self) -> str:
        alphabet = '[]{}",:0123456789.eE-+ntfulrase\\/\0\n\u2028é🎉 '
        return "".join(self.dice.choices(alphabet, k=self.dice.randrange(60)))

    def values(self) -> str:
        return json.dumps(self.value())

    def wrong_member(self) -> str:
        members = self.members()
        members[self.dice.randrange(5)] = self.value()
        return self.frame(*members)

    def plausible(self) -> str:
        return self.frame(*self.members())

    def damaged(self) -> str:
        """A frame cut, doubled, or with a few letters changed."""
        text = self.plausible()
        for _ in range(self.dice.randrange(1, 4)):
            start, end = sorted(self.dice.choices(range(len(text) + 1), k=2))
            text = self.dice.choice(
                [
                    text[:start],
                    text[start:],
                    text[:start] + text[end:],
                    text + text[start:end],
                    self.swapped(text),
                ]
            )
        return text

    def swapped(self, text: str) -> str:
        at = self.dice.randrange(len(text) + 1)
        return text[:at] + self.dice.choice('[]{}",:0\\\0é🎉') + text[at + 1 :]

    def deep(self) -> str:
        depth = self.dice.choice([3, 100, 900, 5000, 10_000])
        opening, closing = self.dice.choice([("[", "]"), ('{"a":', "}")])
        nest = opening * depth + "1" + closing * depth
        at = self.dice.randrange(6)
        return nest if at == 5 else self.with_raw(at, nest)

    def huge(self) -> str:
        big = self.dice.choice(
            ['"' + "r" * 30_000 + '"', "9" * 4000, "9" * 5000, "1." + "3" * 30_000, "1e" + "0" * 99]
        )
        return self.with_raw(self.dice.randrange(5), big)

    def escaped(self) -> str:
        odd = [
            r"\ud800",
            r"\udfff\ud800",
            r"\u0000",
            r"\uD83C\uDF89",
            r"\u12",
            r"\x41",
            "\0",
            "\n",
            r"\ud83c\u0041",
        ]
        return self.with_raw(self.dice.randrange(5), f'"a{self.dice.choice(odd)}b"')

    def odd_number(self) -> str:
        odd = [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999",
            "-0",
            "00",
            "0x1",
            "1e",
            "-",
            "1e-999",
            "True",
            "undefined",
        ]
        return self.with_raw(self.dice.randrange(5), self.dice.choice(odd))

    def with_raw(self, at: int, raw: str) -> str:
        """A frame with this text, which may be no JSON, in place of one of its members."""
        members = self.members()
        members[at] = "RAW"
        return self.frame(*members).replace('"RAW"', raw)

    def binary(self) -> bytes:
        push = bytes([0, 1, 1, 7, 9]) + b"11phoenixheartbeat{}"  # as Phoenix V2 has it
        return self.dice.choice([b"", push, push[:3], self.dice.randbytes(40), self.plausible().encode()])


async def endure(it: Line, maker: Noisemaker, most: int) -> int:
    """Send up to `most` frames, the last of which may end the socket; returns how many that were."""
    for sent in range(1, most + 1):
        noise = maker.noise()
        ending = maker.ending(noise)
        with suppress(ConnectionClosed):
            await it.ws.send(noise)
        if ending is not None:
            assert (await it.closed())[0] == ending, repr(noise[:200])
            return sent
    await it.rest()
    return most


async def storm(here: World, who: Somebody, frames: int) -> None:
    """So many frames over as many sockets as it takes, half of them in each version."""
    left = frames

    async def work(nth: int) -> None:
        nonlocal left
        maker = Noisemaker(nth, list(CODECS)[nth % 2], who)
        while left > 0:
            async with called(here.url, {"api_key": who.key, "vsn": maker.vsn}) as it:
                sent = await endure(it, maker, most=20)
            left -= sent

    async with anyio.create_task_group() as tasks:
        for nth in range(WORKERS):
            tasks.start_soon(work, nth)


async def survived(folder: Path, frames: int, caplog: pytest.LogCaptureFixture) -> None:
    async with world(folder, Platform(connects=0, idle=0)) as here:
        alice = await here.person()
        async with line(here.url, alice) as bystander:
            await bystander.join(f"user_rooms:{alice.id}")
            await storm(here, alice, frames)
            room = await here.room(alice)
            assert (await bystander.event("room_added"))["id"] == room.id
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_socket_survives_some_noise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await survived(tmp_path, 400, caplog)


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_a_socket_survives_much_noise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await survived(tmp_path, 12_000, caplog)
