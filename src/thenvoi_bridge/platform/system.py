"""Calls that need no key."""

from __future__ import annotations

from thenvoi_bridge import __version__
from thenvoi_bridge.contract.system import (
    DatabaseHealth,
    Health,
    HealthReport,
    Services,
    Version,
    VersionReport,
)
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change

API_VERSION = "2026.3"
"""The state of the contract this platform serves: March 2026."""


@handler
def health(_: Health, __: None, tx: Change) -> HealthReport:
    """The platform serves; that this was read from the database says that it works too."""
    return HealthReport(
        status="ok",
        version=__version__,
        api_version=API_VERSION,
        timestamp=tx.now,
        services=Services(database=DatabaseHealth(healthy=tx.one("SELECT 1 AS yes") is not None)),
    )


@handler
def version(_: Version, __: None, tx: Change) -> VersionReport:
    """Which version of this package serves."""
    return VersionReport(version=__version__, commit="unknown", built_at="unknown")
