"""Several processes on one inbox, and what is left when one of them is killed."""

from pathlib import Path

import anyio

from tests.inbox.conftest import Open
from tests.inbox.hosts import ids
from tests.inbox.mentions import NOW, PATIENCE, Process, mention
from thenvoi_bridge.inbox.core import State
from thenvoi_bridge.inbox.store import Inbox

HOLDER = """
import asyncio, sys
from pathlib import Path
from tests.inbox.hosts import Host, order

async def main(folder):
    host = await Host.start(folder)
    leased = await host.inbox.lease("leased", 9, 1_000_000.0)
    answer = await host.outbox.answer(["a1"], order(room="answered"), 1_000_000.0)
    spoken, _ = await host.outbox.say(order("Hello"), 1_000_000.0)
    ended = await host.inbox.end(["e1"], "processed", None, 1_000_000.0)
    print(*[item.id for item in leased + ended], answer.id, spoken.id, flush=True)
    sys.stdin.read()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_what_a_killed_process_held_is_free_at_once(inbox: Inbox, folder: Path) -> None:
    await inbox.put([mention("l1", "leased"), mention("l2", "leased", 1)])
    await inbox.put([mention("a1", "answered"), mention("e1", "ended")])
    process = Process(HOLDER, folder)
    l1, l2, e1, *ours = (await process.line()).split()
    assert await inbox.lease(None, 9, NOW) == await inbox.to_tell(NOW) == []
    assert await inbox.outbox.adopt(NOW) == []
    await process.kill()
    items = await inbox.lease(None, 9, NOW)
    assert [(item.id, item.attempts) for item in items] == [(l1, 2), (l2, 2)]
    assert ids(await inbox.to_tell(NOW)) == [e1]
    adopted = await inbox.outbox.adopt(NOW)
    assert sorted(ids(adopted)) == sorted(ours)
    for out in adopted:
        await inbox.outbox.sent(out, "{}", NOW)
    assert [item.state for item in await inbox.get(["a1"])] == [State.ACKING]


WORKER = """
import asyncio, sys
from pathlib import Path
from tests.inbox.hosts import Host, order

NOW = 1_000_000.0

async def main(folder):
    host = await Host.start(folder)
    print("ready", flush=True)
    sys.stdin.readline()
    while await host.inbox.unread():
        for item in await host.inbox.lease(None, 2, NOW):
            answer = await host.outbox.answer([item.id], order(item.id, item.chat_id), NOW)
            print(item.chat_id, item.id, flush=True)
            await host.outbox.sent(answer, "{}", NOW)
        for item in await host.inbox.to_tell(NOW):
            print("told", item.id, flush=True)
            await host.inbox.told(item)
    await host.inbox.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_processes_that_share_an_inbox_answer_and_tell_everything_once(
    inbox: Inbox, folder: Path
) -> None:
    everything = [f"m{n:03}" for n in range(100)]
    await inbox.put([mention(id, f"room{n % 5}", n // 5) for n, id in enumerate(everything)])
    workers = [Process(WORKER, folder) for _ in range(3)]
    for worker in workers:
        assert await worker.line() == "ready"
    for worker in workers:
        await worker.say("go")
    shares = [[line.split() for line in (await worker.end()).splitlines()] for worker in workers]
    for share in shares:
        for room in range(5):
            mine = [id for where, id in share if where == f"room{room}"]
            assert mine == sorted(mine)
    lines = [line for share in shares for line in share]
    assert sorted(id for where, id in lines if where != "told") == everything
    assert sorted(id for where, id in lines if where == "told") == everything
    assert await inbox.to_tell(NOW) == []


async def test_a_process_hears_of_what_another_one_put(inbox: Inbox, another: Open, folder: Path) -> None:
    await inbox.put([mention("l1", "leased"), mention("a1", "answered"), mention("e1", "ended")])
    rung = anyio.Event()
    inbox.listen(rung.set)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.watch, 0.01)
            process = Process(HOLDER, folder)
            await rung.wait()
            group.cancel_scope.cancel()
    await process.end()
