"""The platform, the scene on it and the state folder are those of the bridge's own tests."""

import pytest

from tests.bridge.conftest import scene, state, town
from thenvoi_bridge.bridge import patience, waiting

__all__ = ["scene", "state", "town"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits show signs of life at once, and end soon when they are told to."""
    monkeypatch.setattr(waiting, "BEAT", 0.02)
    monkeypatch.setattr(patience, "GRACE", 0.05)
