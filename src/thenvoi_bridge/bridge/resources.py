"""Which resources a host can read without calling a tool, and where. `views` has what is there.

An address is a path whose variables are ids, and a query. What there is of it besides is read off the views'
query classes.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import mcp_types as types

from thenvoi_bridge.bridge import mail, views, wording
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.bridge.untrusted import all_visible
from thenvoi_bridge.contract.errors import NotFound

INBOX, STATUS, ROOMS = "thenvoi://inbox", "thenvoi://status", "thenvoi://rooms/"

PAGE = 100
"""Rooms on a page of the list."""

JSON = "application/json"

ID = r"[0-9A-Za-z_-]{1,64}"
"""What an id in an address looks like; `contract.call.Id` says why."""

_VARIABLE = re.compile(r"{(\w+)}")


class BadCursor(ValueError):
    """A cursor that no page of the list has given."""


@dataclass(frozen=True)
class Kind:
    """Resources of one kind. `path` has the ids that stand in their addresses as `{chat_id}`."""

    name: str
    path: str
    query: type[views.Query]
    view: Callable[..., Awaitable[dict[str, Any]]]
    annotations: types.Annotations | None = None

    @property
    def in_path(self) -> list[str]:
        """The ids in the address."""
        return _VARIABLE.findall(self.path)

    @property
    def variables(self) -> list[str]:
        """Everything that may be put into the template."""
        return [*self.in_path, *self.query.model_fields]

    @property
    def template(self) -> str:
        """The address as RFC 6570 has it."""
        fields = ",".join(self.query.model_fields)
        return self.path + ("{?" + fields + "}" if fields else "")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches an address, less its query."""
        return re.compile(_VARIABLE.sub(rf"(?P<\1>{ID})", self.path))


ASSISTANT = types.Annotations(audience=["assistant"], priority=1.0)
EITHER = types.Annotations(audience=["user", "assistant"], priority=0.5)

KINDS = (
    Kind("inbox", INBOX, views.InboxQuery, views.inbox, ASSISTANT),
    Kind("status", STATUS, views.Query, views.status, EITHER),
    Kind("room", ROOMS + "{chat_id}", views.Query, views.room),
    Kind("room_messages", ROOMS + "{chat_id}/messages", views.PageQuery, views.messages),
    Kind("message", ROOMS + "{chat_id}/messages/{message_id}", views.Query, views.message),
    Kind("participants", ROOMS + "{chat_id}/participants", views.Query, views.participants),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A resource that has been asked for: its kind, and the ids in its address."""

    kind: Kind
    ids: Mapping[str, str]

    @property
    def chat_id(self) -> str | None:
        """The room it is of."""
        return self.ids.get("chat_id")


def place_of(uri: str) -> Place | None:
    """Where an address leads, None if nowhere; whether there is such a room only the platform can say."""
    path = uri.partition("?")[0]
    found = ((kind, kind.pattern.fullmatch(path)) for kind in KINDS)
    return next((Place(kind, match.groupdict()) for kind, match in found if match), None)


async def read(session: Session, uri: str) -> str:
    """The JSON text of a resource.

    Raises `NotFound`, `ValidationError` for its query, `Trouble`, and what the platform answers.
    """
    place = place_of(uri)
    if place is None:
        raise NotFound
    query = parse_qs(uri.partition("?")[2], keep_blank_values=True)
    asked = place.kind.query.model_validate({name: values[-1] for name, values in query.items()})
    return mail.as_text(all_visible(await place.kind.view(session, asked, **place.ids)))


async def rooms_to_list(session: Session) -> list[str]:
    """The ids of the rooms that the list has: those with unread mail, in an order that stays."""
    seat = session.seat_now
    return sorted(await seat.inbox.unread_by_room()) if seat else []


async def listed(session: Session, cursor: str | None) -> tuple[list[types.Resource], str | None]:
    """A page of the list, and the cursor of the next one if there is any. Raises `BadCursor`."""
    after = _room_of(cursor) if cursor is not None else ""
    rooms = [chat_id for chat_id in await rooms_to_list(session) if chat_id > after]
    page, more = rooms[:PAGE], rooms[PAGE:]
    always = LISTED if cursor is None else []
    return [*always, *map(_room, page)], _cursor(page[-1]) if more else None


def _room(chat_id: str) -> types.Resource:
    title, description = wording.ROOM_LISTED
    return types.Resource(
        uri=ROOMS + chat_id,
        name=chat_id,
        title=title,
        description=description,
        mime_type=JSON,
        annotations=ASSISTANT,
    )


def _cursor(chat_id: str) -> str:
    return urlsafe_b64encode(chat_id.encode()).decode()


def _room_of(cursor: str) -> str:
    """The room that a cursor stands for."""
    try:
        chat_id = b64decode(cursor, altchars="-_", validate=True).decode()
    except ValueError as exc:
        raise BadCursor from exc
    if not re.fullmatch(ID, chat_id):
        raise BadCursor
    return chat_id


def _resource(kind: Kind) -> types.Resource:
    title, description = wording.RESOURCES[kind.name]
    return types.Resource(
        uri=kind.path,
        name=kind.name,
        title=title,
        description=description,
        mime_type=JSON,
        annotations=kind.annotations,
    )


def _template(kind: Kind) -> types.ResourceTemplate:
    title, description = wording.RESOURCES[kind.name]
    return types.ResourceTemplate(
        uri_template=kind.template, name=kind.name, title=title, description=description, mime_type=JSON
    )


LISTED = [_resource(kind) for kind in KINDS if not kind.in_path]
TEMPLATES = [_template(kind) for kind in KINDS if kind.variables]
VARIABLES: Mapping[str, list[str]] = {kind.template: kind.variables for kind in KINDS}
"""What may be put into each template."""
