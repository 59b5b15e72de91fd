"""What a hook tells a model of messages that wait: ids in the open, what others wrote between marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.untrusted import fenced, visible
from thenvoi_bridge.inbox.core import Item

LONGEST = 10_000
"""Characters of a notice. Claude Code and Cursor show a model no more of what a hook says."""

LONGEST_TEXT = 2_000
"""Characters of one message in it."""

_PARTS = (wording.HOOK, wording.HOOK_NEXT)
ROOM = LONGEST - sum(len(part) + 1 for part in _PARTS)
"""Characters for the messages of a notice."""


def fitting(items: Iterable[Item], agent: str, room: int) -> Iterator[tuple[str, str]]:
    """Id and paragraph of the first messages of an agent's that fit into so many characters, all in all."""
    for item in items:
        said = _paragraph(item, agent)
        room -= len(said) + 1
        if room < 0:
            return
        yield item.id, said


def notice(paragraphs: Iterable[str]) -> str:
    """The whole of it: what it is, the messages, and what to do."""
    first, last = _PARTS
    return "\n".join([first, *paragraphs, last])


def _paragraph(item: Item, agent: str) -> str:
    message, content = item.message, visible(item.message.readable)
    cut = len(content) > LONGEST_TEXT
    said = wording.HOOK_SAID.format(
        sender=visible(message.sender_name or message.sender_type)[:200],
        room=visible(item.chat_title or "a room")[:200],
        content=content[:LONGEST_TEXT] + (f"\n{wording.HOOK_CUT}" if cut else ""),
    )
    head = wording.HOOK_MESSAGE.format(
        id=item.id,
        chat_id=item.chat_id,
        sender_type=message.sender_type,
        sender_id=message.sender_id,
        agent=visible(agent),
    )
    return f"{head}\n{fenced(said)}"
