"""Commands that a host or a shell starts often, beside the start of a server.

A bridge runs, with some mentions open. A hook either tells a session of them, a new one each time, or has
told it before: then it has nothing to tell, as after nearly every turn and tool call of a session.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench.environments import ours
from bench.figures import Effort, Figure, Goal
from bench.hosts import Host
from bench.parts import start
from bench.rounds import interleaved
from bench.servers import BAND, Scene, Server, at_work, scene, servers
from bench.stage import PATIENCE, stage
from thenvoi_bridge.contract.messages import Mention, SendMyMessage

NOTHING, TELLS = "hook prompt, nothing to tell", "hook prompt, five messages to tell"
HELP, LIST = "wait --help", "inbox list, five messages"
WHAT = "CPU of a command, beside the start of a server"
ASKED, OPEN = "Would you look at this", 5
"""What a mention says, and how many are open."""

_SESSIONS = count(1)


async def measure(effort: Effort) -> list[Figure]:
    async with stage() as platform:
        with TemporaryDirectory() as state:
            on = await scene(platform)
            them = servers(on, Path(state))
            bridge, rival = next(iter(them.values())), them[BAND]
            async with at_work(bridge) as host:
                await mentioned(on, host)
                await told(bridge, "a session", OPEN)
                said = {
                    NOTHING: partial(told, bridge, "a session", 0),
                    TELLS: partial(told_anew, bridge),
                    HELP: partial(commanded, bridge, "wait", "--help"),
                    LIST: partial(commanded, bridge, "inbox", "list", shows=OPEN),
                }
                found = await interleaved(effort, {**said, BAND: partial(started, rival)})
    goals = [Goal(who, 0.15, BAND) for who in said]
    return [found.figure(WHAT, "ms", *goals, per=1000)]


async def mentioned(on: Scene, host: Host) -> None:
    """Mention the agent as often as is to be open, and wait until its bridge has it all."""
    for number in range(OPEN):
        text = f"{ASKED}? It is number {number}."
        whom = [Mention(id=on.agent.id)]
        await on.person.call(SendMyMessage(chat_id=on.room, content=text, mentions=whom))
    with anyio.fail_after(PATIENCE):
        while (await host.call("inbox_read", {}))["structuredContent"]["unread"] < OPEN:
            await anyio.sleep(0.02)


async def told(bridge: Server, session: str, shows: int) -> Mapping[str, float]:
    """A hook of a session."""
    return await commanded(bridge, "hook", "prompt", given=json.dumps({"session_id": session}), shows=shows)


async def told_anew(bridge: Server) -> Mapping[str, float]:
    """A hook of a session that was told nothing before."""
    return await told(bridge, f"session {next(_SESSIONS)}", OPEN)


async def commanded(bridge: Server, *arguments: str, given: str = "", shows: int = 0) -> Mapping[str, float]:
    """Run one to its end, and see that it prints so many of the messages."""
    command, pipe = [str(ours() / "thenvoi-bridge"), *arguments], subprocess.PIPE
    with subprocess.Popen(command, env=bridge.environ, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(given)
        process.stdin.close()
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert (process.returncode, printed.count(ASKED)) == (0, shows), (arguments, printed)
    return {WHAT: used.ru_utime + used.ru_stime}


async def started(server: Server) -> Mapping[str, float]:
    """Start a server until it has said which tools there are."""
    return {WHAT: (await start.started(server))[start.CPU]}
