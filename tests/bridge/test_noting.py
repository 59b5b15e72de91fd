"""Notes of what a host was shown: they wait for nobody, and one that fails ends nothing."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.bridge.desk import PATIENCE
from tests.inbox.disks import disk_under
from tests.inbox.hosts import Host, one
from tests.inbox.mentions import mention
from thenvoi_bridge.bridge import noting
from thenvoi_bridge.bridge.noting import Noting
from thenvoi_bridge.inbox.ladder import Rung


async def noted(host: Host, id: str, *sessions: str) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            if {past.session for past in await host.inbox.ledger.of(id)} == {*sessions}:
                return
            await anyio.sleep(0.01)


async def test_what_is_noted_before_anybody_enters_it_is_entered_in_the_end(state: Path) -> None:
    host = await Host.start(state)
    await host.inbox.put([mention("m1"), mention("m2")])
    notes = Noting(host.inbox.ledger)
    for id in ("m1", "m2"):
        notes.note(Rung.READ, "s1", [await one(host.inbox, id)])
    notes.note(Rung.READ, "s1", [])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notes.run)
        for id in ("m1", "m2"):
            await noted(host, id, "s1")
        tasks.cancel_scope.cancel()
    await host.die()


async def test_a_note_that_fails_is_lost_and_the_next_one_is_not(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", noting.__name__)
    with disk_under(state) as disk:
        host = await Host.start(state)
        await host.inbox.put([mention("m1")])
        notes, message = Noting(host.inbox.ledger), await one(host.inbox, "m1")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notes.run)
            disk.full = True
            notes.note(Rung.READ, "s1", [message])
            with anyio.fail_after(PATIENCE):
                while True:
                    if "was not noted" in caplog.text:
                        break
                    await anyio.sleep(0.01)
            disk.full = False
            notes.note(Rung.READ, "s2", [message])
            await noted(host, "m1", "s2")
            tasks.cancel_scope.cancel()
        await host.die()
