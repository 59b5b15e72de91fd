"""A host: takes what is handed out, thinks, answers; it may hang, and it outlives the process it talks to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from tests.inbox.simulation.clock import Rest, Steps
from tests.inbox.simulation.platform import PERSON, answering
from tests.inbox.simulation.process import Process
from tests.inbox.simulation.receiving import POLL, Receiver
from tests.inbox.simulation.speaking import Speaker
from tests.inbox.simulation.telling import Teller
from thenvoi_bridge.bridge.seat import WORKING
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.contract.messages import Mention, SendMessage
from thenvoi_bridge.inbox import protocol
from thenvoi_bridge.inbox.core import LEASE, Item, State
from thenvoi_bridge.inbox.errors import InboxError, Underway
from thenvoi_bridge.inbox.outgoing import Phase

TRIES = 6
"""How often a host gives the same answer before it does something else."""

GROUPS = 0.2
"""The share of answers that are meant for several messages."""

CANCELLED, CLOSED = 0.02, 0.004
"""The shares of hand-outs at which the host calls off its wait, and closes its process in good order."""

LONG = 0.003
"""The share of answers on which a host works for long."""


class Host:
    """A host that outlives its processes. `calling` is the answer that it was giving when one was killed.

    `groups`: it also answers several messages at once. A share of all, `failing`, it ends as failed; `cares`:
    somebody looks after what has failed for good.
    """

    def __init__(self, *, groups: bool, failing: float, cares: bool) -> None:
        self.groups, self.failing, self.cares = groups, failing, cares
        self.calling: tuple[list[str], str, str] | None = None


class Session:
    """A host and one process of its."""

    def __init__(self, host: Host, process: Process) -> None:
        self._host, self._process, self._clock = host, process, process.clock
        self._conduct = process.conduct
        self._receiver, self._teller, self._speaker = Receiver(process), Teller(process), Speaker(process)

    def works(self) -> Sequence[Steps[None]]:
        """Everything that the process does."""
        return [self._receiver.run(), self._teller.run(), self._speaker.run(), self._run()]

    def _run(self) -> Steps[None]:
        if self._host.calling and self._clock.happens(0.7):
            yield from self._answer(*self._host.calling)
        while True:
            if items := (yield from self._handed_out()):
                if self._clock.happens(CLOSED):
                    yield from self._close()
                    return
                yield from self._work(items)
            else:
                yield from self._look_after_the_dead()
                yield Rest(POLL)

    def _handed_out(self) -> Steps[list[Item]]:
        items = yield from self._receiver.lease()
        if items and self._clock.happens(CANCELLED):
            self._clock.tally["waits called off"] += 1
            yield from self._process.change(protocol.release, self._process.by, items)
            return []
        over = yield from self._teller.processing(items)
        if over:
            self._clock.tally["hand-outs found processed"] += len(over)
            yield from self._process.change(protocol.vanish, self._process.by, over)
        if not self._conduct.tells_afterwards:
            yield from self._tell_too_early(items)
        return [item for item in items if item not in over]

    def _close(self) -> Steps[None]:
        self._clock.tally["processes closed"] += 1
        yield from self._process.change(protocol.release_all, self._process.by)
        self._process.end()

    def _work(self, items: list[Item]) -> Steps[None]:
        """Answer one after the other, as long as they are ours."""
        while items:
            many = 1 + self._clock.rng.randrange(3) if self._takes_several() else 1
            some, items = items[:many], items[many:]
            yield from self._think()
            ids = [item.id for item in some]
            if self._clock.happens(self._host.failing):
                ours = yield from self._fail(ids)
            else:
                ours = yield from self._answer(ids, some[0].chat_id, self._words(ids))
            if not ours:
                return

    def _think(self) -> Steps[None]:
        rng = self._clock.rng
        if self._clock.happens(self._process.accidents.hung):
            self._clock.tally["hosts hung"] += 1
            yield LEASE + rng.uniform(0.0, 300.0)
        elif self._clock.happens(LONG):
            for _ in range(rng.randrange(30)):
                yield WORKING
                yield from self._process.change(protocol.extend, self._process.by)
        else:
            yield rng.uniform(0.0, 12.0)

    def _answer(self, ids: list[str], room: str, text: str) -> Steps[bool]:
        """Answer, and see to it that the answer gets out; whether the messages were ours to answer."""
        for _ in range(TRIES):
            self._host.calling = ids, room, text
            try:
                out = yield from self._speaker.reply(ids, room, text)
                if out.phase is Phase.SENDING:
                    self._clock.tally["answers left pending"] += 1
                return (yield from self._answered())
            except ThenvoiError as exc:
                self._clock.tally["answers refused"] += 1
                ids = ids[exc.code == "idempotency_key_reused" :]
            except Underway:
                self._clock.tally["answers that had to wait"] += 1
            except InboxError:
                return (yield from self._too_late(room, text))
            if not ids:
                return (yield from self._answered())
            yield self._clock.rng.uniform(0.0, 10.0)
            text = self._words(ids)
        self._host.calling = None
        return False

    def _answered(self) -> Steps[bool]:
        yield from self._teller.settle()
        self._host.calling = None
        return True

    def _fail(self, ids: list[str]) -> Steps[bool]:
        try:
            yield from self._process.change(protocol.end, self._process.by, ids, "failed", "no idea")
        except InboxError:
            return False
        return (yield from self._answered())

    def _look_after_the_dead(self) -> Steps[None]:
        """Now and then somebody reads what has failed for good: it is answered late, or offered again."""
        dead = self._process.rows.of(State.DEAD)[:1]
        if dead and self._host.cares and self._clock.happens(0.02):
            (item,) = self._process.rows.get(dead)
            if self._clock.happens(0.5):
                yield from self._answer(dead, item.chat_id, self._words(dead))
            else:
                yield from self._process.change(protocol.retry, dead)

    def _takes_several(self) -> bool:
        return self._host.groups and self._clock.happens(GROUPS)

    def _words(self, ids: list[str]) -> str:
        """No model says the same twice, unless it does."""
        return answering(ids, self._clock.rng.choice(["yes", "no"]))

    # Wrong conduct

    def _too_late(self, room: str, text: str) -> Steps[bool]:
        self._clock.tally["late answers refused"] += 1
        self._host.calling = None
        if not self._conduct.knows_when_it_lost:
            call = SendMessage(chat_id=room, content=text, mentions=[Mention(id=PERSON)])
            key = str(UUID(int=self._clock.rng.getrandbits(128)))
            request = partial(self._process.platform.say, call.model_dump_json(), key)
            with suppress(ThenvoiError):
                yield from self._process.wire.write(request, lambda: False)
        return False

    def _tell_too_early(self, items: list[Item]) -> Steps[None]:
        for item in items:
            with suppress(ThenvoiError):
                yield from self._teller.tell(item, "succeed", None)
