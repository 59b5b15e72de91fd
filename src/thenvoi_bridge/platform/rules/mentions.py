"""Who is mentioned, whether that is allowed, and how a mention is stored in the text.

Stored text carries `@[[<id>]]` where a person wrote `@handle` or `@name`; clients turn it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from thenvoi_bridge.contract.errors import Unprocessable
from thenvoi_bridge.contract.messages import Mention


@dataclass(frozen=True, slots=True)
class Mentionable:
    """A participant as mentions see it."""

    id: str
    type: str
    handle: str
    name: str


def resolve(
    sender_id: str, mentions: Sequence[Mention], room: Mapping[str, Mentionable]
) -> list[Mentionable]:
    """The participants a message is for, in the order given.

    Raises `Unprocessable` with the seed's codes, checked in this order: `mentions_required`,
    `cannot_mention_self`, `duplicate_mentions`, `mentioned_participant_not_in_room`.
    """
    ids = [mention.id for mention in mentions]
    if not ids:
        raise _refused("mentions_required", "Mention at least one participant")
    if sender_id in ids:
        raise _refused("cannot_mention_self", "You cannot mention yourself")
    if len(set(ids)) < len(ids):
        raise _refused("duplicate_mentions", "A participant is mentioned more than once")
    if any(id not in room for id in ids):
        raise _refused("mentioned_participant_not_in_room", "A mentioned participant is not in this room")
    return [room[id] for id in ids]


def stored_form(content: str, given: Sequence[Mention], resolved: Sequence[Mentionable]) -> str:
    """The text with every `@handle` or `@name` of the mentions as `@[[id]]`; unwritten ones go in front."""
    spellings = dict(_spellings(given, resolved)) if "@" in content else {}
    text, written = _replace(content, spellings)
    missing = [f"@[[{m.id}]]" for m in resolved if m.id not in written and f"@[[{m.id}]]" not in text]
    return " ".join([*missing, text])


def _refused(code: str, message: str) -> Unprocessable:
    return Unprocessable(message, {"/message/mentions": [message]}, code=code)


def _spellings(given: Sequence[Mention], resolved: Sequence[Mentionable]) -> Iterator[tuple[str, str]]:
    """Lower-case spelling to id. Handles come last, so that they win over a name spelt alike."""
    for mention, member in zip(given, resolved, strict=True):
        yield from ((_folded(name), member.id) for name in (mention.name, member.name) if name)
    for mention, member in zip(given, resolved, strict=True):
        handles = (mention.handle, member.handle)
        yield from ((_folded(h.removeprefix("@")), member.id) for h in handles if h and h != "@")


def _replace(content: str, spellings: Mapping[str, str]) -> tuple[str, set[str]]:
    """One pass from left to right, longest spelling first; no regular expression ever sees this text."""
    folded = _folded(content)
    candidates: dict[str, list[str]] = {}  # by first letter, so that a text of nothing but @ costs little
    for spelling in sorted(spellings, key=len, reverse=True):
        candidates.setdefault(spelling[0], []).append(spelling)
    parts: list[str] = []
    written: set[str] = set()
    done = 0
    at = content.find("@")
    while at >= 0:
        near = candidates.get(folded[at + 1 : at + 2], ())
        spelt = next((s for s in near if _stands_at(folded, at + 1, s)), None)
        if spelt is not None:
            parts += [content[done:at], f"@[[{spellings[spelt]}]]"]
            written.add(spellings[spelt])
            done = at + 1 + len(spelt)
        at = content.find("@", max(done, at + 1))
    return "".join([*parts, content[done:]]), written


def _folded(text: str) -> str:
    """The text without regard to case, every character in its place: `ß` stays one character."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(c if len(c.casefold()) > 1 else c.casefold() for c in text)


def _stands_at(folded: str, start: int, spelling: str) -> bool:
    """Whether the spelling is here as a whole: `@al` is not in `@alice`, but it is in `@al.` and `@al's`."""
    if not folded.startswith(spelling, start):
        return False
    end = start + len(spelling)
    rest = folded[end : end + 2]
    if not rest or not (rest[0].isalnum() or rest[0] in "_-/."):
        return True
    return rest[0] in "-/." and not rest[1:].isalnum()
