"""What `bridge.sending`, `bridge.readback` and the tool `reply` do: send each answer, and send it once."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from uuid import UUID

from tests.inbox.simulation.clock import Rest, Steps, together
from tests.inbox.simulation.platform import ME, PERSON
from tests.inbox.simulation.process import Process
from thenvoi_bridge.bridge import sending as rules
from thenvoi_bridge.bridge.readback import DAY, TWICE, is_same
from thenvoi_bridge.bridge.sending import FIRST_PAUSE, KEPT, LAST_PAUSE, LOOK, PATIENCE, SETTLE, digest_of
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import ChatMessage, Mention, MessageSent, SendMessage
from thenvoi_bridge.inbox import sending
from thenvoi_bridge.inbox.errors import InboxError, LeaseLost
from thenvoi_bridge.inbox.outgoing import Order, Outgoing, Phase
from thenvoi_bridge.inbox.times import sent_at

_PEOPLE = [Mention(id=PERSON)]


class Speaker:
    """Sends the answers of one process, and what others left in doubt."""

    def __init__(self, process: Process) -> None:
        self._process, self._computer, self._clock = process, process.computer, process.clock
        self._platform, self._wire, self._conduct = process.platform, process.wire, process.conduct
        self._rows, self._change = process.rows, process.change
        self._honours_keys = process.computer.honours_keys

    def reply(self, ids: Collection[str], room: str, text: str) -> Steps[Outgoing]:
        """Answer messages of a room; the same call again gives the same answer.

        Raises `InboxError`, and what the platform answered.
        """
        digest = digest_of("reply", *sorted(ids), text)
        if before := sending.before(self._rows, digest):
            self._clock.tally["calls repeated"] += 1
            return (yield from self._end_of(before))
        yield 0.0
        call = SendMessage(chat_id=room, content=text, mentions=_PEOPLE)
        order = Order(call, digest, self._process.wall)
        out = yield from self._change(sending.answer, self._process.by, ids, order)
        return (yield from self._deliver(out))

    def run(self) -> Steps[None]:
        """Bring to its end whatever was left in doubt."""
        while True:
            if self._rows.unsent():
                left = yield from self._change(sending.adopt, self._process.by)
                self._clock.tally["adoptions"] += len(left)
                yield from together(*map(self._resolve, left))
            yield Rest(LOOK)

    def say(self, out: Outgoing) -> Steps[MessageSent]:
        """Send it, as the client does: again and again, where the platform honours keys."""
        key = out.id if self._conduct.keeps_keys else str(UUID(int=self._clock.rng.getrandbits(128)))
        request = partial(self._platform.say, out.body, key)
        said = yield from self._wire.write(request, lambda: self._honours_keys is True)
        self._honours_keys = self._computer.honours_keys = self._platform.extended
        return said

    def _deliver(self, out: Outgoing) -> Steps[Outgoing]:
        if out.tries:
            return (yield from self._send(out, told=False))
        self._clock.tally["answers that waited their turn"] += 1
        if not self._conduct.answers_in_turn:
            return (yield from self._send((yield from self._attempt(out)), told=False))
        return (yield from self._end_of(out))

    def _resolve(self, out: Outgoing) -> Steps[None]:
        try:
            if not out.tries or self._may_resend(out):
                yield from self._send((yield from self._attempt(out)))
            else:
                yield from self._settle(out)
        except (ThenvoiError, InboxError) as exc:
            self._clock.tally[f"resolving ended with {type(exc).__name__}"] += 1

    def _may_resend(self, out: Outgoing) -> bool:
        known = self._honours_keys is True and self._process.wall - out.made_at < KEPT
        return known or not self._conduct.settles

    def _settle(self, out: Outgoing) -> Steps[None]:
        wait = min(SETTLE, out.tried_at + SETTLE - self._process.wall)
        if wait > 0:
            yield from self._change(sending.put_off, out, self._clock.now + wait)
            return
        self._clock.tally["settles"] += 1
        try:
            found = yield from self._find(out)
        except ThenvoiError:
            yield from self._put_off(out)
            return
        if found:
            self._clock.tally["answers found by looking"] += 1
            yield from self._change(sending.sent, self._process.by, out, found.model_dump_json())
        else:
            yield from self._send((yield from self._attempt(out)))

    def _find(self, out: Outgoing) -> Steps[MessageSent | None]:
        if found := (yield from self._look(out)):
            return found
        yield TWICE
        return (yield from self._look(out))

    def _look(self, out: Outgoing) -> Steps[MessageSent | None]:
        said = self._rows.said(out.chat_id, out.made_at - DAY)
        known = {MessageSent.model_validate_json(one.answer).id for one in said if one.answer}
        texts = yield from self._wire.read(partial(self._platform.context, out.chat_id))
        new = (text for text in texts if sent_at(text) > out.since and text.id not in known)
        return next((_as_sent(text) for text in new if text.sender_id == ME and is_same(text, out)), None)

    def _attempt(self, out: Outgoing) -> Steps[Outgoing]:
        return self._change(sending.attempt, self._process.by, out, self._process.wall)

    def _send(self, out: Outgoing, *, told: bool = True) -> Steps[Outgoing]:
        if self._conduct.sends_what_it_holds and self._clock.now >= out.lease_until:
            raise LeaseLost(out.id)
        try:
            said = yield from self.say(out)
        except ThenvoiError as exc:
            return (yield from self._failed(out, exc, told=told))
        return (yield from self._change(sending.sent, self._process.by, out, said.model_dump_json()))

    def _failed(self, out: Outgoing, exc: ThenvoiError, *, told: bool) -> Steps[Outgoing]:
        if not rules._is_refusal(exc, told=told):
            return (yield from self._put_off(out))
        elsewhere = exc.code == "idempotency_key_reused"
        yield from self._change(sending.refused, self._process.by, out, exc.code, elsewhere=elsewhere)
        raise exc

    def _put_off(self, out: Outgoing) -> Steps[Outgoing]:
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2.0 ** min(out.tries, 10))
        return self._change(sending.put_off, out, self._clock.now + pause)

    def _end_of(self, out: Outgoing) -> Steps[Outgoing]:
        until = self._clock.now + PATIENCE
        while out.phase is Phase.SENDING and self._clock.now < until:
            yield 1.0
            out = self._rows.outgoing(out.id) or out
        if out.phase is Phase.REFUSED:
            raise ThenvoiError(code=out.error)
        return out


def _as_sent(message: ChatMessage) -> MessageSent:
    return MessageSent(id=message.id, success=True, recipients=[])
