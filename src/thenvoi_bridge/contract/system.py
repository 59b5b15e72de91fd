"""Calls that need no key: is the platform there, and which one is it?"""

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
    services: Services | None = None


class VersionReport(Envelope):
    """What runs here."""

    version: str
    commit: str
    built_at: str


class Health(Call[HealthReport]):
    """Ask whether the platform serves."""

    route = Route("GET", "/health")


class Version(Call[VersionReport]):
    """Ask which version of the platform serves."""

    route = Route("GET", "/version", prefix="")
