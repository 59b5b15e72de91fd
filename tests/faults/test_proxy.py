"""The fault proxy before a plain echo: every toxic, as a caller feels it and as the history tells it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from tests.faults.proxy import FaultProxy, Plan
from tests.faults.toxics import (
    HEALTHY,
    BlackHole,
    Corrupt,
    Cut,
    Faults,
    Happening,
    IdleClose,
    Latency,
    Refuse,
    Reset,
    Slice,
    Throttle,
    Toxic,
    both,
)

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
TEXT = bytes(range(256)) * 4
ENDED, TORN = "FIN", "RST"


class Echo:
    """Says back what it hears, and keeps how each of its connections ended."""

    def __init__(self) -> None:
        self.port = 0
        self.ends: list[str] = []
        self.pieces: list[int] = []

    async def answer(self, stream: ByteStream) -> None:
        async with stream:
            try:
                while True:
                    piece = await stream.receive()
                    self.pieces.append(len(piece))
                    await stream.send(piece)
            except anyio.EndOfStream:
                self.ends.append(ENDED)
            except anyio.BrokenResourceError:
                self.ends.append(TORN)


@asynccontextmanager
async def proxied(plan: Plan = HEALTHY, seed: int = 7) -> AsyncIterator[tuple[FaultProxy, Echo]]:
    """A proxy before an echo; both go at the end, and leave no task behind."""
    before, echo = asyncio.all_tasks(), Echo()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        echo.port = listener.extra(SocketAttribute.local_port)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, echo.answer)
                async with FaultProxy("127.0.0.1", echo.port, seed, plan) as proxy:
                    yield proxy, echo
                tasks.cancel_scope.cancel()
    assert asyncio.all_tasks() == before


async def dial(proxy: FaultProxy) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", proxy.port)


async def read(stream: ByteStream, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size:
        found += await stream.receive(size - len(found))
    return found


async def rest(stream: ByteStream) -> tuple[bytes, str]:
    """All there is to read, and how it ends."""
    found = b""
    try:
        while True:
            found += await stream.receive()
    except anyio.EndOfStream:
        return found, ENDED
    except anyio.BrokenResourceError:
        return found, TORN


async def conversation(proxy: FaultProxy, text: bytes = TEXT) -> tuple[bytes, str]:
    """Say something and finish; what comes back, and how it ends."""
    async with await dial(proxy) as stream:
        with suppress(*GONE):  # it may be over already
            await stream.send(text)
            await stream.send_eof()
        return await rest(stream)


def offsets(found: list[Happening], connection: int = 1) -> list[int]:
    return [one.offset for one in found if one.connection == connection]


async def test_without_faults_everything_passes_and_the_end_too() -> None:
    async with proxied() as (proxy, echo):
        text = Random(1).randbytes(2**20)
        async with await dial(proxy) as stream, anyio.create_task_group() as tasks:
            await proxy.connected()
            tasks.start_soon(stream.send, text)
            assert await read(stream, len(text)) == text
        await proxy.disconnected()
    assert echo.ends == [ENDED]
    assert proxy.history == []


@pytest.mark.parametrize(
    "toxics",
    [
        (Latency(0.01, 0.01),),
        (Slice(1),),
        (Slice(9), Latency(0.0)),
        (Throttle(100_000),),
        (Latency(0.01), Slice(3), Throttle(10**6)),
    ],
)
async def test_what_only_delays_or_cuts_up_changes_no_byte(toxics: tuple[Toxic, ...]) -> None:
    async with proxied(both(*toxics)) as (proxy, echo):
        assert await conversation(proxy) == (TEXT, ENDED)
        await proxy.disconnected()
        for toxic in toxics:
            assert [(one.direction, one.offset) for one in proxy.happened(type(toxic))] == [
                ("up", 0),
                ("down", 0),
            ]
    assert echo.ends == [ENDED]


@pytest.mark.parametrize("toxic", [Latency(0.1), Throttle(len(TEXT) * 10)])
async def test_what_takes_time_takes_it_in_either_direction(toxic: Toxic) -> None:
    async with proxied(both(toxic)) as (proxy, _), await dial(proxy) as stream:
        began = anyio.current_time()
        await stream.send(TEXT)
        assert await read(stream, len(TEXT)) == TEXT
        assert anyio.current_time() - began >= (0.2 if isinstance(toxic, Latency) else 0.1)


async def test_slices_arrive_as_slices() -> None:
    async with proxied(Faults(up=(Slice(1), Latency(0.002)))) as (proxy, echo):
        assert await conversation(proxy, b"twenty bytes of text") == (b"twenty bytes of text", ENDED)
    assert len(echo.pieces) > 10  # the system may put two together


@pytest.mark.parametrize("after", [0, 1, 100, len(TEXT)])
async def test_a_reset_lets_so_many_bytes_through_and_tears_both_ends(after: int) -> None:
    async with proxied(Faults(down=(Reset(after),))) as (proxy, echo):
        async with await dial(proxy) as stream:
            await stream.send(TEXT)
            assert await rest(stream) == (TEXT[:after], TORN)
        await proxy.disconnected()
        assert proxy.history == [Happening(1, "down", Reset(after), after)]
        proxy.heal()
        assert await conversation(proxy) == (TEXT, ENDED)
    assert echo.ends[0] == TORN


async def test_a_reset_that_is_not_ours_is_passed_on_either_way() -> None:
    async with proxied() as (inner, echo), FaultProxy("127.0.0.1", inner.port) as middle:
        async with FaultProxy("127.0.0.1", middle.port) as outer:
            for end in (outer, inner):
                async with await dial(outer) as stream:
                    await stream.send(TEXT)
                    await read(stream, len(TEXT))
                    end.cut()
                    assert await rest(stream) == (b"", TORN)
                await inner.disconnected()
        assert middle.history == []
    assert echo.ends == [TORN, TORN]


@pytest.mark.parametrize("after", [0, 10])
async def test_a_black_hole_swallows_silently_and_stays_one(after: int) -> None:
    async with proxied(Faults(up=(BlackHole(after),))) as (proxy, echo):
        async with await dial(proxy) as lost:
            await lost.send(TEXT)
            await proxy.until(BlackHole)
            proxy.heal()
            assert await read(lost, after) == TEXT[:after]
            await lost.send(TEXT)
            assert await conversation(proxy) == (TEXT, ENDED)
            with anyio.move_on_after(0.02) as silence:  # what comes later has come by now
                await lost.receive()
            assert silence.cancelled_caught
            assert echo.ends == [ENDED]
        assert proxy.history == [Happening(1, "up", BlackHole(after), after)]


async def test_a_connection_that_lost_nothing_heals() -> None:
    async with proxied(both(BlackHole())) as (proxy, _), await dial(proxy) as stream:
        await proxy.connected()
        proxy.heal()
        await stream.send(TEXT)
        assert await read(stream, len(TEXT)) == TEXT
        assert proxy.history == []


@pytest.mark.parametrize("every", [1, 7, 300])
@pytest.mark.parametrize("before", [Latency(0), Slice(9)])
async def test_the_bytes_that_are_corrupt_are_those_of_the_history(every: int, before: Toxic) -> None:
    async with proxied(Faults(down=(before, Corrupt(every)))) as (proxy, _):
        found, end = await conversation(proxy)
    assert end == ENDED
    bad = offsets(proxy.happened(Corrupt))
    assert [n for n, byte in enumerate(found) if byte != TEXT[n]] == bad
    assert all((a ^ b).bit_count() <= 1 for a, b in zip(found, TEXT, strict=True))
    assert len(TEXT) / every / 3 <= len(bad) <= len(TEXT) / every * 3


async def test_who_is_refused_gets_in_and_out_at_once() -> None:
    async with proxied(Faults(up=(Refuse(),))) as (proxy, echo):
        async with await dial(proxy) as stream:
            assert await rest(stream) == (b"", ENDED)
        assert proxy.history == [Happening(1, "up", Refuse(), 0)]
        assert echo.ends == []


async def test_while_it_refuses_nobody_connects_and_afterwards_on_the_same_port() -> None:
    async with proxied() as (proxy, _):
        async with await dial(proxy) as earlier:
            await proxy.connected()
            port = proxy.port
            proxy.refuse()
            proxy.refuse()
            with pytest.raises(OSError, match="attempts failed") as refused:
                await anyio.connect_tcp("127.0.0.1", port)
            assert isinstance(refused.value.__cause__, ConnectionRefusedError)
            await earlier.send(TEXT)
            assert await read(earlier, len(TEXT)) == TEXT
        proxy.heal()
        proxy.heal()
        assert proxy.port == port
        assert await conversation(proxy) == (TEXT, ENDED)


async def test_without_a_target_the_caller_is_torn_off() -> None:
    async with proxied() as (proxy, _):
        proxy.refuse()
        async with FaultProxy("127.0.0.1", proxy.port) as before, await dial(before) as stream:
            assert await rest(stream) == (b"", TORN)


async def test_an_idle_connection_is_closed_properly_and_traffic_keeps_it() -> None:
    async with proxied(Faults(down=(IdleClose(0.4),))) as (proxy, echo):
        async with await dial(proxy) as stream:
            proxy.plan = Faults(up=(Latency(0.15),), down=(IdleClose(0.4),))
            began = anyio.current_time()
            for _ in range(3):
                await stream.send(b"still here")
                assert await read(stream, 10) == b"still here"
            assert await rest(stream) == (b"", ENDED)
            assert anyio.current_time() - began >= 0.85
        await proxy.disconnected()
        assert proxy.happened(IdleClose) == [Happening(1, "down", IdleClose(0.4), 30)]
    assert echo.ends == [ENDED]


async def test_a_cut_tears_every_connection_and_no_later_one() -> None:
    async with proxied() as (proxy, echo):
        async with await dial(proxy) as one, await dial(proxy) as other:
            await proxy.connected(2)
            await one.send(TEXT)
            await read(one, len(TEXT))
            proxy.cut()
            proxy.cut()
            assert await rest(one) == await rest(other) == (b"", TORN)
        await proxy.disconnected()
        assert offsets(proxy.happened(Cut), 1) == [len(TEXT)] * 2
        assert offsets(proxy.happened(Cut), 2) == [0, 0]
        assert await conversation(proxy) == (TEXT, ENDED)
    assert sorted(echo.ends) == [ENDED, TORN, TORN]


async def test_an_open_connection_follows_a_new_plan_from_its_next_byte() -> None:
    async with proxied() as (proxy, _), await dial(proxy) as stream:
        await stream.send(TEXT)
        await read(stream, len(TEXT))
        proxy.plan = Faults(down=(Reset(5),))
        await stream.send(TEXT)
        assert await rest(stream) == (TEXT[:5], TORN)
        assert offsets(proxy.history) == [len(TEXT) + 5]


def haphazard(number: int, rng: Random) -> Faults:
    """Another fault for each connection, at a place that its generator chooses."""
    fault = (Corrupt(50), Reset(rng.randrange(500)), BlackHole(rng.randrange(500)), Refuse())[number % 4]
    return Faults(up=(Corrupt(40),), down=(Slice(20), fault))


async def story(seed: int) -> list[Happening]:
    """What happened in eight conversations, by connection and direction."""
    async with proxied(haphazard, seed) as (proxy, _):
        for number in range(1, 9):
            async with await dial(proxy) as stream:
                with suppress(*GONE):
                    await stream.send(TEXT)
                    await stream.send_eof()
                await (proxy.until(BlackHole, number // 4 + 1) if number % 4 == 2 else rest(stream))
        return sorted(proxy.history, key=lambda one: (one.connection, one.direction))


def places(found: list[Happening], kind: type[Toxic]) -> list[int]:
    return [one.offset for one in found if isinstance(one.fault, kind)]


async def test_the_same_seed_does_the_same_harm() -> None:
    first, again, other = await story(7), await story(7), await story(8)
    assert first == again
    for fault in (Corrupt, Reset, BlackHole):
        assert places(first, fault) != places(other, fault)
    assert {type(one.fault) for one in first} == {Slice, Corrupt, Reset, BlackHole, Refuse}
