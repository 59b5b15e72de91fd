"""What an agent did or thought: kept for the people of a room and pushed to them, never to agents."""

from __future__ import annotations

from thenvoi_bridge.contract.events import EventCreated, SendEvent
from thenvoi_bridge.contract.feed import EventPosted, Topic
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.messages import append, check_size
from thenvoi_bridge.platform.rooms import room_of
from thenvoi_bridge.platform.rules.access import Principal


@handler
def send_event(call: SendEvent, me: Principal, tx: Change) -> EventCreated:
    """Keep an event and tell the people of the room.

    Raises `NotFound` outside the room, `Unprocessable` if it is too long.
    """
    chat = room_of(tx, call.chat_id, me)
    check_size(tx, call.content, "/event/content")
    event = append(tx, chat, me, call.message_type, call.content, call.metadata)
    tx.tell(Topic("chat_room", call.chat_id), EventPosted.model_validate(event))
    return EventCreated(id=event["id"], message_type=call.message_type, success=True)
