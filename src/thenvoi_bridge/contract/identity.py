"""Who the caller is."""

from __future__ import annotations

from typing import Literal

from thenvoi_bridge.contract.call import Call, Record, Route


class AgentMe(Record):
    """The calling agent. `handle` is `owner/slug`, without a leading @."""

    id: str
    name: str
    handle: str
    description: str | None = None
    owner_uuid: str
    inserted_at: str
    updated_at: str


class UserDetails(Record):
    """The calling person."""

    id: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    role: Literal["user", "admin"]
    handle: str | None = None


class GetMe(Call[AgentMe]):
    """Tell who I am: my agent's id, name, handle and owner."""

    route = Route("GET", "/agent/me")


class GetMyProfile(Call[UserDetails]):
    """Tell who I am: my id, e-mail address and name."""

    route = Route("GET", "/me/profile")
