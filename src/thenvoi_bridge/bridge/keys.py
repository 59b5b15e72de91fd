"""What a key opens, which only the platform can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.chats import GetChat, GetMyChat
from thenvoi_bridge.contract.errors import Forbidden, NotFound, Unauthorized

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client

Answer = TypeVar("Answer")


async def opened(client: Client | None, who: Call[Answer]) -> Answer | None:
    """What the platform says of whose key it is, None if it says that the key is not of this kind."""
    if client is None:
        return None
    try:
        return await client(who)
    except (Unauthorized, Forbidden):
        return None


async def check_pin(chat_id: str | None, agent: Client | None, human: Client | None) -> None:
    """Raise `NotFound` (`no_such_room`) if the one room there is to be is none of theirs."""
    try:
        if chat_id and agent:
            await agent(GetChat(chat_id=chat_id))
        elif chat_id and human:
            await human(GetMyChat(chat_id=chat_id))
    except NotFound as exc:
        raise NotFound(wording.NO_SUCH_ROOM, code="no_such_room") from exc
