"""What a generated REST client has, and what comes of calling it; for `rest_walk`, in its environment."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NOBODY = "00000000-0000-4000-8000-000000000000"
NAMES = ("chat_id", "id", "contact_id", "handle")
"""Arguments that may name something which does not exist; the last one given is made to."""

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A person or an agent, and the client that has their key."""

    id: str
    handle: str
    client: Any


@dataclass(frozen=True)
class Cast:
    """Alice owns Scout and Muse, Bob of the same organisation Rover. Nobody has issued the stranger's key."""

    alice: Person
    bob: Person
    scout: Person
    muse: Person
    rover: Person
    stranger: Person


class Walk:
    """What a client has, and what has been tried of it."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._groups = dict(operations(cast.stranger.client))
        self._declared = {operation: self._statuses(operation) for operation in self._groups}
        self._tried: set[tuple[str, int]] = set()
        say(self._declared)

    def ok(self, who: Person, operation: str, seen: Callable[[Any], object], /, **given: Any) -> Any:
        """Call an operation, which succeeds and answers what `seen` looks for. Returns the answer.

        Before that it is refused in every declared way that takes no story of its own.
        """
        for status, (other, changed) in self._plain_refusals(who, operation, given).items():
            if status in self._declared[operation] and (operation, status) not in self._tried:
                self.refused(status, other, operation, **{**given, **changed})
        got, answer = self._attempt(who, operation, given)
        if got == "success" and not seen(answer):
            got = f"an answer without it: {answer!r}"
        say({"operation": operation, "wanted": "success", "got": got})
        return answer

    def refused(self, status: int, who: Person, operation: str, /, **given: Any) -> None:
        """Call an operation, which is refused."""
        self._tried.add((operation, status))
        got, _ = self._attempt(who, operation, given)
        say({"operation": operation, "wanted": status, "got": got})

    def empty(self, who: Person, operation: str, /, **given: Any) -> None:
        """Call an operation, which has nothing to answer."""
        self.refused(204, who, operation, **given)

    def has(self, operation: str) -> bool:
        """Whether this client has an operation."""
        return operation in self._groups

    def _attempt(self, who: Person, operation: str, given: Arguments) -> tuple[str, Any]:
        method = getattr(getattr(who.client, self._groups[operation]), operation)
        try:
            return "success", method(**given)
        except Exception as exc:  # whatever a client makes of an answer it cannot read
            return told(exc), None

    def _plain_refusals(
        self, who: Person, operation: str, given: Arguments
    ) -> dict[int, tuple[Person, Arguments]]:
        """Status -> who asks instead, and what is changed."""
        human = self._groups[operation].startswith("human")
        named = [name for name in NAMES if name in given]
        missing = {name: "nobody" if name == "handle" else NOBODY for name in named[-1:]}
        return {
            400: (who, {"request_options": {"additional_body_parameters": {"colour": "red"}}}),
            401: (self._cast.stranger, {}),
            403: (self._cast.scout if human else self._cast.alice, {}),
            422: (who, {"request_options": {"additional_query_parameters": {"colour": "red"}}}),
            **({404: (who, missing)} if missing else {}),
        }

    def _statuses(self, operation: str) -> list[int]:
        """The statuses that the client's source has typed errors for."""
        raw = getattr(self._cast.stranger.client, self._groups[operation]).with_raw_response
        source = inspect.getsource(getattr(raw, operation))
        return [int(status) for status in re.findall(r"status_code == (\d+)", source)]


def operations(client: Any) -> list[tuple[str, str]]:
    """Every operation of a client, and the group it is in."""
    return [
        (name, group)
        for group in dir(client)
        if not group.startswith("_")
        for name, _ in inspect.getmembers(getattr(client, group), inspect.ismethod)
        if not name.startswith("_")
    ]


def told(exc: Exception) -> str:
    """What a client raised: class, status, and the code of the error if it could read one."""
    name, status = type(exc).__name__, getattr(exc, "status_code", None)
    if status is None:
        return f"{name}: {exc}"
    body = getattr(exc, "body", None)
    error = body["error"] if isinstance(body, dict) else getattr(body, "error", None)
    code = error["code"] if isinstance(error, dict) else getattr(error, "code", None)
    return f"{name} {status} {code}"


def say(line: object) -> None:
    print(json.dumps(line), flush=True)


def ids(answer: Any) -> set[str]:
    return {one.id for one in answer.data}
