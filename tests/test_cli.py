"""The command line: quick help, one sentence for what went wrong, and no key in it."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from thenvoi_bridge import __version__, settings
from thenvoi_bridge.cli import main


def names(group: click.Command, *before: str) -> list[list[str]]:
    """Every command there is, as it is written."""
    inner = group.commands if isinstance(group, click.Group) else {}
    return [[*before], *(path for name, command in inner.items() for path in names(command, *before, name))]


COMMANDS = names(main)


def test_there_is_a_command_for_everything_an_administrator_does() -> None:
    assert {tuple(command[1:]) for command in COMMANDS if command[:1] == ["platform"]} == {
        (),
        ("serve",),
        ("seed",),
        ("console-link",),
        ("migrate",),
        *((group,) for group in ("org", "user", "agent", "key", "chat")),
        *((group, "list") for group in ("org", "user", "agent", "key", "chat")),
        *((group, "add") for group in ("org", "user", "agent")),
        ("org", "set-plan"),
        *(("key", what) for what in ("create", "rotate", "revoke")),
        ("chat", "delete"),
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_what_its_options_are_for(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    context = main.make_context("thenvoi-bridge", [*command, "--help"], resilient_parsing=True)
    described: click.Command = main
    for name in command:
        assert isinstance(described, click.Group)
        found = described.get_command(context, name)
        assert found
        described = found
    assert described.help
    options = [o for o in described.params if isinstance(o, click.Option)]
    assert [o.name for o in options if not o.help] == []


@pytest.mark.parametrize(
    "group", [c for c in COMMANDS if [*c, "list"] in COMMANDS] + [[], ["platform"]], ids=str
)
def test_no_line_of_a_list_of_commands_is_cut_short(group: list[str]) -> None:
    listed = CliRunner().invoke(main, [*group, "--help"]).output.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert __version__ in result.output


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ([], settings.Settings),
        (["stdio"], settings.Settings),
        (["platform", "serve"], settings.Platform),
    ],
    ids=["bare", "stdio", "serve"],
)
def test_every_setting_that_is_no_secret_has_a_flag_and_names_its_variable(
    command: list[str], table: type[settings.Settings] | type[settings.Platform]
) -> None:
    shown = " ".join(CliRunner().invoke(main, [*command, "--help"]).output.split())
    for row in settings.rows(table):
        flag = settings.flag(row)
        assert (f"{flag} " in shown) if flag else ("--" + row.name.replace("_", "-") not in shown)
        assert (f"[{settings.variable(row)}" in shown) is (flag is not None)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["stdio", "--help"], ["platform", "serve", "--help"], ["platform", "--help"]],
    ids=" ".join,
)
def test_help_and_version_come_without_importing_anything_heavy(arguments: list[str]) -> None:
    program = (
        "import atexit, sys\n"
        "heavy = {'mcp', 'mcp_types', 'pydantic', 'httpx2', 'websockets', 'apsw', 'uvicorn', 'rich'}\n"
        "atexit.register(lambda: print('HEAVY', *sorted(heavy & sys.modules.keys())))\n"
        "from thenvoi_bridge.cli import main\n"
        f"main({arguments})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base-url", "ftp://x"], "THENVOI_BASE_URL must begin with"),
        (["stdio", "--log-level", "loud"], "THENVOI_LOG_LEVEL must be"),
        (["--log-level", "loud", "stdio"], "THENVOI_LOG_LEVEL must be"),
        (["--log-level", "info", "stdio", "--log-level", "loud"], "THENVOI_LOG_LEVEL must be"),
        (["--api-key", "thnv_a_id_secret"], "No such option"),
        (["sing"], "No such command"),
        (["platform", "serve"], "--data"),
        (["platform", "serve", "--data", "x", "--port", "many"], "--port"),
        (["platform", "serve", "--data", "x", "--rate", "many"], "THENVOI_PLATFORM_RATE must be a whole"),
        (["platform", "serve", "--data", "x", "--max-chats", "-1"], "MAX_CHATS must be a whole number"),
        (["platform", "serve", "--data", "x", "--jwt-secret", "id_secret"], "No such option"),
        (["platform", "key", "create", "--data", "x", "--for", "y", "--expires-in", "-1"], "--expires-in"),
        (["platform", "user", "add", "--data", "x", "--id", "7"], "--id"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_answered_with_a_sentence_and_code_2(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
    assert "id_secret" not in result.output


def add_user(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    who = ["--email", "alice@acme.example", "--name", "Alice Doe", "--org", "Acme"]
    command = [sys.executable, "-m", "thenvoi_bridge", "platform", "user", "add", "--data", str(folder)]
    return subprocess.run([*command, *who, *more], capture_output=True, text=True, check=False)


def test_a_person_is_added_once_and_the_key_is_printed_as_json(tmp_path: Path) -> None:
    new = json.loads(add_user(tmp_path / "data", "--json").stdout)
    assert new.keys() == {"id", "handle", "api_key"}
    assert new["handle"] == "alice"
    again = add_user(tmp_path / "data")
    assert again.returncode == 1
    assert again.stderr.startswith("Error: There is already a user")


def test_a_person_is_added_and_shown_as_lines(tmp_path: Path) -> None:
    shown = dict(line.split(": ", 1) for line in add_user(tmp_path / "data").stdout.splitlines())
    assert shown["handle"] == "alice"
    assert shown["api_key"].startswith("thnv_u_")
