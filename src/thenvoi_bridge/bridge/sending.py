"""Sends our messages, each once: what was recorded goes out, whatever dies or gets lost in between.

Where the platform honours `Idempotency-Key`, a try whose end nobody knows is simply made again. Elsewhere
it is left to settle, looked for in the room, and sent again only if it is not there.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.bridge.readback import Readback
from thenvoi_bridge.contract.errors import Conflict, RateLimited, ThenvoiError, Unprocessable, Unreachable
from thenvoi_bridge.contract.messages import MessageSent
from thenvoi_bridge.inbox.errors import InboxError, LeaseLost
from thenvoi_bridge.inbox.outgoing import Order, Outgoing, Phase

if TYPE_CHECKING:
    from thenvoi_bridge.client import Client
    from thenvoi_bridge.inbox.store import Inbox

SETTLE = 30.0
"""Seconds after which a request that was under way has arrived or never will; a try takes 10 at most."""

KEPT = 23 * 3600.0
"""Seconds for which a platform is trusted to know a key: it keeps them for 24 hours."""

PATIENCE = 20.0
"""Seconds a tool waits for what another one is sending."""

FIRST_PAUSE, LAST_PAUSE = 1.0, 120.0
"""Seconds before another go at what could not be sent; doubled with every try."""

GLANCE = 0.5
"""Seconds between two looks at a message that another process may be sending."""

LOOK = 5.0
"""Seconds between two looks for what was left behind by a process that died."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a message. `answer` is None while nobody knows; `again`: it had been ordered before."""

    answer: MessageSent | None
    again: bool = False


