"""An inbox on this computer, opened as a bridge does, for whoever does something in it or waits there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from thenvoi_bridge.inbox.found import Found, Unusable
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.privacy import NotPrivate
from thenvoi_bridge.inbox.store import Inbox
from thenvoi_bridge.storage import StorageError


@dataclass(frozen=True, slots=True)
class Opened(Found):
    """One in which anything can be done."""

    inbox: Inbox


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Opened]:
    """The inbox in a folder, until the end of the block. Raises `Unusable`, from within the block too."""
    try:
        owner = Owner.start(folder)
        try:
            inbox = await Inbox.open(folder, owner)
            try:
                yield await Opened.of(folder, inbox, owner)
            finally:
                with anyio.CancelScope(shield=True):
                    await inbox.close()
        finally:
            owner.close()
    except (StorageError, NotPrivate, OSError) as exc:
        reason = str(exc).removeprefix(f"{folder / 'inbox.db'}: ")
        raise Unusable(f"The inbox in {folder} cannot be used: {reason}") from exc
    except ValueError as exc:  # SQLite looks after the structure of its file and not after what stands in it
        raise Unusable(f"The inbox in {folder} cannot be used: it is damaged") from exc
