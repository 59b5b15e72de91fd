"""The bridge as a process: what it writes, and what it says before there is a platform."""

import json
from pathlib import Path

import pytest

from tests.hosting.process import (
    INITIALIZE,
    INITIALIZED,
    KEY,
    call,
    environ,
    hear,
    library,
    ping,
    started,
    tell,
)


def test_it_answers_before_the_platform_does_and_ends_when_stdin_closes(tmp_path: Path) -> None:
    with started(environ(tmp_path / "state")) as process:
        tell(process, INITIALIZE)
        assert hear(process)["result"]["serverInfo"]["name"] == "thenvoi"
        tell(process, INITIALIZED, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        assert len(hear(process)["result"]["tools"]) == 12
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=2) == 0


@pytest.mark.thorough
def test_a_tool_says_that_the_platform_is_not_there_and_what_happens_next(tmp_path: Path) -> None:
    with started(environ(tmp_path / "state")) as process:
        tell(process, INITIALIZE, INITIALIZED)
        hear(process)
        tell(process, call(2, "list_chats"))
        result = hear(process)["result"]
        assert result["isError"]
        assert result["structuredContent"]["error"]["code"] == "unreachable"
        assert "keeps trying" in result["structuredContent"]["error"]["next_step"]


@pytest.mark.thorough
def test_only_json_rpc_reaches_stdout_and_no_key_reaches_anything(tmp_path: Path) -> None:
    # A module that Python imports at start: it prints now, from another file descriptor, and at exit.
    noisy = library(
        tmp_path / "noisy",
        "import atexit, os, threading\n"
        "def shout(): os.write(1, b'raw noise\\n'); print('noise')\n"
        "threading.Timer(1.5, shout).start(); atexit.register(shout)\n",
    )
    with started(environ(tmp_path / "state", THENVOI_LOG_LEVEL="debug", **noisy)) as process:
        tell(process, INITIALIZE, INITIALIZED)
        assert hear(process)["id"] == 1
        assert process.stdin
        process.stdin.write("this is no JSON\n")
        tell(process, call(2, "list_chats"), call(3, "inbox_wait", timeout_s=0))
        assert {hear(process)["id"], hear(process)["id"]} == {2, 3}
        out, err = process.communicate(timeout=10)
        assert [line for line in out.splitlines() if "jsonrpc" not in json.loads(line)] == []
    assert "noise" in err
    assert KEY not in out + err
    assert "secret" not in out + err


NOISE = """
import atexit, ctypes, os, subprocess, sys, threading, time

def shout():
    os.write(1, b"raw\\n")
    print("print")
    print("kept", file=sys.__stdout__, flush=True)
    ctypes.CDLL(None).puts(b"C")
    ctypes.CDLL(None).fflush(None)

claimed = threading.Event()

class Claimed:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "thenvoi_bridge.hosting.stdio":  # imported once the pipes are claimed; before that
            claimed.set()                           # nothing can be done about noise

sys.meta_path.insert(0, Claimed)

def go_on():
    claimed.wait()
    for number in range(10**6):
        shout()
        if number % 100 == 0:
            subprocess.run(["echo", "child"])
        time.sleep(0.001)

threading.Thread(target=go_on, daemon=True).start()
atexit.register(shout)
threading._register_atexit(shout)
"""


@pytest.mark.thorough
def test_not_one_byte_of_noise_reaches_stdout_in_a_thousand_calls_and_at_the_end(tmp_path: Path) -> None:
    env = environ(tmp_path / "state", **library(tmp_path / "noisy", NOISE))
    with (tmp_path / "err").open("w") as err, started(env, stderr=err) as process:
        tell(process, INITIALIZE, INITIALIZED)
        answers = [hear(process)]
        for number in range(1000):
            tell(process, ping(2 + number) if number % 2 else call(2 + number, "list_chats"))
            answers.append(hear(process))
        out, _ = process.communicate(timeout=10)
    assert [answer["id"] for answer in answers] == list(range(1, 1002))
    assert out == ""
    heard = (tmp_path / "err").read_text().splitlines()
    assert min(map(heard.count, ("raw", "print", "kept", "C"))) > 100
    assert "child" in heard


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"THENVOI_BASE_URL": "ftp://x"}, "THENVOI_BASE_URL must begin with"),
        ({"THENVOI_LOG_LEVEL": "loud"}, "THENVOI_LOG_LEVEL must be"),
        ({"THENVOI_API_KEY_FILE": "/does/not/exist"}, "THENVOI_API_KEY_FILE: the file cannot be read"),
    ],
    ids=str,
)
def test_a_bad_setting_is_named_and_ends_it(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with started(environ(tmp_path / "state", **given)) as process:
        out, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_misspelt_variable_is_named_on_stderr(tmp_path: Path) -> None:
    with started(environ(tmp_path / "state", THENVOI_APIKEY="x")) as process:
        _, err = process.communicate(timeout=10)
    assert "THENVOI_APIKEY is set but means nothing" in err
