"""Keeps an agent at work whatever becomes of the file of its inbox: it waits, reads on, or begins anew."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from thenvoi_bridge.bridge import wording
from thenvoi_bridge.contract.errors import ThenvoiError
from thenvoi_bridge.inbox.trouble import Damaged, Trouble, found_in

if TYPE_CHECKING:
    from thenvoi_bridge.bridge.seat import Seat

FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0
"""Seconds between two tries to write to an inbox; doubled from the first to the last."""

MOMENT = 1.0
"""Seconds between two looks at how full the inbox is."""

logger = logging.getLogger(__name__)


class Keeper:
    """What a session does for its inbox, and knows of it. `ring` is called when `remark` may have changed."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._full = False
        self._aside: str | None = None

    @property
    def remark(self) -> ThenvoiError | None:
        """What is to be known of the inbox although it works; None if there is nothing."""
        if self._full:
            return ThenvoiError(wording.INBOX_FULL, code="inbox_full")
        if self._aside:
            return ThenvoiError(wording.SET_ASIDE.format(name=self._aside), code="inbox_set_aside")
        return None

    async def recovered_from(self, error: Exception) -> ThenvoiError | None:
        """What trouble with the inbox was among what a connection broke of, if any.

        A damaged file is set aside: the next connection makes a new one and fills it from the platform.
        """
        trouble = found_in(error)
        if isinstance(trouble, Damaged):
            await self._set_aside(trouble)
        return in_words(trouble) if trouble else None

    async def work(
        self,
        seat: Seat,
        moved: Callable[[], Awaitable[bool]],
        note: Callable[[ThenvoiError | None], None],
    ) -> None:
        """Be at work until the platform has moved. While only writing does not work, the seat is kept.

        `note` is told what keeps it from working, and when that is over.
        """
        pause = FIRST_PAUSE
        while True:
            began = anyio.current_time()
            try:
                return await seat.run(self._ring, moved)
            except Exception as exc:
                trouble = found_in(exc)
                if trouble is None or not trouble.may_pass:
                    raise
            if anyio.current_time() - began > LAST_PAUSE:
                pause = FIRST_PAUSE
            while trouble:
                note(in_words(trouble))
                await anyio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE)
                trouble = await _still(seat)
            note(None)

    async def mind_the_room(self, seat: Seat, bell: Callable[[], anyio.Event]) -> None:
        """Know whether the inbox is full, as of a moment ago; a task. `bell` is taken before each look."""
        while True:
            rung = bell()
            with suppress(Trouble):
                self._note_full(await seat.inbox.is_full())
            await rung.wait()
            await anyio.sleep(MOMENT)

    def _note_full(self, full: bool) -> None:
        if full is not self._full:
            self._full = full
            logger.warning("the inbox is full" if full else "there is room in the inbox again")
            self._ring()

    async def _set_aside(self, damaged: Damaged) -> None:
        from thenvoi_bridge.inbox import repair

        try:
            aside = await repair.set_aside(damaged.file)
        except OSError as exc:
            logger.warning("%s; it cannot be set aside: %s", damaged, exc)
            return
        self._aside = aside.name if aside else None
        logger.warning("%s; its messages are fetched again, and it is kept as %s", damaged, self._aside)


def in_words(trouble: Trouble) -> ThenvoiError:
    """What is wrong with the inbox's file, for whoever asks after the connection too."""
    return ThenvoiError(wording.INBOX[trouble.code].format(reason=trouble.reason), code=trouble.code)


async def _still(seat: Seat) -> Trouble | None:
    """What still keeps the inbox from being written. Raises `Trouble` that does not pass by itself."""
    try:
        await seat.inbox.prove()
    except Trouble as exc:
        if exc.may_pass:
            return exc
        raise
    return None
