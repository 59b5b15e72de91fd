"""Calls about the platform itself: is it there, which one is it, and does it take my key?"""

from __future__ import annotations

from thenvoi_bridge.contract.call import Call, Envelope, Route


class DatabaseHealth(Envelope):
    """Whether the database answers."""

    healthy: bool


class Services(Envelope):
    """What the platform needs to serve."""

    database: DatabaseHealth


class HealthReport(Envelope):
    """`status` is "ok" while the platform serves."""

    status: str
    version: str
    api_version: str
    timestamp: str
    environment: str | None = None
    features: list[str] | None = None
    services: Services | None = None


class VersionReport(Envelope):
    """What runs here."""

    version: str
    commit: str
    built_at: str


class KeyReport(Envelope):
    """Whose key it is: `auth_type` says what was shown, `permissions` which halves of the API it opens."""

    status: str
    message: str
    api_version: str
    auth_type: str
    permissions: list[str] | None = None


class Health(Call[HealthReport]):
    """Ask whether the platform serves."""

    route = Route("GET", "/health")


class Version(Call[VersionReport]):
    """Ask which version of the platform serves."""

    route = Route("GET", "/version", prefix="")


class CheckKey(Call[KeyReport]):
    """Ask whether the platform takes this key, and what it opens."""

    route = Route("GET", "/test")
