"""Calls about the platform itself."""

from __future__ import annotations

from thenvoi_bridge import __version__
from thenvoi_bridge.contract.system import (
    CheckKey,
    DatabaseHealth,
    Health,
    HealthReport,
    KeyReport,
    Services,
    Version,
    VersionReport,
)
from thenvoi_bridge.platform.handlers import handler
from thenvoi_bridge.platform.log import Change
from thenvoi_bridge.platform.rules.access import Principal

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


@handler
def check_key(_: CheckKey, me: Principal, tx: Change) -> KeyReport:
    """The key was recognised, or this would not have been called."""
    return KeyReport(
        status="success",
        message=f"Authenticated as {me.handle}",
        api_version=API_VERSION,
        auth_type="api_key" if me.key_id else "bearer",
        permissions=[f"{'agent' if me.type == 'Agent' else 'human'}_api"],
    )
