"""What hosts do with an inbox: they start, say something, answer, tell, and die."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import anyio
from anyio.abc import TaskStatus

from tests.inbox.mentions import NOW
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox.core import Item, State
from thenvoi_bridge.inbox.life import Life
from thenvoi_bridge.inbox.outgoing import Order, Outgoing
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.pulse import Member
from thenvoi_bridge.inbox.replica import replica
from thenvoi_bridge.inbox.store import Inbox

WALL = 1_800_000_000.0
"""A Unix time; the inbox's own clock is `NOW`."""


class Host:
    """A process as the others see it: a sign of life, and what it does with the inbox."""

    def __init__(self, life: Life, inbox: Inbox, end: Callable[[], Awaitable[None]]) -> None:
        self.owner = life
        self.inbox = inbox
        self.outbox = inbox.outbox
        self._end = end

    @classmethod
    async def start(cls, folder: Path) -> Self:
        owner = Owner.start(folder)
        inbox = await Inbox.open(folder, owner)

        async def end() -> None:
            owner.close()
            await inbox.close()

        return cls(owner, inbox, end)

    async def die(self) -> None:
        """Once is enough, and more does no harm."""
        await self._end()


async def living(url: str, *, task_status: TaskStatus[Host]) -> None:
    """A host on Postgres, until it dies: a replica of its own with one inbox."""
    told, over = anyio.Event(), anyio.Event()

    async def end() -> None:
        told.set()
        await over.wait()

    async with replica(url) as here, here.opened("0123456789abcdef", "", None) as (inbox, member):
        assert isinstance(member, Member)
        task_status.started(Host(member, inbox, end))
        await told.wait()
    over.set()


def order(
    text: str = "Hello", room: str = "room", *, to: Sequence[str] = ("peer",), wall: float = WALL
) -> Order:
    """The same words in the same room to the same people are the same order."""
    call = SendMessage(chat_id=room, content=text, mentions=[Mention(id=id) for id in to])
    return Order(call, f"{text} in {room} to {sorted(to)}", wall)


def ids(items: Iterable[Item | Outgoing]) -> list[str]:
    return [item.id for item in items]


async def one(inbox: Inbox, id: str) -> Item:
    (item,) = await inbox.get([id])
    return item


async def state(inbox: Inbox, id: str) -> State:
    return (await one(inbox, id)).state


async def answer(inbox: Inbox, *which: str, text: str = "Hello", now: float = NOW) -> Outgoing:
    """Answer messages, and have the platform take it."""
    (room, *_) = {item.chat_id for item in await inbox.get(which)}
    begun = await inbox.outbox.answer(which, order(text, room), now)
    return await inbox.outbox.sent(begun, f'{{"id": "answer to {which[0]}"}}', now)


async def tell(inbox: Inbox, now: float = NOW) -> list[Item]:
    """Tell the platform whatever it is to be told."""
    return [await inbox.told(item) for item in await inbox.to_tell(now)]


async def finish(inbox: Inbox, *which: str) -> None:
    await answer(inbox, *which)
    await tell(inbox)


async def bury(inbox: Inbox, id: str) -> None:
    """Let a message fail for good."""
    await inbox.end([id], "failed", "no idea", NOW)
    await tell(inbox)
