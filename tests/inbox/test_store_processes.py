"""Several processes on one inbox, and what is left when one of them is killed."""

from pathlib import Path

import anyio

from tests.inbox.conftest import Open
from tests.inbox.mentions import NOW, PATIENCE, Process, mention
from thenvoi_bridge.inbox.store import Inbox

HOLDER = """
import asyncio, sys
from pathlib import Path
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

async def main(folder):
    inbox = await Inbox.open(folder, Owner.start(folder))
    leased = await inbox.lease("leased", 9, 1_000_000.0)
    answering = await inbox.begin_answer(["a1"], "digest", 1_000_000.0)
    print(*[item.id for item in leased + answering], flush=True)
    sys.stdin.read()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_what_a_killed_process_held_is_free_at_once(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention("l1", "leased"), mention("l2", "leased", 1), mention("a1", "answered")])
    process = Process(HOLDER, folder)
    assert await process.line() == "l1 l2 a1"
    assert await inbox.lease(None, 9, NOW) == []
    await process.kill()
    for room in (["a1"], ["l1", "l2"]):
        items = await inbox.lease(None, 9, NOW)
        assert [item.id for item in items] == room
    assert [item.attempts for item in items] == [2, 2]


WORKER = """
import asyncio, sys
from pathlib import Path
from thenvoi_bridge.inbox.ownership import Owner
from thenvoi_bridge.inbox.store import Inbox

async def main(folder):
    inbox = await Inbox.open(folder, Owner.start(folder))
    print("ready", flush=True)
    sys.stdin.readline()
    while await inbox.unread():
        for item in await inbox.lease(None, 2, 1_000_000.0):
            [sending] = await inbox.begin_answer([item.id], "digest", 1_000_000.0)
            print(item.chat_id, item.id, flush=True)
            await inbox.answered([sending], "{}")
    await inbox.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_processes_that_share_an_inbox_answer_everything_once(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention(f"m{n:03}", f"room{n % 5}", n // 5) for n in range(100)])
    workers = [Process(WORKER, folder) for _ in range(3)]
    for worker in workers:
        assert await worker.line() == "ready"
    for worker in workers:
        await worker.say("go")
    shares = [(await worker.end()).splitlines() for worker in workers]
    answered = sorted(line.split()[1] for share in shares for line in share)
    assert answered == [f"m{n:03}" for n in range(100)]
    for share in shares:
        for room in range(5):
            mine = [line for line in share if line.startswith(f"room{room} ")]
            assert mine == sorted(mine)


async def test_a_process_hears_of_what_another_one_put(inbox: Inbox, another: Open, folder: Path) -> None:
    await inbox.put([mention("l1", "leased"), mention("a1", "answered")])
    rung = anyio.Event()
    inbox.listen(rung.set)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.watch, 0.01)
            process = Process(HOLDER, folder)
            await rung.wait()
            group.cancel_scope.cancel()
    await process.end()
