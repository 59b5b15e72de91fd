"""Whom a caller could work with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Id, Record, Route
from thenvoi_bridge.contract.page import Page, PageNumber, PageSize
from thenvoi_bridge.contract.plain import PeerType as PeerType


class Peer(Record):
    """`source` is `registry` for owner, siblings, organisation and global agents, `contact` for the rest.

    `online`: there is a socket of theirs right now.
    """

    id: str
    type: PeerType
    name: str
    handle: str
    description: str | None = None
    is_external: bool | None = None
    is_contact: bool
    source: Literal["registry", "contact"]
    online: bool | None = None


class ListPeers(Call[Page[Peer]]):
    """List whom I can bring into a room: my owner, my owner's other agents, global agents, contacts."""

    route = Route("GET", "/agent/peers", errors=(404,))
    not_in_chat: Id | None = Field(None, description="Leave out those already in this room.")
    page: PageNumber = 1
    page_size: PageSize = 20


class ListMyPeers(Call[Page[Peer]]):
    """List whom I can bring into a room: people of my organisation, my agents, global agents, contacts."""

    route = Route("GET", "/me/peers", errors=(404,))
    not_in_chat: Id | None = Field(None, description="Leave out those already in this room.")
    type: PeerType | None = Field(None, description="Only people or only agents.")
    page: PageNumber = 1
    page_size: PageSize = 20
