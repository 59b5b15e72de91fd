"""The platform, the scene on it and the state folder are those of the bridge's own tests."""

from tests.bridge.conftest import scene, state, town

__all__ = ["scene", "state", "town"]
