"""Servers with many sockets, to all of which one message is sent: a room of the platform, and a bare server.

Each has a process of its own, and so have its sockets.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import connect

MESSAGES = 40
"""In a round."""

LAST, COST = "until the last has it", "CPU of the server"
KEPT = 3.0  # seconds after which the server may have closed a connection that nobody uses
MARK = "what everybody is to hear"
HERE = Path(__file__).parent


class Line:
    """A process that is spoken to in lines."""

    def __init__(self, process: Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout

    def say(self, text: str) -> None:
        self._in.write(text + "\n")
        self._in.flush()

    def hush(self) -> None:
        self._in.close()

    def hear(self) -> str:
        line = self._out.readline().strip()
        assert line, "the process has ended"
        return line

    def cpu(self) -> float:
        """Seconds of processor time that a server has used so far."""
        self.say("")
        return float(self.hear())


@contextmanager
def process(*args: object) -> Iterator[Line]:
    command = [sys.executable, *map(str, args)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as started:
        try:
            yield Line(started)
        finally:
            started.kill()


@dataclass(frozen=True)
class Server:
    """A server with its sockets. `tell` sends them a message."""

    line: Line
    crowd: Line
    tell: Callable[[str], None]

    async def round(self, frame: str) -> Mapping[str, float]:
        """Some messages, one after the other: seconds of each."""
        before, took = self.line.cpu(), list[float]()
        for _ in range(MESSAGES):
            start = time.monotonic()
            self.tell(frame)
            took.append(float(self.crowd.hear()) - start)
        return {LAST: median(took), COST: (self.line.cpu() - before) / MESSAGES}


@dataclass(frozen=True)
class Room:
    """The room of the platform, and who speaks in it."""

    address: str
    known: dict[str, Any]
    last: list[float] = field(default_factory=lambda: [0.0])

    def ways(self) -> list[tuple[str, str]]:
        """For each socket its path, and the frame that joins the room."""
        join = json.dumps(["1", "1", f"chat_room:{self.known['room']}", "phx_join", {}])
        return [(f"/api/v1/socket/websocket?vsn=2.0.0&api_key={key}", join) for key in self.known["keys"]]

    def say(self, http: HTTPConnection) -> None:
        """Post the message."""
        content = f"@{self.known['mention']} {MARK}"
        body = {"message": {"content": content, "mentions": [{"id": self.known["id"]}]}}
        headers = {"X-API-Key": self.known["key"], "Content-Type": "application/json"}
        if time.monotonic() - self.last[0] > KEPT:
            http.close()
        http.request("POST", f"/api/v1/me/chats/{self.known['room']}/messages", json.dumps(body), headers)
        answer = http.getresponse()
        self.last[0] = time.monotonic()
        assert answer.status == 201, answer.read()
        answer.read()

    def sample(self, http: HTTPConnection) -> str:
        """The frame in which a socket hears of a message."""
        (path, join), *_ = self.ways()
        with connect(f"ws://{self.address}{path}", proxy=None) as ws:
            ws.send(join)
            ws.recv()
            self.say(http)
            return ws.recv(decode=True)


def crowd(stack: ExitStack, address: str, ways: list[tuple[str, str | None]]) -> Line:
    line = stack.enter_context(process(HERE / "crowd.py", address, MARK))
    for way in ways:
        line.say(json.dumps(way))
    line.hush()
    assert line.hear() == "ready"
    return line


def platform(stack: ExitStack, size: int) -> tuple[Server, str]:
    """The platform with its sockets, and the frame that they hear."""
    folder = stack.enter_context(TemporaryDirectory())
    line = stack.enter_context(process(HERE / "audience_servers.py", "platform", size, folder))
    known = json.loads(line.hear())
    room = Room(known["address"], known)
    http = HTTPConnection(room.address)
    stack.callback(http.close)
    frame = room.sample(http)
    listeners = crowd(stack, room.address, [*room.ways()])
    return Server(line, listeners, lambda _: room.say(http)), frame


def bare(stack: ExitStack, size: int) -> Server:
    """A server of `websockets` that sends with `broadcast`."""
    line = stack.enter_context(process(HERE / "audience_servers.py", "bare"))
    return Server(line, crowd(stack, line.hear(), [("/", None)] * size), line.say)
