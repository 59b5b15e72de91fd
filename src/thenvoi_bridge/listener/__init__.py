"""Keeps one socket to the platform, for ever, and says what it hears: hints, never the truth.

Whatever is missed while no socket is up, or cannot be read, is not made up for here: `Ready` and `Unclear`
tell the reader to look at REST. Imports nothing of ours but `contract` and `phoenix`.
"""

from thenvoi_bridge.listener.listener import Listener, State
from thenvoi_bridge.listener.notices import Denied, Heard, Lost, Notice, Ready, Refused, Unclear
from thenvoi_bridge.listener.pace import Pace
from thenvoi_bridge.listener.socket import answer_without_key, socket_url

__all__ = [
    "Denied",
    "Heard",
    "Listener",
    "Lost",
    "Notice",
    "Pace",
    "Ready",
    "Refused",
    "State",
    "Unclear",
    "answer_without_key",
    "socket_url",
]
