"""The bridge as a process: what it writes, and that it goes when its host goes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.world import bridge

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
KEY = "thnv_a_keyid_secret"


@contextmanager
def started(tmp_path: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A bridge whose platform is not there."""
    env = bridge("http://127.0.0.1:9", KEY, tmp_path / "state", **environ).env
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-m", "thenvoi_bridge"], env=env, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin
    process.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def call(id: int, name: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


def test_it_answers_before_the_platform_does_and_ends_when_stdin_closes(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        tell(process, INITIALIZE)
        assert hear(process)["result"]["serverInfo"]["name"] == "thenvoi"
        tell(process, INITIALIZED, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        assert len(hear(process)["result"]["tools"]) == 12
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=2) == 0


def test_a_tool_says_that_the_platform_is_not_there_and_what_happens_next(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        tell(process, INITIALIZE, INITIALIZED)
        hear(process)
        tell(process, call(2, "list_chats"))
        result = hear(process)["result"]
        assert result["isError"]
        assert result["structuredContent"]["error"]["code"] == "unreachable"
        assert "keeps trying" in result["structuredContent"]["error"]["next_step"]


def test_only_json_rpc_reaches_stdout_and_no_key_reaches_anything(tmp_path: Path) -> None:
    noisy = tmp_path / "noisy"
    noisy.mkdir()
    # A module that Python imports at start: it prints now, from another file descriptor, and at exit.
    (noisy / "sitecustomize.py").write_text(
        "import atexit, os, threading\n"
        "def shout(): os.write(1, b'raw noise\\n'); print('noise')\n"
        "threading.Timer(1.5, shout).start(); atexit.register(shout)\n"
    )
    with started(tmp_path, PYTHONPATH=str(noisy), THENVOI_LOG_LEVEL="debug") as process:
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


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"THENVOI_BASE_URL": "ftp://x"}, "THENVOI_BASE_URL must begin with"),
        ({"THENVOI_LOG_LEVEL": "loud"}, "THENVOI_LOG_LEVEL must be"),
        ({"THENVOI_API_KEY_FILE": "/does/not/exist"}, "THENVOI_API_KEY_FILE: the file cannot be read"),
    ],
    ids=str,
)
def test_a_bad_setting_is_named_and_ends_it(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with started(tmp_path, **environ) as process:
        out, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_misspelt_variable_is_named_on_stderr(tmp_path: Path) -> None:
    with started(tmp_path, THENVOI_APIKEY="x") as process:
        _, err = process.communicate(timeout=10)
    assert "THENVOI_APIKEY is set but means nothing" in err
