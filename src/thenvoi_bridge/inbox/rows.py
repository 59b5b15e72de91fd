"""What the protocol needs of whatever keeps the inbox: rows in, rows out. `table.Table` is the SQL for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Protocol

from thenvoi_bridge.inbox.core import Item
from thenvoi_bridge.inbox.outgoing import Outgoing

if TYPE_CHECKING:
    from thenvoi_bridge.contract.messages import ChatMessage


class Rows(Protocol):
    """The inbox as one transaction sees it. The order of a room is that of `Item.order`."""

    def insert(self, message: ChatMessage, title: str | None) -> bool:
        """Keep a message; False if it came before, and then nothing changes."""

    def update(self, old: Item, new: Item) -> Item:
        """Keep what has become of a message, and return that."""

    def find(self, ids: Iterable[str]) -> list[Item]:
        """The messages with these ids in the order of the ids, without those there are not."""

    def get(self, ids: Collection[str]) -> list[Item]:
        """The messages with these ids, as their room has them. Raises `Unknown` if one is missing."""

    def rooms(self) -> list[str]:
        """The rooms in which something waits for an answer, the one that has waited longest first."""

    def held(self) -> list[Item]:
        """What was handed out or is being answered, be its owner alive or not."""

    def oldest(self, chat_id: str, limit: int) -> list[Item]:
        """What has waited longest for an answer in a room, held or not."""

    def waiting(self, chat_id: str, until_seq: int) -> list[Item]:
        """What waits for an answer in a room and had arrived by then, held or not."""

    def acking(self) -> list[Item]:
        """What the platform has yet to be told, first come first."""

    def answered_by(self, outgoing_id: str) -> list[Item]:
        """The messages that one of ours answers, as their room has them."""

    def seq(self) -> int:
        """The highest arrival number, 0 before the first."""

    def since(self, chat_id: str) -> str:
        """When the last message of a room that came in was sent, by the platform's clock; '' if none did."""

    def heard(self, chat_id: str, seq: int) -> bool:
        """Whether anything of a room came in after that arrival number."""

    def last_person(self, chat_id: str) -> int:
        """The arrival number of the last message of a room that a person wrote, 0 if none did."""

    def came_from(self, chat_id: str, sender_id: str, seq: int) -> int:
        """How many messages of an agent came in from a room after that arrival number."""

    def said_since(self, chat_id: str, seq: int, limit: int) -> list[Outgoing]:
        """What of ours was made in a room at that arrival number or later and not refused, last first."""

    def last_number(self) -> int:
        """The highest number of a message of ours, 0 before the first."""

    def put_outgoing(self, out: Outgoing) -> Outgoing:
        """Keep a message of ours, new or changed, and return it."""

    def outgoing(self, id: str) -> Outgoing | None:
        """The message of ours with this id."""

    def ordered(self, digest: str) -> Outgoing | None:
        """The last message of ours that was ordered with this digest."""

    def unsent(self) -> list[Outgoing]:
        """What of ours is neither sent nor refused, first made first."""
