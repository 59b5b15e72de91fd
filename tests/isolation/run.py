"""Many principals on one hosted bridge at once, and what each of them could see or get at."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.hosting.team import serving
from tests.isolation.caller import Caller, caller
from tests.isolation.calls import deeds
from tests.isolation.probes import Names, plain, probes
from tests.isolation.town import Principal, Town, settle
from tests.world import world
from thenvoi_bridge.contract.messages import ListMyMessages
from thenvoi_bridge.hosting import oversight, tenants

SUBSCRIBED_ROOMS = 5
"""Rooms of others that each wants to be told of, besides its own."""

TRIES = 5


@dataclass(frozen=True)
class Plan:
    """How much: principals, calls of all of them together, and others whose things each of them tries.

    `room` is for how many principals the server has room at a time; with less than all, sessions end while
    they are used.
    """

    principals: int = 50
    calls: int = 10_000
    others: int = 4
    room: int = 100
    seed: int = 1

    @property
    def listeners(self) -> int:
        """How many are told of changes all the time; each takes a place that it does not give away."""
        return self.principals if self.room >= self.principals else self.room // 2


@dataclass
class Outcome:
    """What came of it. `mixed` and `let_in` must be empty."""

    seconds: float = 0.0
    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    again: int = 0
    told: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    mixed: list[str] = field(default_factory=list)
    let_in: list[str] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nobody saw, did or changed anything that is another's."""
        return not (self.mixed or self.let_in or self.changed or self.failed)


class Trial:
    """One run, on a bridge that is up."""

    def __init__(self, plan: Plan, town: Town, url: str) -> None:
        self._plan, self._town, self._url = plan, town, url
        self._callers: dict[int, Caller] = {}
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Have everybody use it at once, and then try what is another's."""
        begun = time.perf_counter()
        async with self._everybody() as self._callers:
            async with anyio.create_task_group() as streams:
                for me in self._town.principals[: self._plan.listeners]:
                    streams.start_soon(self._listen, me)
                async with anyio.create_task_group() as users:
                    for me in self._town.principals:
                        users.start_soon(self._use, me)
                streams.cancel_scope.cancel()
            if self._plan.others:
                await self._try_everything()
            self.outcome.again = sum(caller.again for caller in self._callers.values())
        self.outcome.seconds = time.perf_counter() - begun
        return self.outcome

    @asynccontextmanager
    async def _everybody(self) -> AsyncGenerator[dict[int, Caller]]:
        async with AsyncExitStack() as hosts:
            yield {
                me.number: await hosts.enter_async_context(caller(self._url, me))
                for me in self._town.principals
            }

    async def _use(self, me: Principal) -> None:
        mine = self._callers[me.number]
        chance = random.Random(f"{self._plan.seed} {me.number}")
        for _ in range(self._plan.calls // self._plan.principals):
            answer = await chance.choice(deeds(me))(mine, me)
            self.outcome.calls += 1
            self._look(me, answer.text)
            if answer.is_error:
                self.outcome.failed[f"{answer.status} {answer.text[-200:]}"] += 1

    def _look(self, me: Principal, text: str) -> None:
        if betrayed := self._town.betrayed(me, text):
            self.outcome.mixed.append(f"{me.who.handle} saw {sorted(betrayed)} in {text[:300]}")

    async def _listen(self, me: Principal) -> None:
        """Be told, of what is one's own alone, however much is asked for; come back if the session ends."""
        others = self._town.principals[me.number :] + self._town.principals
        rooms = [one.room.id for one in others[: 1 + SUBSCRIBED_ROOMS]]
        async with caller(self._url, me) as mine:
            while True:
                uris = ["thenvoi://inbox", *(f"thenvoi://rooms/{room}" for room in rooms)]
                try:
                    async with mine.stream(uris) as stream:
                        async for line in stream.aiter_lines():
                            if "acknowledged" not in line:
                                self.outcome.told += "notifications/" in line
                                self._look(me, line)
                except httpx2.HTTPError:
                    pass
                mine.session = None
                await anyio.sleep(0.1)

    # What is another's

    async def _try_everything(self) -> None:
        names = {me.number: await self._names(me) for me in self._town.principals}
        before = [await self._at_rest(me) for me in self._town.principals]
        async with anyio.create_task_group() as tasks:
            for me in self._town.principals:
                tasks.start_soon(self._try, me, names)
        after = [await self._state(me) for me in self._town.principals]
        self.outcome.changed = [
            n for n, (was, is_) in enumerate(zip(before, after, strict=True)) if was != is_
        ]

    async def _names(self, me: Principal) -> Names:
        """What its things are called. Its message is one that was handed out, where it can be."""
        mine = self._callers[me.number]
        await mine.call("tools/list")
        cursor, message = Names.nobodys().cursor, me.message.id
        if me.side == "agent":
            page = await self._inbox(mine)
            cursor = page["next_cursor"]
        return Names(me.room.id, message, mine.session or Names.nobodys().session, cursor)

    async def _inbox(self, mine: Caller) -> dict[str, str]:
        answer = await mine.tool("inbox_read")
        page: dict[str, str] = answer.message["result"]["structuredContent"]
        return page

    async def _at_rest(self, me: Principal) -> str:
        """How things stand with it, once nothing is underway any more."""
        was, now = "", await self._state(me)
        for _ in range(TRIES):
            if was == now:
                break
            await anyio.sleep(0.3)
            was, now = now, await self._state(me)
        return now

    async def _state(self, me: Principal) -> str:
        """How things stand with it: what was said in its room, and what waits for it."""
        said = await me.owner.call(ListMyMessages(chat_id=me.room.id, page_size=100))
        inbox = str(await self._inbox(self._callers[me.number])) if me.side == "agent" else ""
        is_there = self._callers[me.number].session
        return f"{[message.id for message in said.data]} {inbox} {is_there}"

    async def _try(self, me: Principal, names: dict[int, Names]) -> None:
        mine, nobodys = self._callers[me.number], Names.nobodys()
        mates = [one for one in self._town.principals if self._is_foreign(me, one)]
        others = random.Random(f"{self._plan.seed} {me.number}").sample(mates, self._plan.others)
        for name, probe in probes(me).items():
            for other in others:
                theirs = names[other.number]
                for _ in range(TRIES):  # what is one's own may change meanwhile, and be shown, too
                    refused = plain(await probe(mine, me, nobodys), nobodys)
                    answer = plain(await probe(mine, me, theirs), theirs)
                    self._look(me, answer)
                    if answer == refused:
                        break
                else:
                    self.outcome.let_in.append(f"{name}: {answer[:400]}, not {refused[:400]}")
                self.outcome.probes[name] += 1

    def _is_foreign(self, me: Principal, other: Principal) -> bool:
        return me.who.id not in self._town.seen_by[other.room.id]


async def isolation(plan: Plan, folder: Path) -> Outcome:
    """Everybody on one bridge. What they change is counted, but not bounded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oversight, "CHANGES", 1_000_000)
        patch.setattr(tenants, "TENANTS", plan.room)
        async with world(folder / "platform") as here:
            town = await settle(here, plan.principals)
            async with serving(here, folder / "state", toolsets="all") as bridge:
                return await Trial(plan, town, bridge.url).run()
