"""Whose keys the settings have, and which platform they mean. Nothing of MCP is needed for that."""

from __future__ import annotations

from thenvoi_bridge.bridge.endpoint import Endpoint, Locate, Side, sides_of
from thenvoi_bridge.inbox.marks import mark
from thenvoi_bridge.settings import Settings


def sides(settings: Settings) -> tuple[Side, ...]:
    """Whose tools the host is given, told by the keys without asking anybody."""
    if settings.is_local:
        return ("agent",)
    keyed: set[Side] = {*_either(settings)}
    keyed |= {"agent"} if settings.agent_key else set()
    keyed |= {"human"} if settings.user_key else set()
    return tuple(sorted(keyed))


def meant(settings: Settings, host: str | None = None) -> str | None:
    """The mark of the inbox that a bridge with these settings has, None where they do not mean any.

    `host` is what its host calls itself: without a key its agent is named after that.
    """
    known_as = settings.name or host if settings.is_local else _agent_key(settings)
    return mark(known_as) if known_as else None


def locate(settings: Settings) -> Locate:
    """How to find the platform: where the settings say, or on this computer."""
    if settings.is_local:
        from thenvoi_bridge.hosting.local import LocalPlatform

        return LocalPlatform(settings.state_dir / "local").locate
    endpoint = Endpoint(
        base_url=settings.base_url.rstrip("/"),
        ws_url=settings.ws_url,
        agent_key=_agent_key(settings),
        user_key=settings.user_key or (settings.api_key if "human" in _either(settings) else None),
    )

    async def found(_: str) -> Endpoint:
        return endpoint

    return found


def _agent_key(settings: Settings) -> str | None:
    return settings.agent_key or (settings.api_key if "agent" in _either(settings) else None)


def _either(settings: Settings) -> tuple[Side, ...]:
    """Whose the key may be that is either's."""
    return sides_of(settings.api_key) if settings.api_key else ()
