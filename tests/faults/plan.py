"""What is to go wrong inside the platform: plain values, to and from JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from thenvoi_bridge.platform.serving import publish

Pause = Literal["seconds", "date", "absurd", "negative", "garbage"]
"""What a Retry-After says: so many seconds, that moment as an HTTP date, 1e9, -5, or no number at all."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A fault, and how often: by `chance` each time that something fits, `times` at most if given.

    Each pattern is a regular expression that must be found; an empty one fits all.
    """

    kind: ClassVar[str]
    chance: float = 1.0
    times: int | None = None

    def fits(self, **seen: str) -> bool:
        """Whether every pattern is found in what was seen under its name."""
        return all(re.search(getattr(self, name), value) for name, value in seen.items())


@dataclass(frozen=True, kw_only=True)
class Answered(Switch):
    """An answer that the app knows nothing of. `seconds` is the pause it asks for where that is a time."""

    retry_after: Pause | None = None
    seconds: float = 1.0
    body: Literal["envelope", "html"] = "envelope"
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class RequestFault(Switch):
    """Befalls a REST request."""

    method: str = ""
    path: str = ""


@dataclass(frozen=True)
class LostReply(RequestFault):
    """The request is applied, then the connection is reset before a byte of the reply."""

    kind = "lost_reply"


@dataclass(frozen=True)
class NotApplied(RequestFault):
    """The connection is reset before the app sees the request."""

    kind = "not_applied"


@dataclass(frozen=True)
class Delayed(RequestFault):
    """The request is applied only after so many seconds, whether the client is still there or not.

    With `cut` it is not: the connection is reset as soon as the request is there.
    """

    kind = "delayed"
    delay: float
    cut: bool = False


@dataclass(frozen=True)
class Slow(RequestFault):
    """The request is applied at once and its reply held back for so many seconds."""

    kind = "slow"
    delay: float


@dataclass(frozen=True)
class Status(Answered, RequestFault):
    """This HTTP status in place of the app's answer; the app does not see the request."""

    kind = "status"
    status: int


@dataclass(frozen=True)
class Garbled(RequestFault):
    """The request is applied, and answered by 200 with half of its JSON or with a web page."""

    kind = "garbled"
    form: Literal["truncated", "html"] = "truncated"


@dataclass(frozen=True, kw_only=True)
class PushFault(Switch):
    """Befalls an event pushed to a socket that speaks Phoenix V2."""

    event: str = ""
    topic: str = ""


@dataclass(frozen=True)
class DroppedPush(PushFault):
    """The event is not pushed."""

    kind = "dropped_push"


@dataclass(frozen=True)
class DoubledPush(PushFault):
    """The event is pushed twice."""

    kind = "doubled_push"


@dataclass(frozen=True)
class DelayedPush(PushFault):
    """The event is pushed so many seconds late, or never if the socket ends before; others overtake it."""

    kind = "delayed_push"
    delay: float


@dataclass(frozen=True)
class SwallowedJoin(Switch):
    """A join is granted or refused, and its reply does not come."""

    kind = "swallowed_join"
    topic: str = ""


@dataclass(frozen=True)
class RefusedUpgrade(Answered):
    """A socket is not opened, by this HTTP status."""

    kind = "refused_upgrade"
    status: int


@dataclass(frozen=True)
class Closed(Switch):
    """A socket is closed with this code after so many frames to the client; 1006 resets the connection."""

    kind = "closed"
    code: int
    frames: int = 0


Plan = tuple[Switch, ...]
"""For each thing that passes, the first fault that fits and whose turn it is."""

KINDS: dict[str, type[Switch]] = {
    switch.kind: switch
    for switch in (
        *(LostReply, NotApplied, Delayed, Slow, Status, Garbled),
        *(DroppedPush, DoubledPush, DelayedPush, SwallowedJoin, RefusedUpgrade, Closed),
    )
}


def to_json(plan: Plan) -> str:
    """A plan as a list of objects with a `kind` each."""
    return json.dumps([{"kind": switch.kind, **asdict(switch)} for switch in plan])


def from_json(text: str) -> Plan:
    """The plan in a text of that form; what is left out has its default."""
    return tuple(KINDS[found.pop("kind")](**found) for found in json.loads(text))


class PlanFile:
    """A plan in a file, for other processes to change. `write` puts it there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def write(self, plan: Plan) -> None:
        """Let this be the plan."""
        publish(self.path, to_json(plan))

    def news(self) -> Plan | None:
        """The plan, if it has changed since the last look. Raises OSError, ValueError."""
        found = self.path.stat()
        stamp = found.st_ino, found.st_mtime_ns, found.st_size
        if stamp == self._seen:
            return None
        self._seen = stamp
        return from_json(self.path.read_text())
