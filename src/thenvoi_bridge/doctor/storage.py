"""Looks at the state folder and the inboxes in it. A bridge that runs is not held up, and loses nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thenvoi_bridge.bridge.receiving import Reception
from thenvoi_bridge.bridge.seat import SILENT
from thenvoi_bridge.doctor.findings import Finding
from thenvoi_bridge.inbox import found
from thenvoi_bridge.inbox.found import NoInbox
from thenvoi_bridge.inbox.opening import Opened, opened
from thenvoi_bridge.inbox.ownership import Leadership, is_led
from thenvoi_bridge.inbox.sight import Sight

LITTLE = 100 * 2**20
"""Bytes free on a disk below which it is soon full."""

_ANOTHER = "Give the bridge another folder with THENVOI_STATE_DIR."


@dataclass(frozen=True, slots=True)
class Box:
    """An inbox, as it was found. `oldest` is when the first open message was sent.

    `sight` is what hooks and shells are shown of it, and `held_back` how many of the open are not.
    `reception` is what the process says that receives for it, None if none does.
    """

    name: str
    platform: str | None
    open: int
    dead: int
    oldest: str | None
    reception: Reception | None
    sight: Sight
    held_back: int

    @property
    def finding(self) -> Finding:
        """What there is to say of it."""
        since = f", the oldest of {self.oldest}" if self.oldest else ""
        kept = f"{self.open} open{since}, {self.dead} dead{self._held_back}"
        said = f"Inbox of {self.name}: the file is sound, {kept}."
        cure = "`thenvoi-bridge inbox list --state dead` shows them, `inbox retry` offers them again."
        more = {"agent": self.name, "open": self.open, "dead": self.dead, "oldest": self.oldest}
        more |= {"held_back": self.held_back, "allowed": self._allowed}
        return Finding("warning" if self.dead else "ok", "inbox", said, cure if self.dead else None, more)

    @property
    def _allowed(self) -> dict[str, list[str]]:
        lists = {"rooms": self.sight.rooms, "senders": self.sight.senders}
        return {name: sorted(ids) for name, ids in lists.items() if ids is not None}

    @property
    def _held_back(self) -> str:
        lists = "; ".join(f"{name}: {', '.join(ids) or 'none'}" for name, ids in self._allowed.items())
        return f"; {self.held_back} held back, allowed are {lists}" if lists else ""


def look_at_folder(folder: Path) -> Iterator[Finding]:
    """Whether inboxes can be kept in it, by this account alone."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    free = shutil.disk_usage(there).free
    if not there.is_dir():
        yield Finding(
            "error", "state", f"{there} is no folder, so nothing can be kept in {folder}.", _ANOTHER
        )
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Finding("error", "state", f"Nothing can be written in {there}.", _ANOTHER)
    elif free < LITTLE:
        said = f"The disk of {folder} is nearly full: {free // 2**20} MB are free."
        yield Finding("warning", "state", said, "Make room; messages wait on the platform meanwhile.")
    else:
        new = "" if there == folder else "; it is made when it is needed"
        yield Finding("ok", "state", f"State is kept in {folder}, {free // 2**20} MB are free{new}.")
    yield from _open_to_others(folder)


async def look_into(state_dir: Path) -> tuple[list[Box], list[Finding]]:
    """The inboxes there are, and what is to be said of them."""
    try:
        boxes, unusable = await found.visit(state_dir, None, _box, opened)
    except NoInbox as exc:
        return [], [Finding("ok", "inbox", str(exc))]
    cure = "The next bridge sets a damaged one aside and fills it again; docs/delivery.md says more."
    return boxes, [
        *(box.finding for box in boxes),
        *(Finding("error", "inbox", f"{s}.", cure) for s in unusable),
    ]


def _open_to_others(folder: Path) -> Iterator[Finding]:
    """The folders in it that others on this computer could look into."""
    if sys.platform == "win32":
        return
    for private in (*folder.glob("agents/*"), folder / "local"):
        if private.is_dir() and stat.S_IMODE(private.stat().st_mode) & 0o077:
            cure = f"chmod 700 {private}"
            yield Finding("warning", "state", f"{private} is open to other accounts of this computer.", cure)


async def _box(inbox: Opened) -> Box:
    first, sight = await inbox.inbox.page(None, None, 1), await inbox.sight()
    open, dead = await inbox.inbox.unread(), await inbox.inbox.dead()
    inbox.inbox.show_only(sight.sees)
    return Box(
        inbox.name,
        inbox.platform,
        open,
        dead,
        first.items[0].sent_at if first.items else None,
        await _reception(inbox),
        sight,
        await inbox.inbox.held_back(),
    )


async def _reception(inbox: Opened) -> Reception | None:
    if not is_led(inbox.folder):
        return None
    posted = Reception.read(await inbox.inbox.board.posted())
    return posted.hanging(posted.since) if Leadership(inbox.folder).silent() > SILENT else posted
