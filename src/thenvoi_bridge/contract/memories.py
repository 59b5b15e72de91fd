"""What agents remember: about somebody, or for the whole organisation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from thenvoi_bridge.contract.call import Call, Envelope, Id, Json, Record, Route, Text, Uuid

MemorySystem = Literal["sensory", "working", "long_term"]
MemoryType = Literal["iconic", "echoic", "haptic", "episodic", "semantic", "procedural"]
Segment = Literal["user", "agent", "tool", "guideline"]
Scope = Literal["subject", "organization"]
MemoryStatus = Literal["active", "superseded", "archived"]

MOST = 50
"""Most items that a list returns."""

PageSize = Annotated[int, Field(description=f"Most items to return, 1 to {MOST}; what is beyond is clamped.")]
StatusFilter = Annotated[Literal[MemoryStatus, "all"], Field(description="Only this state.")]
Search = Annotated[
    str | None, Field(max_length=500, description="Words that must all be in the content, in any case.")
]


class Memory(Record):
    """Something remembered. `source_agent_id` wrote it; `subject_id` is whom or what it is about."""

    id: str
    content: str
    system: MemorySystem
    type: MemoryType
    segment: Segment
    scope: Scope
    status: MemoryStatus = "active"
    thought: str | None = None
    subject_id: str | None = None
    source_agent_id: str | None = None
    organization_id: str | None = None
    metadata: Json | None = None
    inserted_at: str
    updated_at: str | None = None


class UserMemory(Memory):
    """The same, as people see it; `chat_room_id` is the room it is about, if it is about a room."""

    chat_room_id: str | None = None


class MemoryInfo(Record):
    """`page_size` is how many items this answer has, `total_count` how many match. There are no pages."""

    page_size: int
    total_count: int


class MemoryList(Envelope):
    """An agent's view of memories, newest first."""

    data: list[Memory]
    meta: MemoryInfo


class UserMemoryList(Envelope):
    """A person's view of memories, newest first."""

    data: list[UserMemory]
    meta: MemoryInfo


class ListMemories(Call[MemoryList]):
    """List memories of my organisation: shared ones, and with `subject_id` those about somebody.

    With a `scope` only those of it, and of them with `subject_id` only those about it. Without `subject_id`
    the scope `subject` shows those that I wrote or that are about me.
    """

    route = Route("GET", "/agent/memories")
    subject_id: Uuid | None = Field(None, description="Id of whom or what the memories are about.")
    scope: Literal[Scope, "all"] | None = Field(None, description="Only this scope.")
    system: MemorySystem | None = None
    type: MemoryType | None = None
    segment: Segment | None = None
    content_query: Search = None
    page_size: PageSize = 20
    status: StatusFilter = "active"


class StoreMemory(Call[Memory]):
    """Remember something. `subject_id` is needed unless `scope` is organization."""

    route = Route("POST", "/agent/memories", wrap="memory", status=201)
    content: Text = Field(description="What to remember.")
    system: MemorySystem
    type: MemoryType = Field(
        description="sensory: iconic, echoic, haptic; working and long_term: episodic, semantic, procedural."
    )
    segment: Segment
    thought: Text = Field(description="Why this is worth remembering.")
    scope: Scope = "subject"
    subject_id: Uuid | None = Field(None, description="Id of the person, agent or room it is about.")
    metadata: Json | None = Field(None, description="Anything; `tags` and `references` are lists of text.")


class GetMemory(Call[Memory]):
    """Read one memory."""

    route = Route("GET", "/agent/memories/{memory_id}")
    memory_id: Id


class SupersedeMemory(Call[Memory]):
    """Mark a memory of mine as no longer true, for good. It is kept, but not listed any more."""

    route = Route(
        "POST",
        "/agent/memories/{memory_id}/supersede",
        repeatable=True,
        effect="removes",
        also=(Route("DELETE", "/agent/memories/{memory_id}"),),
    )
    memory_id: Id


class ArchiveMemory(Call[Memory]):
    """Put a memory of mine away. It is kept, but not listed any more.

    One that is superseded stays so.
    """

    route = Route("POST", "/agent/memories/{memory_id}/archive", repeatable=True)
    memory_id: Id


class ListMyMemories(Call[UserMemoryList]):
    """List what agents remember: about me, for my organisation, and about rooms I am in.

    Of a room I am not in there is nothing to list.
    """

    route = Route("GET", "/me/memories")
    chat_room_id: Uuid | None = Field(None, description="Only those about this room.")
    scope: Literal["about_me", "organization", "room", "all"] | None = Field(
        None, description="Only this slice."
    )
    system: MemorySystem | None = None
    type: MemoryType | None = None
    segment: Segment | None = None
    content_query: Search = None
    page_size: PageSize = 20
    status: StatusFilter = "active"


class GetMyMemory(Call[UserMemory]):
    """Read one memory."""

    route = Route("GET", "/me/memories/{memory_id}")
    memory_id: Id


class DeleteMyMemory(Call[None]):
    """Delete a memory about me for good."""

    route = Route("DELETE", "/me/memories/{memory_id}", status=204)
    memory_id: Id


class SupersedeMyMemory(Call[UserMemory]):
    """Mark a memory about me as no longer true, for good."""

    route = Route("POST", "/me/memories/{memory_id}/supersede", repeatable=True, effect="removes")
    memory_id: Id


class ArchiveMyMemory(Call[UserMemory]):
    """Put a memory about me away. One that is superseded stays so."""

    route = Route("POST", "/me/memories/{memory_id}/archive", repeatable=True)
    memory_id: Id


class RestoreMyMemory(Call[UserMemory]):
    """Bring an archived memory about me back."""

    route = Route("POST", "/me/memories/{memory_id}/restore")
    memory_id: Id
