"""The bridge does not outlive its host, whichever way that goes, and nothing is lost when it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from tests.hosting.process import (
    COMMAND,
    INITIALIZE,
    INITIALIZED,
    answered,
    call,
    environ,
    hear,
    library,
    ping,
    started,
    tell,
)
from tests.world import World, say

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="signals, parents that change and pipes that can be waited for"
)

Process = subprocess.Popen[str]
Way = tuple[tuple[str, ...], Callable[[Process], object], float]
"""What starts a bridge, how its host goes, and the seconds that its end may take."""

AT_ONCE = 2.0  # seconds, from when the host has gone
NOTICED = 10.0  # the same, if nothing comes on the wire and the parent has to be looked at

LAUNCHER = ("/bin/sh", "-c", '"$@"; exit $?', "launcher", *COMMAND)
"""Starts the bridge and waits for it, as `uvx` and `npx` do."""

STUBBORN = """
import ctypes, signal, sys, threading

threading.Thread(target=threading.Event().wait).start()  # Python itself would wait for it at the end

def hang(*_):
    threading.Timer(0.1, print, ["hanging"], {"file": sys.stderr, "flush": True}).start()
    mutex = ctypes.create_string_buffer(64)
    while True:
        ctypes.CDLL(None).pthread_mutex_lock(mutex)  # no signal comes through this

signal.signal(signal.SIGUSR1, hang)
"""


def gone(process: Process, within: float) -> bool:
    """Whether the bridge has ended within so many seconds, with whatever it started; it may be no child."""
    assert process.stderr
    end = time.monotonic() + within
    while select.select([process.stderr], [], [], max(0.0, end - time.monotonic()))[0]:
        if not os.read(process.stderr.fileno(), 2**16):
            return True
    return False


def until(process: Process, said: str) -> str:
    """Wait for a line on stderr with these words, and return it."""
    assert process.stderr
    return next(line for line in iter(process.stderr.readline, "") if said in line)


def greet(process: Process) -> None:
    """Have it answered `initialize`."""
    tell(process, INITIALIZE, INITIALIZED)
    assert hear(process)["id"] == 1


def close(pipe: Any) -> None:
    pipe.close()


WAYS: dict[str, Way] = {
    "hangs up": (COMMAND, lambda process: close(process.stdin), AT_ONCE),
    "reads no more": (COMMAND, lambda process: close(process.stdout), AT_ONCE),
    "SIGINT": (COMMAND, lambda process: process.send_signal(signal.SIGINT), AT_ONCE),
    "launcher killed": (LAUNCHER, lambda process: process.kill(), NOTICED),
    "killed": (COMMAND, lambda process: process.kill(), AT_ONCE),
}


@pytest.mark.thorough
async def test_however_one_ends_the_next_is_handed_the_same_and_only_a_kill_counts_as_an_attempt(
    here: World, tmp_path: Path
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    await say(alice, await here.room(alice, scout), scout, "hello")
    env = environ(tmp_path / "state", here.url, scout.key, **library(tmp_path / "library", STUBBORN))
    ended, attempts = await to_thread.run_sync(one_after_another, env)
    assert ended == dict.fromkeys(WAYS, (True, 0)) | {"launcher killed": (True, -9), "killed": (True, -9)}
    assert attempts == [1, 1, 1, 1, 1, 2]


def one_after_another(env: dict[str, str]) -> tuple[dict[str, tuple[bool, int]], list[int]]:
    """Whether each bridge ended in time, with which code, and which attempt each was handed, and one more."""
    ended: dict[str, tuple[bool, int]] = {}
    attempts = []
    for way, (command, end, within) in WAYS.items():
        with started(env, *command) as process:
            attempts.append(attempt(process))
            end(process)
            in_time = gone(process, within)
        ended[way] = in_time, process.returncode
    with started(env) as last:
        attempts.append(attempt(last))
    return ended, attempts


def attempt(process: Process) -> int:
    """Have it handed out the one message there is; which attempt that is."""
    greet(process)
    tell(process, call(2, "inbox_wait", timeout_s=25))
    (message,) = answered(process)["result"]["structuredContent"]["messages"]
    tries: int = message["attempt"]
    return tries


@pytest.mark.thorough
def test_a_signal_ends_it_though_its_main_thread_hangs(tmp_path: Path) -> None:
    with started(environ(tmp_path / "state", **library(tmp_path / "library", STUBBORN))) as process:
        greet(process)
        process.send_signal(signal.SIGUSR1)
        until(process, "hanging")
        process.send_signal(signal.SIGTERM)
        assert gone(process, AT_ONCE)
        assert process.wait() == 0


def test_somebody_who_starts_it_in_a_terminal_is_told_what_it_is_for(tmp_path: Path) -> None:
    master, terminal = os.openpty()
    command = [*COMMAND, "--log-level", "error"]
    pipes: dict[str, Any] = {"stdin": terminal, "stdout": terminal, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environ(tmp_path / "state"), text=True, **pipes) as process:
        os.close(terminal)
        assert process.stderr
        assert "thenvoi-bridge install HOST" in process.stderr.readline()
        os.close(master)
        assert gone(process, AT_ONCE)


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    patient = STUBBORN + "from thenvoi_bridge.hosting import watch; watch.LAST_BREATH = 3600.0"
    with started(environ(tmp_path / "state", **library(tmp_path / "library", patient))) as process:
        greet(process)
        process.send_signal(signal.SIGUSR1)
        until(process, "hanging")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        assert gone(process, 30.0)  # the second alone can end it so soon; the machine may be busy
        assert process.wait() == 0


SLOW = """
import os, signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "thenvoi_bridge.hosting.stdio":
            print("importing", os.getpid(), file=sys.stderr, flush=True)
            signal.sigwait({signal.SIGUSR1})

