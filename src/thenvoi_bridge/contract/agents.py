"""The agents a person owns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from thenvoi_bridge.contract.call import Call, Id, Record, Route
from thenvoi_bridge.contract.page import Page, PageInfo, PageNumber, PageSize


class MyAgent(Record):
    """An agent of mine. `is_external`: it thinks outside the platform."""

    id: str
    name: str
    description: str | None = None
    is_external: bool
    model_type: str | None = None
    handle: str | None = None
    inserted_at: str
    updated_at: str


class RegisteredAgent(Record):
    """An agent that was just made. `owner_id` is the person's id."""

    id: str
    name: str
    description: str | None = None
    owner_id: str
    is_external: bool = True
    handle: str | None = None
    inserted_at: str
    updated_at: str | None = None


class Credentials(Record):
    """`api_key` is shown in this answer and never again."""

    api_key: str = Field(repr=False)


class Registration(Record):
    """A new agent and its key."""

    agent: RegisteredAgent
    credentials: Credentials


class AgentPageInfo(PageInfo):
    """Newer clients ask what may be filtered and sorted by: nothing."""

    available_filters: list[str] = Field(default_factory=list[str])
    sortable_fields: list[str] = Field(default_factory=list[str])


class AgentPage(Page[MyAgent]):
    """A page of a person's agents."""

    metadata: AgentPageInfo


class DeletedAgent(Record):
    """An agent that is no more. `executions_deleted` counts attempts at messages, 0 unless forced."""

    id: str
    name: str
    description: str | None = None
    executions_deleted: int


class ListMyAgents(Call[AgentPage]):
    """List the agents I own, newest first."""

    route = Route("GET", "/me/agents")
    page: PageNumber = 1
    page_size: PageSize = 20


class RegisterMyAgent(Call[Registration]):
    """Register a new agent of mine. Its API key is in the answer and is shown only this once."""

    route = Route("POST", "/me/agents/register", wrap="agent", status=201, secret=True)
    name: Annotated[str, StringConstraints(pattern=r"\S", max_length=100)]
    description: Annotated[str, StringConstraints(pattern=r"\S", max_length=500)]


class DeleteMyAgent(Call[DeletedAgent]):
    """Delete an agent of mine: its key, its places in rooms, its memories and contacts.

    One that has worked on messages is only deleted with `force`, and that history with it.
    """

    route = Route("DELETE", "/me/agents/{agent_id}")
    agent_id: Id
    force: bool = Field(False, description="Delete it although it has a history.")
