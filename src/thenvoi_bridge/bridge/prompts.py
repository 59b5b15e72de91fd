"""What a person can start from a host's menu: it shows what waits, fenced, and says what to do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from thenvoi_bridge.bridge import advice, catching_up, mail, views, wording
from thenvoi_bridge.bridge.composites import Arguments
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.untrusted import fenced
from thenvoi_bridge.contract.call import Id
from thenvoi_bridge.contract.errors import NotFound
from thenvoi_bridge.inbox.core import OPEN, State


class Nothing(Arguments):
    """No arguments."""


class OfRoom(Arguments):
    """A room."""

    chat_id: Id


class OfMessage(Arguments):
    """A message."""

    message_id: Id


async def _inbox(session: Session, _: Nothing) -> Any:
    await session.seat()  # what cannot be seen yet is not taken for an empty inbox
    return await views.inbox(session, views.InboxQuery())


async def _room(session: Session, asked: OfRoom) -> Any:
    return await catching_up.state(session, catching_up.CatchUp(chat_id=asked.chat_id))


async def _message(session: Session, asked: OfMessage) -> Any:
    for item in await (await session.seat()).inbox.get([asked.message_id]):
        if item.state in OPEN | {State.DEAD}:
            return mail.shown(item)
    raise NotFound


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt. `look` finds what is shown; what it may raise `faults` tells. `needs` is a tool."""

    name: str
    arguments: type[Arguments]
    look: Callable[..., Awaitable[Any]]
    missing: str
    needs: str | None = None

    def described(self) -> types.Prompt:
        """As `prompts/list` has it."""
        title, description, _ = wording.PROMPTS[self.name]
        arguments = [_argument(name) for name in self.arguments.model_fields]
        return types.Prompt(name=self.name, title=title, description=description, arguments=arguments)

    def text(self, **arguments: str) -> str:
        """What it says to a model, without what is shown."""
        return wording.PROMPTS[self.name][2].format(**arguments)

    async def get(
        self, session: Session, arguments: dict[str, str], absent: Collection[str] = ()
    ) -> types.GetPromptResult:
        """The prompt with what is there now. Nothing in it names a tool in `absent`."""
        asked = self.arguments.model_validate(arguments)
        shown = fenced(mail.as_text(await self.look(session, asked)))
        words = advice.fitting(self.text(**asked.model_dump()), absent)
        block = types.TextContent(type="text", text=f"{words}\n{wording.AS_OF_NOW}\n{shown}")
        return types.GetPromptResult(
            description=wording.PROMPTS[self.name][1],
            messages=[types.PromptMessage(role="user", content=block)],
        )


def _argument(name: str) -> types.PromptArgument:
    title, description = wording.PROMPT_ARGUMENTS[name]
    return types.PromptArgument(name=name, title=title, description=description, required=True)


PROMPTS = {
    prompt.name: prompt
    for prompt in (
        Prompt("check_inbox", Nothing, _inbox, wording.NO_RESOURCE),
        Prompt("catch_up", OfRoom, _room, wording.NO_ROOM),
        Prompt("reply_to", OfMessage, _message, wording.NO_MESSAGE, needs="reply"),
    )
}
"""Every prompt, by name; they are an agent's."""


def offered(sides: Collection[str], absent: Collection[str]) -> dict[str, Prompt]:
    """The prompts of a host with these keys, and without these tools."""
    usable = {name: prompt for name, prompt in PROMPTS.items() if prompt.needs not in absent}
    return usable if "agent" in sides else {}
