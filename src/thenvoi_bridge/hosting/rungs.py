"""The rungs of the ladder that are there only if the settings say so: a feed file, Claude Code's channel."""

from __future__ import annotations

from thenvoi_bridge.bridge.delivery import Look
from thenvoi_bridge.bridge.sdk import BridgeServer, Pipe
from thenvoi_bridge.bridge.session import Session
from thenvoi_bridge.settings import BadSetting, Settings, names


def check_feed(settings: Settings) -> None:
    """Make the feed's file, if there is to be one. Raises `BadSetting` for one that may not be written."""
    if settings.feed:
        from thenvoi_bridge.bridge import feed

        try:
            feed.check(settings.feed)
        except feed.Refused as exc:
            raise BadSetting(f"THENVOI_FEED: {exc}") from exc


def feed(settings: Settings, session: Session) -> list[Look]:
    """The rung that writes to a file."""
    if settings.feed is None:
        return []
    from thenvoi_bridge.bridge.feed import Feed

    return [Feed(session, settings.feed, settings.state_dir / "feed.lock")]


def channel(settings: Settings, session: Session, server: BridgeServer) -> list[Look]:
    """The rungs that push into a Claude Code session, and ask people what it asks."""
    if not settings.channel:
        return []
    from thenvoi_bridge.bridge.channel import CHANNEL, Channel
    from thenvoi_bridge.bridge.permissions import PERMISSION, Question, Relay

    capabilities = [CHANNEL, *([PERMISSION] if settings.approvers else [])]
    pipe = Pipe(server, capabilities)
    pushing: list[Look] = [Channel(session, pipe, names(settings.channel))]
    if not settings.approvers:
        return pushing
    relay = Relay(session, pipe, names(settings.approvers))
    pipe.hear(f"notifications/{PERMISSION}_request", Question, relay.ask)
    return [relay, *pushing]
