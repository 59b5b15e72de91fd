"""What one principal changes: how much in a minute, and a line of the log for each time."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.bridge.tools import Tool
from thenvoi_bridge.contract.call import ID
from thenvoi_bridge.contract.errors import RateLimited
from thenvoi_bridge.fields import Fields

CHANGES = 60
"""Calls that change something which a principal may make in a minute."""

MINUTE = 60.0

logger = logging.getLogger("thenvoi_bridge.audit")


class Oversight:
    """That of one principal. Nothing of what is said stands in the log, but its hash does."""

    def __init__(self, principal: str, now: Callable[[], float] = time.monotonic) -> None:
        self._principal, self._now = principal, now
        self._last: deque[float] = deque(maxlen=CHANGES)

    def __call__(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """Note a call that is about to be made. Raises `RateLimited`."""
        self._take()
        logger.info(self._line(tool, arguments))

    def _take(self) -> None:
        now = self._now()
        if len(self._last) == CHANGES and (wait := self._last[0] + MINUTE - now) > 0:
            error = RateLimited(wording.TOO_MANY_CHANGES)
            error.retry_after = round(wait, 1)
            raise error
        self._last.append(now)

    def _line(self, tool: Tool, arguments: Mapping[str, Any]) -> Fields:
        room, messages = _id(arguments.get("chat_id")), arguments.get("message_ids")
        several = ",".join(map(_id, messages[:10])) if isinstance(messages, list) else ""
        said = arguments.get("content")
        content = hashlib.sha256(said.encode(errors="replace")).hexdigest() if isinstance(said, str) else None
        return Fields(
            "change",
            principal=self._principal,
            tool=tool.name,
            room=room,
            messages=several or None,
            sha256=content,
        )


def _id(given: object) -> str:
    """What a model gave for an id, if it may be one."""
    return given if isinstance(given, str) and re.fullmatch(ID, given) else "-"