sys.meta_path.insert(0, Slow)
"""


def test_a_parent_that_died_while_it_started_is_missed(tmp_path: Path) -> None:
    with started(environ(tmp_path / "state", **library(tmp_path / "library", SLOW)), *LAUNCHER) as process:
        bridge = int(until(process, "importing").split()[-1])
        process.kill()
        process.wait()
        os.kill(bridge, signal.SIGUSR1)
        assert gone(process, NOTICED)


NOHUP = """
import os, signal, sys

signal.signal(signal.SIGHUP, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.read(0, 1)
print(os.getpid(), file=sys.stderr, flush=True)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts the bridge as `nohup`, when it is told on stdin that the shell it comes from is gone."""


ATTENTIVE = """
import signal
from thenvoi_bridge.hosting import watch

watch.LOOK = 0.001
signal.signal(signal.SIGUSR1, lambda *_: None)
"""


def test_an_orphan_from_the_start_lives_through_signals_not_meant_for_it_until_its_host_hangs_up(
    tmp_path: Path,
) -> None:
    env = environ(tmp_path / "state", **library(tmp_path / "library", ATTENTIVE))
    with started(env, sys.executable, "-c", NOHUP, *COMMAND) as process:
        assert process.stdin
        assert process.stderr
        process.wait()
        print(file=process.stdin, flush=True)
        bridge = int(process.stderr.readline())
        greet(process)
        os.kill(bridge, signal.SIGHUP)
        os.kill(bridge, signal.SIGUSR1)
        for number in range(2, 100):
            tell(process, ping(number))
            assert hear(process)["id"] == number
        close(process.stdin)
        assert gone(process, AT_ONCE)


@pytest.mark.thorough
def test_a_host_that_reads_no_more_from_its_one_socket_ends_it(tmp_path: Path) -> None:
    host, wire = socket.socketpair()
    with (
        host,
        wire,
        subprocess.Popen(
            COMMAND,
            stdin=wire.fileno(),
            stdout=wire.fileno(),
            stderr=subprocess.PIPE,
            text=True,
            env=environ(tmp_path / "state"),
        ) as process,
        host.makefile("rw") as pipe,
    ):
        process.stdin = process.stdout = pipe
        greet(process)
        host.shutdown(socket.SHUT_RD)
        tell(process, ping(2))
        assert gone(process, AT_ONCE)
        assert process.wait() == 0


def test_a_wire_that_cannot_be_read_ends_it_with_an_error(tmp_path: Path) -> None:
    env = environ(tmp_path / "state", **library(tmp_path / "library", STUBBORN))
    with started(env, "/bin/sh", "-c", 'exec "$@" <&1', "twisted", *COMMAND) as process:
        until(process, "Bad file descriptor")
        assert gone(process, AT_ONCE)
        assert process.wait() == 1


HOST = """
import os, subprocess, sys

bridge = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, bufsize=0)
bridge.stdin.write(os.read(0, 10_000))
nothing = subprocess.DEVNULL
subprocess.Popen(["cat"], stdout=nothing, stderr=nothing, pass_fds=[bridge.stdin.fileno()])
bridge.wait()
"""


@pytest.mark.thorough
def test_of_twenty_bridges_whose_hosts_go_in_turn_in_three_ways_none_is_left(tmp_path: Path) -> None:
    host = (sys.executable, "-c", HOST, *COMMAND)
    orphaned: Way = (host, lambda process: process.kill(), NOTICED)
    ways = [(WAYS["hangs up"], WAYS["launcher killed"], orphaned)[number % 3] for number in range(20)]
    with ExitStack() as running:
        bridges = [
            running.enter_context(started(environ(tmp_path / str(number)), *command))
            for number, (command, _, _) in enumerate(ways)
        ]
        for bridge in bridges:
            greet(bridge)
        began = time.monotonic()
        for bridge, (_, end, _) in zip(bridges, ways, strict=True):
            end(bridge)
        left = [
            number
            for number, (_, _, within) in enumerate(ways)
            if not gone(bridges[number], began + within - time.monotonic())
        ]
    assert left == []
