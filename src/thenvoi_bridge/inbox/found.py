"""The inboxes on this computer, for whoever comes to look into them from outside of a bridge.

A bridge that runs is not held up: whoever looks is one more process beside it. `at_once` opens inboxes for a
look, `opening` for everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from thenvoi_bridge.inbox import marks
from thenvoi_bridge.inbox.core import OPEN, Caller, Item
from thenvoi_bridge.inbox.listing import Listing
from thenvoi_bridge.inbox.sight import Sight, in_force

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.life import Life

T = TypeVar("T")
F = TypeVar("F", bound="Found")


class Unusable(Exception):
    """An inbox is there and cannot be used: damaged, newer than this program, or not ours. One sentence."""


class NoInbox(Exception):
    """There is none where it was looked for, or none of that agent. One sentence that says where."""


@dataclass(frozen=True, slots=True)
class Found:
    """An open inbox and whose it is, as far as a bridge has said so in it."""

    folder: Path
    inbox: Listing
    caller: Caller
    platform: str | None = None
    id: str | None = None
    handle: str | None = None

    @classmethod
    async def of(cls, folder: Path, inbox: Listing, life: Life) -> Self:
        """The one that a process with this `life` has open in a folder."""
        by, who = Caller(life.id, life.now(), life.alive), (await inbox.board.identity()).get
        return cls(folder, inbox, by, who("platform"), who("id"), who("handle"))

    @property
    def name(self) -> str:
        """What its agent is called; nothing better than the folder in an inbox where nobody has said."""
        return self.handle or self.id or self.folder.name

    @property
    def is_known(self) -> bool:
        """Whether a bridge has said whose it is."""
        return bool(self.handle or self.id)

    @property
    def identity(self) -> dict[str, str | None]:
        """Whose it is, as `Board.identity` has it."""
        return {"platform": self.platform, "id": self.id, "handle": self.handle}

    def is_called(self, name: str) -> bool:
        """Whether it is the agent's with this handle, with or without a leading @, or id; the folder, or a
        mark on it.
        """
        wanted = name.removeprefix("@").casefold()
        known = (self.handle, self.id, self.folder.name, *marks.found(self.folder))
        return wanted in {name.casefold() for name in known if name}

    async def sight(self, host: str | None = None) -> Sight:
        """What of it may be shown to a model beside the bridges of its agent, in a session of this host."""
        return in_force(await self.inbox.board.sights(), self.caller.alive, host)

    def is_held(self, item: Item) -> bool:
        """Whether it waits for an answer that somebody who lives is at work on."""
        return item.state in OPEN and not self.caller.may_take(item)


async def visit(
    state_dir: Path,
    agent: str | None,
    look: Callable[[F], Awaitable[T]],
    opened: Callable[[Path], AbstractAsyncContextManager[F]],
) -> tuple[list[T], list[str]]:
    """Have `look` see each inbox of `state_dir`, or those of one agent; return what it saw.

    `opened` opens the one in a folder, and raises `Unusable` where it cannot, from within the block too. The
    second list has a sentence for each that could not be used, unless one of the agent's could. Raises
    `NoInbox`.
    """
    seen: list[T] = []
    unusable: list[str] = []
    others: list[str] = []
    for folder in folders(state_dir):
        try:
            if not (folder / "inbox.db").exists():
                continue
            async with opened(folder) as found:
                if agent is None or found.is_called(agent):
                    seen.append(await look(found))
                else:
                    others.append(found.name)
        except (Unusable, OSError) as exc:
            unusable.append(str(exc))
    if not seen and not unusable:
        raise NoInbox(_nothing(state_dir, agent, others))
    return seen, [] if agent and seen else unusable


def folders(state_dir: Path) -> list[Path]:
    """Where inboxes may be, as `bridge.seat` lays them out. Raises `NoInbox` where nobody can tell."""
    try:
        return sorted((state_dir / "agents").iterdir())
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise NoInbox(f"{state_dir} cannot be looked into: {exc.strerror}") from exc


def _nothing(state_dir: Path, agent: str | None, others: list[str]) -> str:
    if agent and others:
        whom = "the agent that the settings mean" if marks.is_mark(agent) else agent
        return f"There is no inbox of {whom} in {state_dir}, only of {', '.join(others)}."
    return f"There is no inbox in {state_dir}; a bridge makes one when it first connects with an agent's key."
