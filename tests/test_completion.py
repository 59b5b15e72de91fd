"""Completion in shells, as docs/hosts.md has it switched on: of commands, options and values, and quick."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.guides.reader import Reader
from thenvoi_bridge.cli import main
from thenvoi_bridge.install.targets import TARGETS

GUIDE = (Path(__file__).parents[1] / "docs" / "hosts.md").read_text(encoding="utf-8")
SWITCH = "_THENVOI_BRIDGE_COMPLETE"
HERE = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
HEAVY = "{'mcp', 'mcp_types', 'pydantic', 'httpx2', 'websockets', 'apsw', 'uvicorn', 'rich', 'anyio'}"


def asked(shell: str, line: str) -> dict[str, str]:
    """What the shell sets while the last word of a line is typed."""
    words = line.split(" ")
    return {
        SWITCH: f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }


def offered(shell: str, line: str) -> str:
    result = CliRunner().invoke(main, [], prog_name="thenvoi-bridge", env=asked(shell, line))
    assert result.exit_code == 0
    return result.output


def in_guide(shell: str) -> str:
    """The line that switches it on."""
    (line,) = re.findall(rf"^.*{SWITCH}={shell}_source.*$", GUIDE, re.M)
    return str(line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_and_values_are_offered(shell: str) -> None:
    assert "migrate" in offered(shell, "thenvoi-bridge platform mi")
    assert "--allowed-origin" in offered(shell, "thenvoi-bridge serve --allowed-o")
    hosts = offered(shell, "thenvoi-bridge install ")
    assert all(name in hosts for name in TARGETS)
    assert "--jwt-secret" not in offered(shell, "thenvoi-bridge platform serve --jwt")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_given_a_script_that_asks_this_program(shell: str) -> None:
    given = CliRunner().invoke(main, [], prog_name="thenvoi-bridge", env={SWITCH: f"{shell}_source"})
    assert f"{SWITCH}={shell}_complete" in given.output
    assert in_guide(shell)


@pytest.mark.thorough
@pytest.mark.follows("docs/hosts.md#install", 'eval "$(_THENVOI_BRIDGE_COMPLETE=bash')
def test_bash_completes_once_the_line_of_the_guide_was_run(reader: Reader) -> None:
    typed = "COMP_WORDS=(thenvoi-bridge platform user a); COMP_CWORD=3"
    tab = '_thenvoi_bridge_completion thenvoi-bridge; echo "${COMPREPLY[@]}"; complete -p'
    script = f"{reader.takes()}\n{typed}; {tab}"
    done = subprocess.run(["bash", "-c", script], env=HERE, capture_output=True, text=True, check=True)
    offer, *registered = done.stdout.splitlines()
    assert offer == "add"
    assert any(line.endswith("-F _thenvoi_bridge_completion thenvoi-bridge") for line in registered)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "line", ["thenvoi-bridge ", "thenvoi-bridge platform serve --", "thenvoi-bridge inbox "]
)
def test_completing_imports_nothing_heavy(line: str) -> None:
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('HEAVY', *sorted({HEAVY} & sys.modules.keys())))\n"
        "from thenvoi_bridge.cli import main\n"
        "main([], prog_name='thenvoi-bridge')\n"
    )
    env = {**os.environ, **asked("bash", line)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY"
    assert len(done.stdout.splitlines()) > 3
