"""The state folder and the inbox are those of the bridge's own tests."""

from tests.bridge.conftest import inbox, state
from tests.hosting.test_http_safety import in_process

__all__ = ["in_process", "inbox", "state"]