class Sender:
    """Sends the messages of one identity. `ended` is called when what was in doubt has come to its end."""

    def __init__(self, me_id: str, client: Client, inbox: Inbox, ended: Callable[[], None]) -> None:
        self._client, self._inbox, self._outbox = client, inbox, inbox.outbox
        self._ended = ended
        self._readback = Readback(me_id, client, inbox.outbox)
        self._woken = anyio.Event()
        self._awaited: dict[str, anyio.Event] = {}
        self._noted: bool | None = None

    async def answer(self, ids: Collection[str], order: Order) -> Said:
        """Answer messages of one room. Raises what the platform answered, and `InboxError`."""
        return await self._deliver(await self._outbox.answer(ids, order, self._inbox.now()))

    async def say(self, order: Order) -> Said:
        """Send a message that answers none. Raises what the platform answered."""
        out, again = await self._outbox.say(order, self._inbox.now())
        return await self._end_of(out, again=True) if again else await self._deliver(out)

    async def before(self, digest: str) -> Said | None:
        """What became of the same order, if it was given before."""
        out = await self._outbox.before(digest)
        return await self._end_of(out, again=True) if out else None

    async def run(self) -> None:
        """Bring to its end whatever was left in doubt, until cancelled."""
        self._client.honours_keys = self._noted = await self._inbox.board.keys_honoured()
        while True:
            async with anyio.create_task_group() as tasks:
                for out in await self._outbox.adopt(self._inbox.now()):
                    tasks.start_soon(self._resolve, out)
            with anyio.move_on_after(LOOK):
                await self._woken.wait()
            self._woken = anyio.Event()

    async def _deliver(self, out: Outgoing) -> Said:
        if not out.tries:  # it waits for an earlier one of its room
            self._woken.set()
            return await self._end_of(out, again=False)
        try:
            return _said(await self._send(out, told=False))
        finally:
            self._tried(out)
            self._woken.set()  # others may have waited for this one

    async def _resolve(self, out: Outgoing) -> None:
        try:
            if not out.tries or self._may_resend(out):
                await self._send(await self._attempt(out))
            else:
                await self._settle(out)
            self._woken.set()
            self._ended()
        except (ThenvoiError, InboxError) as exc:
            logger.info("message %s: %s", out.id, exc)
        finally:
            self._tried(out)

    def _may_resend(self, out: Outgoing) -> bool:
        return self._client.honours_keys is True and 0 <= self._inbox.wall() - out.made_at < KEPT

    async def _settle(self, out: Outgoing) -> None:
        """Find out by looking: after a while, it is in the room, or it never will be."""
        wait = min(SETTLE, out.tried_at + SETTLE - self._inbox.wall())
        if wait > 0:
            await self._outbox.put_off(out, self._inbox.now() + wait)
            return
        try:
            found = await self._readback.find(out)
        except ThenvoiError as exc:
            await self._put_off(out, exc)
            return
        if found:
            await self._outbox.sent(out, found.model_dump_json(), self._inbox.now())
        else:
            logger.warning("message %s is not in its room after %.0f s; sending it again", out.id, SETTLE)
            await self._send(await self._attempt(out))

    async def _attempt(self, out: Outgoing) -> Outgoing:
        return await self._outbox.attempt(out, self._inbox.now(), self._inbox.wall())

    async def _send(self, out: Outgoing, *, told: bool = True) -> Outgoing:
        """One try that is recorded as begun. `told`: somebody may have been told that it is on its way.

        Raises `LeaseLost` if so much time has passed since then, the computer being busy or this process
        stopped, that another process may have looked for it in vain and sent it.
        """
        if self._inbox.now() >= out.lease_until:
            raise LeaseLost(out.id)
        try:
            answer = await self._client(out.call, key=out.id)
        except ThenvoiError as exc:
            return await self._failed(out, exc, told=told)
        await self._note_keys()
        return await self._outbox.sent(out, answer.model_dump_json(), self._inbox.now())

    async def _failed(self, out: Outgoing, exc: ThenvoiError, *, told: bool) -> Outgoing:
        if not _is_refusal(exc, told=told):
            return await self._put_off(out, exc)
        elsewhere = exc.code == "idempotency_key_reused"
        await self._outbox.refused(out, exc.code, self._inbox.now(), elsewhere=elsewhere)
        self._ended()
        raise exc

    async def _put_off(self, out: Outgoing, exc: ThenvoiError) -> Outgoing:
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2.0 ** min(out.tries - 1, 10))
        logger.info("message %s: %s; looking again in %.0f s", out.id, exc.code, pause)
        return await self._outbox.put_off(out, self._inbox.now() + pause)

    async def _note_keys(self) -> None:
        if (honoured := self._client.honours_keys) not in (None, self._noted):
            await self._inbox.board.note_keys(honoured is True)
            self._noted = honoured

    async def _end_of(self, out: Outgoing, *, again: bool) -> Said:
        """What becomes of a message that somebody else is sending, if that turns out in a while."""
        try:
            with anyio.move_on_after(PATIENCE):
                while out.phase is Phase.SENDING:
                    tried = self._awaited.setdefault(out.id, anyio.Event())
                    out = await self._outbox.get(out.id) or out
                    if out.phase is Phase.SENDING:
                        with anyio.move_on_after(GLANCE):
                            await tried.wait()
        finally:
            self._awaited.pop(out.id, None)
        return _said(out, again=again)

    def _tried(self, out: Outgoing) -> None:
        """Tell who waits for this message in this process, and nobody else, to look what became of it."""
        if tried := self._awaited.pop(out.id, None):
            tried.set()


def digest_of(*parts: str) -> str:
    """The same for the same order."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _said(out: Outgoing, *, again: bool = False) -> Said:
    if out.phase is Phase.REFUSED:
        raise ThenvoiError("The platform refused it", code=out.error)
    answer = MessageSent.model_validate_json(out.answer) if out.answer else None
    return Said(answer, again)


def _is_refusal(exc: ThenvoiError, *, told: bool) -> bool:
    """Whether the message is certainly not in the room, and never will be."""
    if isinstance(exc, Conflict) and exc.code == "idempotency_in_progress":
        return False
    if told:
        # Time may mend the others; and who is refused before the key is looked at learns nothing of it.
        return isinstance(exc, Unprocessable | Conflict) or exc.status in (400, 404, 413)
    return isinstance(exc, Unreachable | RateLimited) or 400 <= exc.status < 500
