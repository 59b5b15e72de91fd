"""Which platform the settings mean, and with which keys. Nothing of MCP is needed for that."""

from __future__ import annotations

from thenvoi_bridge.bridge.endpoint import Endpoint, Locate, sides_of
from thenvoi_bridge.hosting.local import LocalPlatform
from thenvoi_bridge.settings import Settings


def locate(settings: Settings) -> Locate:
    """How to find the platform: where the settings say, or on this computer."""
    if settings.is_local:
        return LocalPlatform(settings.state_dir / "local").locate
    either = sides_of(settings.api_key) if settings.api_key else ()
    endpoint = Endpoint(
        base_url=settings.base_url.rstrip("/"),
        ws_url=settings.ws_url,
        agent_key=settings.agent_key or (settings.api_key if "agent" in either else None),
        user_key=settings.user_key or (settings.api_key if "human" in either else None),
    )

    async def found(_: str) -> Endpoint:
        return endpoint

    return found
