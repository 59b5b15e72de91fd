"""One MCP host's session: from "who am I" to a seat, however long the platform takes to be there.

The host is answered before anything here has touched the network; what is heavy to import is imported in
the background, after that.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from thenvoi_bridge.bridge import keys, wording
from thenvoi_bridge.bridge.allowing import ALL, Allowed, Doorman
from thenvoi_bridge.bridge.endpoint import CannotLocate, Endpoint, Locate
from thenvoi_bridge.bridge.keeping import Keeper
from thenvoi_bridge.bridge.patience import ASKING, Patience
from thenvoi_bridge.contract.call import Call
from thenvoi_bridge.contract.errors import Forbidden, NotFound, ThenvoiError, Unauthorized, Unreachable
from thenvoi_bridge.contract.identity import AgentMe, GetMe, GetMyProfile, UserDetails
from thenvoi_bridge.metering import UNMETERED, Meter

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat
    from thenvoi_bridge.client import Client
    from thenvoi_bridge.inbox.places import Places

Answer = TypeVar("Answer")
Other = TypeVar("Other")

PATIENCE = 15.0
"""Seconds a tool waits for the first try to connect before it says that there is no connection yet."""

FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0
"""Seconds between two tries to connect; doubled from the first to the last."""

logger = logging.getLogger(__name__)


class Session:
    """What one host sees of Thenvoi. `run` it beside the MCP server. `name` is what the ledger calls it.

    `called` is the agent's name on the local platform, if it is not to be the host's. `longest_wait` are
    seconds; 0 for what the host is known to stand. `places` is where inboxes are, if not in the folder.
    `waiting` counts the calls that wait for a message. `replicated`: each request may reach another process.
    """

    def __init__(
        self,
        locate: Locate,
        state_dir: Path,
        allowed: Allowed = ALL,
        *,
        called: str | None = None,
        longest_wait: float = 0.0,
        places: Places | None = None,
        meter: Meter = UNMETERED,
        replicated: bool = False,
    ) -> None:
        self._locate, self._state_dir, self.allowed = locate, state_dir, allowed
        self.meter, self.waiting, self.waits_end = meter, 0, False
        self.doorman = Doorman(allowed)
        self._called, self._places, self._patience = called, places, Patience(longest_wait)
        self._replicated = replicated
        self._host: str | None = None
        self._introduced, self._tried, self._rang = anyio.Event(), anyio.Event(), anyio.Event()
        self._seat: Seat | None = None
        self._human: Client | None = None
        self.endpoint: Endpoint | None = None
        self.profile: UserDetails | None = None
        self._trouble: ThenvoiError | None = Unreachable("Still connecting to the platform")
        self._keeper = Keeper(self.ring)
        self.name = token_hex(6)

    def introduce(self, client: str | None) -> None:
        """Learn what the host calls itself and begin to connect. Only the first name counts."""
        self._patience.client = self._patience.client or client
        if self._host is None:
            self._host = self._called or client or "mcp-host"
            self._introduced.set()

    @property
    def patience(self) -> Patience:
        """That of the host which asks; of one that shares the session with others, its own."""
        return ASKING.get() or self._patience

    def end_waits(self) -> None:
        """Have every wait answered now, and any later one at once."""
        self.waits_end = True
        self.ring()

    @property
    def seat_now(self) -> Seat | None:
        """The agent's seat, if it is taken."""
        return self._seat

    @property
    def person_id(self) -> str | None:
        """The id of the person whose key is set, if there is one."""
        return self.profile.id if self.profile else None

    @property
    def trouble(self) -> ThenvoiError | None:
        """Why there is no connection, else what is to be known of the inbox; None if all is well."""
        return self._trouble or self._keeper.remark

    @property
    def connection(self) -> str:
        """One word: what the seat says of its socket, else `connecting`, `offline`, or `no_inbox`."""
        if self._trouble:
            return "offline" if self._tried.is_set() else "connecting"
        return self._seat.reception.connection if self._seat else "no_inbox"

    async def seat(self) -> Seat:
        """The agent's seat. Raises `ThenvoiError` if there is none yet, or never will be."""
        await self._first_try()
        if self._seat is None:
            raise self._why_not("an agent's")
        return self._seat

    async def human(self) -> Client:
        """The person's client. Raises `ThenvoiError` if there is none yet, or never will be."""
        await self._first_try()
        if self._human is None:
            raise self._why_not("a person's")
        return self._human

    async def ask(self, call: Call[Answer]) -> Answer:
        """Make a call with the key of its side, any key, or none, as it needs. Raises `ThenvoiError`."""
        match call.route.side:
            case "agent":
                client = (await self.seat()).client
            case "human":
                client = await self.human()
            case "any":
                client = await self._either()
            case "open":
                return await self._ask_openly(call)
        return await client(call)

    async def ask_either(self, agent: Call[Answer], human: Call[Other]) -> Answer | Other:
        """Ask as the agent, or as the person where there is no agent, or it is told that there is no such
        thing. Raises `ThenvoiError`.
        """
        await self._first_try()
        if self._human is None:
            return await self.ask(agent)
        if self._seat:
            with suppress(NotFound):
                return await self.ask(agent)
        return await self.ask(human)

    async def _either(self) -> Client:
        await self._first_try()
        return self._seat.client if self._seat else await self.human()

    async def _ask_openly(self, call: Call[Answer]) -> Answer:
        """Make a call that needs no key, also where the platform refused ours."""
        from thenvoi_bridge.bridge.connecting import ask_openly

        if self.endpoint is None:
            await self._first_try()
        if self.endpoint is None:
            raise self._why_not("any")
        return await ask_openly(call, self.endpoint, self.meter)

    @property
    def bell(self) -> anyio.Event:
        """Set when the inbox, or the connection to it, may have changed. Take it before you look."""
        return self._rang

    async def glimpse(self) -> str | None:
        """Text that is another when the host's view has changed; None where nothing is kept from it."""
        if self.allowed.is_everything or self._seat is None:
            return None
        return f"{self.connection} {self.trouble} {await self._seat.inbox.glimpse()}"

    def ring(self) -> None:
        """Tell everybody who waits that something may have changed."""
        rang, self._rang = self._rang, anyio.Event()
        rang.set()

    async def run(self) -> None:
        """Connect and stay connected until cancelled."""
        await self._introduced.wait()
        await to_thread.run_sync(import_module, "thenvoi_bridge.bridge.connecting")
        pause = FIRST_PAUSE
        while True:
            try:
                await self._live()
                pause = FIRST_PAUSE
            except CannotLocate as exc:
                self._note(Unreachable(str(exc)))
            except ThenvoiError as exc:
                self._note(exc)
            except Exception as exc:  # the host keeps its server whatever breaks here
                await self._broke_down(exc)
            await anyio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)

    async def _broke_down(self, error: Exception) -> None:
        trouble = await self._keeper.recovered_from(error)
        if trouble is None:
            logger.exception("the connection broke down")
        self._note(trouble or ThenvoiError(wording.BROKEN))

    async def _first_try(self) -> None:
        if not self._tried.is_set():
            with anyio.move_on_after(PATIENCE):
                await self._tried.wait()

    def _why_not(self, whose: str) -> ThenvoiError:
        if self._trouble:
            return type(self._trouble)(self._trouble.ours, code=self._trouble.code)
        return Forbidden(f"This needs {whose} key, and there is none here that the platform accepts")

    async def _live(self) -> None:
        """Connect, and stay so until the platform has moved. Raises `ThenvoiError` or `CannotLocate`."""
        from thenvoi_bridge.bridge.connecting import client_for

        async with AsyncExitStack() as belongings:
            assert self._host is not None
            endpoint = self.endpoint = await self._locate(self._host)
            agent = await client_for(endpoint.agent_key, endpoint, belongings, self.meter)
            human = await client_for(endpoint.user_key, endpoint, belongings, self.meter)
            me = await keys.opened(agent, GetMe())
            self.profile = await keys.opened(human, GetMyProfile())
            if not (me or self.profile):
                raise Unauthorized(f"The platform at {endpoint.base_url} refused the key")
            await keys.check_pin(self.allowed.chat, agent if me else None, human)
            if agent and me:
                self._seat = await belongings.enter_async_context(self._seated(endpoint, agent, me))
            self._human = human if self.profile else None
            self._note(None)
            try:
                await self._stay()
            finally:
                self._seat = self._human = None
                self._trouble = Unreachable("Connecting to the platform again")
                self.ring()

    async def _stay(self) -> None:
        if self._seat is None:
            await anyio.sleep_forever()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keeper.mind_the_room, self._seat, lambda: self.bell)
            await self._keeper.work(self._seat, self._has_moved, self._note)
            tasks.cancel_scope.cancel()

    async def _has_moved(self) -> bool:
        """The socket was lost. A local platform may have ended: find it, or start it again."""
        if not (self.endpoint and self.endpoint.local and self._host):
            return False
        try:
            return await self._locate(self._host) != self.endpoint
        except CannotLocate as exc:
            logger.warning("the local platform is not there: %s", exc)
            return False

    @asynccontextmanager
    async def _seated(self, endpoint: Endpoint, agent: Client, me: AgentMe) -> AsyncGenerator[Seat]:
        from thenvoi_bridge.bridge.connecting import seat_at
        from thenvoi_bridge.inbox.places import Folders

        assert self._host
        places = self._places or Folders(self._state_dir)
        async with seat_at(endpoint, agent, me, places, self.doorman, self._host) as seat:
            if self._replicated:
                seat.inbox.answer_for_all()
            stop = seat.inbox.listen(self.ring)
            try:
                yield seat
            finally:
                stop()

    def _note(self, trouble: ThenvoiError | None) -> None:
        self._trouble = trouble
        where = self.endpoint.base_url if self.endpoint else "the platform"
        if trouble:
            logger.warning("not connected to %s: %s", where, trouble)
        else:
            logger.info("connected to %s as %s", where, self._seat.me.handle if self._seat else "a person")
        self._tried.set()
        self.ring()
