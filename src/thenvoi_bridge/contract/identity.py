"""Who the caller is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from thenvoi_bridge.contract.call import Call, Record, Route

Name = Annotated[str, StringConstraints(pattern=r"\S", max_length=100)]


class AgentMe(Record):
    """The calling agent. `handle` is `owner/slug` without @; `feature_flags` is for newer clients."""

    id: str
    name: str
    handle: str
    description: str | None = None
    owner_uuid: str
    feature_flags: dict[str, bool] | None = None
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

    route = Route("GET", "/me/profile", errors=(404,))


class UpdateMyProfile(Call[UserDetails]):
    """Change my name. What is left out stays as it is."""

    route = Route("PUT", "/me/profile", wrap="user", errors=(404,))
    first_name: Name | None = None
    last_name: Name | None = None
