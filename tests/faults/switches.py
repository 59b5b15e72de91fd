"""Faults inside the platform: an ASGI middleware that does harm as planned, and keeps account of it."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar
from urllib.parse import parse_qs

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.faults.exchange import Exchange, Headers, Tell, refusal, reset, suffer
from tests.faults.history import History, Outcome, actor_of
from tests.faults.plan import (
    Closed,
    DelayedPush,
    DoubledPush,
    DroppedPush,
    Plan,
    PlanFile,
    PushFault,
    RefusedUpgrade,
    RequestFault,
    SwallowedJoin,
    Switch,
)
from thenvoi_bridge.phoenix.frames import Frame, ProtocolError
from thenvoi_bridge.platform.upgrade import WRITE_NOW

PATIENCE = 10.0
"""Seconds a wait for a fault takes at most; TimeoutError after that."""

RESET = 1006
"""What a client makes of a connection that ends without a close; no code that could be sent."""

Fault = TypeVar("Fault", bound=Switch)


@dataclass
class Armed:
    """A fault of the plan, with a generator of its own, and how often it may still come about."""

    switch: Switch
    rng: Random
    left: float

    def fires(self) -> bool:
        """Whether it is its turn now."""
        fires = self.left > 0 and self.rng.random() < self.switch.chance
        self.left -= fires
        return fires


class Switches:
    """Stands around the app of a platform: `served(..., around=switches.around)`.

    `plan` may be set at any time, or be a file that is looked at whenever something passes; it holds for all
    that comes after, on open sockets, too. Each fault decides from the seed, how many plans there were, its
    place in the plan, and how often it was asked. `history` has what really happened: every fault before it
    can be felt, and every request and upgrade, with whose key it was and how it was answered.
    """

    def __init__(self, plan: Plan | Path = (), seed: int | str = 0, history: History | None = None) -> None:
        self.history = history or History()
        self._seed = seed
        self._plans = 0
        self._armed: list[Armed] = []
        self._file = PlanFile(plan) if isinstance(plan, Path) else None
        self._news = anyio.Event()
        self.plan = () if isinstance(plan, Path) else plan
        self._look()

    @property
    def plan(self) -> Plan:
        """What is to go wrong. Setting it begins every count and every generator anew."""
        return tuple(armed.switch for armed in self._armed)

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self._plans += 1
        self._armed = [
            Armed(
                switch,
                Random(f"{self._seed}/{self._plans}/{place}"),
                math.inf if switch.times is None else switch.times,
            )
            for place, switch in enumerate(plan)
        ]

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app with the switches before it."""

        async def switched(scope: Scope, receive: Receive, send: Send) -> None:
            scope.get("extensions", {}).pop(WRITE_NOW, None)
            visit = self._request if scope["type"] == "http" else self._upgrade
            await visit(app, scope, receive, send)

        return switched

    async def until(self, kind: str, times: int = 1) -> None:
        """Wait until such a fault has come about so often, in this process."""
        with anyio.fail_after(PATIENCE):
            while self.history.happened()[kind] < times:
                await self._news.wait()

    def drawn(self, kind: type[Fault], **seen: str) -> Fault | None:
        """The fault of this kind whose turn it is for what was seen."""
        self._look()
        for armed in self._armed:
            if isinstance(armed.switch, kind) and armed.switch.fits(**seen) and armed.fires():
                return armed.switch
        return None

    def note(self, switch: Switch, key: str, **extra: object) -> None:
        """Put a fault into the history."""
        self.history.fault(switch.kind, key, **extra)
        self._news.set()
        self._news = anyio.Event()

    async def _request(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        tell = self._teller(scope, _who(scope), scope["method"])
        fault = self.drawn(RequestFault, method=scope["method"], path=scope["path"])
        exchange = Exchange(app, scope, receive, send, tell)
        if fault is None:
            await exchange.passed()
        else:
            await suffer(fault, exchange, partial(self.note, fault, scope["path"], method=scope["method"]))

    async def _upgrade(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        tell = self._teller(scope, f"{_who(scope)} socket", "UPGRADE")
        fault = self.drawn(RefusedUpgrade)
        if fault is not None:
            self.note(fault, scope["path"], status=fault.status)
            return await _refuse(fault, send, tell)
        async with anyio.create_task_group() as tasks:
            line = Line(self, receive, send, tell, tasks)
            try:
                await app(scope, line.receive, line.send)
            finally:
                tasks.cancel_scope.cancel()

    def _teller(self, scope: Scope, actor: str, op: str) -> Tell:
        """What writes down how that which comes in now is answered."""
        t = self.history.now()

        def tell(status: int | None, headers: Headers) -> None:
            outcome: Outcome = "unknown" if status is None else "ok" if status < 300 else "fail"
            pause = _pause(headers) if status in (429, 503) else None
            self.history.note(actor, op, scope["path"], outcome, t=t, status=status, retry_after=pause)

        return tell

    def _look(self) -> None:
        if self._file and (plan := self._file.news()) is not None:
            self.plan = plan


class Line:
    """A socket between uvicorn and the app, which is given its `receive` and `send`.

    `tasks` are to end with the app.
    """

    def __init__(
        self, switches: Switches, receive: Receive, send: Send, tell: Tell, tasks: TaskGroup
    ) -> None:
        self._switches, self._tasks = switches, tasks
        self._receive, self._send, self._tell = receive, send, tell
        self._joins: set[tuple[str, str | None]] = set()
        self._closing: Closed | None = None
        self._frames = 0
        self._accepted = self._over = False

    async def receive(self) -> Message:
        """The next message for the app. Joins are remembered."""
        message = await self._receive()
        frame = _frame(message)
        if frame and frame.event == "phx_join":
            self._joins.add((frame.topic, frame.ref))
        return message

    async def send(self, message: Message) -> None:
        """Take a message of the app's, and do with it what is planned."""
        match message["type"]:
            case "websocket.send":
                await self._push(message, _frame(message))
            case "websocket.accept":
                self._accepted = True
                self._tell(101, ())
                self._closing = self._switches.drawn(Closed)
                await self._onward(message)
            case _:
                self._turn_away(message)
                await self._onward(message)

    def _turn_away(self, message: Message) -> None:
        if not self._accepted and not message["type"].endswith(".body"):
            self._tell(message.get("status", 403), message.get("headers", ()))

    async def _push(self, message: Message, frame: Frame | None) -> None:
        if frame is None:
            return await self._onward(message)
        if self._swallows(frame):
            return
        match fault := self._fault(frame):
            case DroppedPush():
                self._switches.note(fault, frame.topic, event=frame.event)
            case DoubledPush():
                self._switches.note(fault, frame.topic, event=frame.event)
                await self._onward(message)
                await self._onward(message)
            case DelayedPush():
                self._tasks.start_soon(self._late, fault, message, frame)
            case _:
                await self._onward(message)

    def _fault(self, frame: Frame) -> PushFault | None:
        pushed = frame.ref is None
        return self._switches.drawn(PushFault, event=frame.event, topic=frame.topic) if pushed else None

    def _swallows(self, frame: Frame) -> bool:
        join = frame.topic, frame.ref
        if frame.event != "phx_reply" or join not in self._joins:
            return False
        self._joins.remove(join)
        fault = self._switches.drawn(SwallowedJoin, topic=frame.topic)
        if fault:
            self._switches.note(fault, frame.topic)
        return fault is not None

    async def _late(self, fault: DelayedPush, message: Message, frame: Frame) -> None:
        await anyio.sleep(fault.delay)
        self._switches.note(fault, frame.topic, event=frame.event)
        with suppress(OSError):  # the client has gone
            await self._onward(message)

    async def _onward(self, message: Message) -> None:
        if self._over:
            return
        await self._send(message)
        self._frames += message["type"] == "websocket.send"
        self._over |= message["type"] == "websocket.close"
        if self._closing and not self._over and self._frames >= self._closing.frames:
            await self._end(self._closing)

    async def _end(self, fault: Closed) -> None:
        self._over = True
        self._switches.note(fault, str(fault.code), frames=self._frames)
        if fault.code == RESET:
            reset(self._send)
        else:
            await self._send({"type": "websocket.close", "code": fault.code})


async def _refuse(fault: RefusedUpgrade, send: Send, tell: Tell) -> None:
    status, headers, body = refusal(fault, fault.status)
    tell(status, headers)
    await send({"type": "websocket.http.response.start", "status": status, "headers": [*headers]})
    await send({"type": "websocket.http.response.body", "body": body})
    await checkpoint()  # uvicorn logs an app that returns before the connection is gone as faulty


def _frame(message: Message) -> Frame | None:
    """The frame in a message, if it is one of Phoenix V2."""
    try:
        return Frame.decode(message.get("text") or "")
    except ProtocolError:
        return None


def _who(scope: Scope) -> str:
    given = parse_qs(scope["query_string"].decode()).get("api_key", [""])[0]
    return actor_of(dict(scope["headers"]).get(b"x-api-key", given.encode()).decode())


def _pause(headers: Headers) -> float | None:
    """The seconds of a Retry-After."""
    text = dict(headers).get(b"retry-after", b"").decode()
    try:
        return float(text)
    except ValueError:
        with suppress(ValueError):
            return parsedate_to_datetime(text).timestamp() - time.time()
    return None
