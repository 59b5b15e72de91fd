"""`thenvoi-bridge install`: what a user who types it sees, and what becomes of the files of the hosts."""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from thenvoi_bridge.bridge.hosts import HOSTS
from thenvoi_bridge.cli import main
from thenvoi_bridge.cli.install import install
from thenvoi_bridge.install import server
from thenvoi_bridge.install.documents import Format
from thenvoi_bridge.install.targets import TARGETS

KEY = "thnv_a_12345_hush-hush"


@dataclass(frozen=True)
class Ended:
    """What came of a command."""

    code: int
    out: str
    err: str


class Account:
    """The home folder of somebody, and commands typed there. Only hosts that are `here` are installed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {"HOME": str(home), "USERPROFILE": str(home)}
        self.env |= {"APPDATA": str(home / "roaming"), "LOCALAPPDATA": str(home / "local")}

    def runs(self, name: str) -> Path:
        """Have this host installed; where its configuration is."""
        file = self.home / FILES[name]
        (file if name == "claude-code" else file.parent).mkdir(parents=True, exist_ok=True)
        if name == "claude-code":
            file.rmdir()
            (self.home / ".claude").mkdir(exist_ok=True)
        return file

    def types(self, *arguments: str, **environ: str) -> Ended:
        """`thenvoi-bridge install`, in this process."""
        env = {"THENVOI_API_KEY": None, **self.env, **environ}
        result = CliRunner().invoke(main, ["install", *arguments], env=env)
        assert KEY not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Ended(result.exit_code, result.stdout, result.stderr)

    def succeeds(self, *arguments: str, **environ: str) -> str:
        ended = self.types(*arguments, **environ)
        assert (ended.code, ended.err) == (0, "")
        return ended.out


GUIDE = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text(encoding="utf-8")

FILES = {
    "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "claude-code": ".claude.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
    "windsurf": ".codeium/windsurf/mcp_config.json",
    "zed": ".config/zed/settings.json",
}
COMMAND = {"command": server.this_command()[0], "args": [*server.this_command()[1:]]}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "THENVOI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Account(tmp_path)


def said(file: Path) -> dict[str, Any]:
    """What a configuration without comments says."""
    text = file.read_text(encoding="utf-8")
    read: dict[str, Any] = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    return read


def entry(name: str, file: Path) -> dict[str, Any]:
    found: dict[str, Any] = said(file)[TARGETS[name].table]["thenvoi"]
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", TARGETS)
def test_every_host_is_told_the_absolute_path_of_this_installation(account: Account, name: str) -> None:
    file = account.runs(name)
    told = account.succeeds(name, "--as", "Desk").splitlines()
    target = TARGETS[name]
    assert told == [
        f"thenvoi is installed in {target.title}: {file}",
        "The file is new.",
        f"Next: {target.then}",
    ]
    typed = {"type": "stdio"} if name in ("claude-code", "cursor", "vscode") else {}
    assert entry(name, file) == {**typed, **COMMAND, "env": {"THENVOI_AS": "Desk"}}
    assert Path(server.this_command()[0]).is_absolute()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", TARGETS)
def test_a_second_time_nothing_happens_and_uninstalling_takes_out_our_entry_alone(
    account: Account, name: str
) -> None:
    file = account.runs(name)
    before = '[mcp_servers.other]\ncommand = "x"\n' if name == "codex" else OTHER % TARGETS[name].table
    file.write_text(before)
    file.chmod(0o640)
    _, kept, _ = account.succeeds(name).splitlines()
    assert Path(kept.removeprefix("What was there is kept in ")).read_text() == before
    after = tree(account.home)
    assert account.succeeds(name) == f"thenvoi is already installed in {TARGETS[name].title}: {file}\n"
    assert tree(account.home) == after
    told = account.succeeds(name, "--uninstall")
    assert told.splitlines()[0] == f"thenvoi is removed from {TARGETS[name].title}: {file}"
    assert file.read_text() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert account.succeeds(name, "--uninstall").startswith("thenvoi is not installed in")


OTHER = '{\n    "theme": "dark",\n    "%s": {\n        "other": { "command": "x" }\n    }\n}\n'


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.form is Format.JSONC])
def test_comments_line_ends_and_the_mark_of_utf_8_stay(account: Account, name: str) -> None:
    file, table = account.runs(name), TARGETS[name].table
    before = f'\ufeff// mine\r\n{{\r\n\t"{table}": {{\r\n\t\t"a": {{}}, // a\r\n\t}},\r\n}}\r\n'.encode()
    file.write_bytes(before)
    account.succeeds(name)
    after = file.read_bytes()
    assert after.startswith(before[: before.index(b"// a") + 4])
    assert after.replace(b"\r\n", b"").count(b"\n") == 0
    account.succeeds(name, "--uninstall")
    assert file.read_bytes() == before


def test_what_the_host_or_its_user_has_added_to_our_entry_stays(account: Account) -> None:
    file = account.runs("cursor")
    ours = {
        "command": "/old/thenvoi-bridge",
        "autoApprove": ["reply"],
        "env": {"THENVOI_API_KEY": "kept", "THENVOI_AS": "Old"},
    }
    file.write_text(json.dumps({"mcpServers": {"thenvoi": ours}}, indent=1))
    account.succeeds("cursor", "--as", "New", "--env", "THENVOI_TOOLSETS=default,contacts")
    env = {"THENVOI_API_KEY": "kept", "THENVOI_AS": "New", "THENVOI_TOOLSETS": "default,contacts"}
    assert entry("cursor", file) == {"autoApprove": ["reply"], "type": "stdio", **COMMAND, "env": env}


@pytest.mark.parametrize("name", ["cursor", "codex"])
def test_another_server_of_that_name_keeps_its_place(account: Account, name: str) -> None:
    file = account.runs(name)
    other = ["uvx", "thenvoi-mcp"]
    table = TARGETS[name].table
    file.write_text(
        f'[{table}.thenvoi]\ncommand = "uvx"\nargs = ["thenvoi-mcp"]\nenv = {{ TOKEN = "x" }}\n'
        if name == "codex"
        else json.dumps({table: {"thenvoi": {"command": other[0], "args": other[1:], "env": {"TOKEN": "x"}}}})
    )
    before = file.read_bytes()
    for more in ([], ["--uninstall"]):
        ended = account.types(name, *more)
        assert ended.code == 1
        assert "its thenvoi is another server; --name gives ours another name" in ended.err
        assert file.read_bytes() == before
    account.succeeds(name, "--name", "bridge")
    assert said(file)[table]["bridge"]["command"] == COMMAND["command"]
    account.succeeds(name, "--force")
    assert entry(name, file).keys() - {"type"} == COMMAND.keys()


@pytest.mark.parametrize(
    ("found", "is_ours"),
    [
        ({"command": "/usr/bin/thenvoi-bridge"}, True),
        ({"command": "C:\\bin\\thenvoi-bridge.exe"}, True),
        ({"command": "/usr/bin/python", "args": ["-m", "thenvoi_bridge"]}, True),
        ({"command": "uvx", "args": ["thenvoi-bridge"]}, True),
        ({"command": "uvx", "args": ["thenvoi-mcp"]}, False),
        ({"command": None, "args": "thenvoi-bridge"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_an_entry_is_ours_if_it_starts_the_bridge_in_whatever_way(
    found: dict[str, Any], is_ours: bool
) -> None:
    assert server.is_ours(found) is is_ours


def test_a_host_that_is_not_here_is_written_only_with_force(account: Account) -> None:
    ended = account.types("zed")
    assert ended.code == 1
    assert "Zed does not seem to be here: there is no" in ended.err
    assert "--force" in ended.err
    assert tree(account.home) == {}
    account.succeeds("zed", "--force")
    assert entry("zed", account.home / FILES["zed"])["command"] == COMMAND["command"]


def test_only_the_last_folder_is_made_where_the_host_itself_is_here(account: Account) -> None:
    (account.home / ".config" / "Code").mkdir(parents=True)
    account.succeeds("vscode")
    assert entry("vscode", account.home / FILES["vscode"])["command"] == COMMAND["command"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("claude-desktop", b'{"mcpServers": {},}', "comma after the last item"),
        ("claude-code", b'{"mcpServers": {"x": 1}', "a comma or } is missing"),
        ("cursor", b"mcpServers:\n", "a value is missing, or is none"),
        ("cursor", b'{"mcpServers": []}', "mcpServers in it is no object"),
        ("cursor", b'{"mcpServers": {"thenvoi": 7}}', "mcpServers.thenvoi in it is no object"),
        ("vscode", b"[]", "it is JSONC, but no object"),
        ("codex", b"[mcp_servers\n", "it is not TOML that can be read"),
        ("gemini", "{}".encode("utf-16"), "it is no text in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_left_as_it_is(account: Account, name: str, content: bytes, why: str) -> None:
    file = account.runs(name)
    file.write_bytes(content)
    for more in ([], ["--dry-run"], ["--uninstall"], ["--force"]):
        ended = account.types(name, *more)
        assert ended.code == 1
        assert f"Error: {file} is left as it is: " in ended.err
        assert why in ended.err
        assert ended.err.rstrip().endswith("(--print shows what to put into it by hand.)")
    assert tree(account.home) == {str(file): content}


def test_a_dry_run_shows_what_would_change_and_changes_nothing(account: Account) -> None:
    file = account.runs("vscode")
    file.write_text(OTHER % "servers")
    before = tree(account.home)
    shown = account.succeeds("vscode", "--with-key", "--dry-run", THENVOI_API_KEY=KEY)
    assert '+            "command": "' in shown
    assert '"THENVOI_API_KEY": "<your key>"' in shown
    assert not re.search(r"^-[^-]", shown.replace('-        "other": { "command": "x" }', ""), re.MULTILINE)
    assert tree(account.home) == before


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_printed_can_be_pasted_and_nothing_is_changed(account: Account, name: str) -> None:
    shown = account.succeeds(name, "--print", "--with-key", "--name", "work", THENVOI_API_KEY=KEY)
    read = tomllib.loads(shown) if name == "codex" else json.loads(shown)
    assert read[TARGETS[name].table]["work"]["env"] == {"THENVOI_API_KEY": "<your key>"}
    assert tree(account.home) == {}


def test_a_key_is_written_only_if_asked_for_and_for_this_account_alone(account: Account) -> None:
    file = account.runs("cursor")
    file.write_text("{}")
    file.chmod(0o644)
    account.succeeds("cursor", THENVOI_API_KEY=KEY)
    assert KEY not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    account.succeeds("cursor", "--with-key", THENVOI_API_KEY=KEY)
    assert entry("cursor", file)["env"] == {"THENVOI_API_KEY": KEY}
    assert KEY not in json.dumps([entry("cursor", file)["command"], entry("cursor", file)["args"]])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_may_stay_in_a_file_of_its_own(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    file = account.runs("codex")
    (account.home / "key").write_text(KEY)
    monkeypatch.chdir(account.home)
    account.succeeds("codex", "--key-file", "key")
    assert entry("codex", file)["env"] == {"THENVOI_API_KEY_FILE": str(account.home / "key")}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["vim"], "Invalid value for 'HOST'"),
        (["cursor", "--name", "a b"], "must be 1 to 24 letters"),
        (["cursor", "--name", ""], "must be 1 to 24 letters"),
        (["cursor", "--env", "THENVOI_AS"], "must be NAME=VALUE"),
        (["cursor", "--env", "THENVOI_AS=a", "--env", "THENVOI_AS=b"], "each name once"),
        (["cursor", "--env", "THENVOI_NAME=a"], "there is no such setting"),
        (["cursor", "--env", f"THENVOI_API_KEY={KEY}"], "must not stand in a command line"),
        (["cursor", "--env", "THENVOI_BASE_URL=ftp://x"], "THENVOI_BASE_URL must begin with"),
        (["cursor", "--key-file", "/does/not/exist"], "'/does/not/exist' does not exist"),
        (["cursor", "--with-key"], "There is no key in your environment"),
        (["windsurf", "--project", "."], "Windsurf has no configuration of its own for a project"),
        (["cursor", "--project", "/does/not/exist"], "does not exist"),
        (["cursor", "--project", ".", "--with-key"], "shared with others"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_is_touched(
    account: Account, arguments: list[str], why: str
) -> None:
    account.runs("cursor")
    ended = account.types(*arguments)
    assert ended.code == 2
    assert why in " ".join(ended.err.split())
    assert tree(account.home) == {}


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.project])
def test_a_project_may_have_a_server_of_its_own(account: Account, name: str) -> None:
    project = account.home / "work"
    project.mkdir()
    account.succeeds(name, "--project", str(project), "--as", "Worker")
    relative = TARGETS[name].project
    assert relative
    assert entry(name, project / relative)["env"] == {"THENVOI_AS": "Worker"}
    assert [*tree(account.home)] == [str(project / relative)]


def test_two_servers_may_stand_side_by_side(account: Account) -> None:
    file = account.runs("cursor")
    account.succeeds("cursor", "--as", "One")
    account.succeeds("cursor", "--name", "second", "--as", "Two")
    servers = said(file)["mcpServers"]
    assert {name: one["env"]["THENVOI_AS"] for name, one in servers.items()} == {
        "thenvoi": "One",
        "second": "Two",
    }


def test_a_folder_that_may_not_be_written_is_said(account: Account) -> None:
    (account.home / ".cursor").write_text("a file where the folder should be")
    ended = account.types("cursor")
    assert ended.code == 1
    assert "is left as it is: Not a directory" in ended.err


def test_an_installation_in_a_cache_is_not_written_anywhere(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.runs("cursor")
    cache = account.home / "cache"
    (cache / "env").mkdir(parents=True)
    (cache / "CACHEDIR.TAG").write_text("")
    monkeypatch.setattr(server, "is_passing", passing_in(cache / "env"))
    ended = account.types("cursor")
    assert ended.code == 1
    assert "lies in a cache and may vanish" in ended.err
    account.succeeds("cursor", "--force")


def passing_in(prefix: Path) -> Callable[[], bool]:
    answer = server.is_passing(str(prefix))
    return lambda: answer


def test_an_environment_of_ones_own_is_none_that_passes(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "CACHEDIR.TAG").write_text("")  # as uv makes them
    assert not server.is_passing(str(tmp_path / ".venv"))


def test_the_script_beside_the_interpreter_is_started_else_the_interpreter_itself(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    assert server.this_command(str(python)) == (str(python), "-m", "thenvoi_bridge")
    (python.parent / "thenvoi-bridge.exe").write_text("")
    assert server.this_command(str(python)) == (str(python.parent / "thenvoi-bridge.exe"),)
    (python.parent / "thenvoi-bridge").write_text("")
    assert server.this_command(str(python)) == (str(python.parent / "thenvoi-bridge"),)


def test_installing_is_quick_and_needs_nothing_heavy(account: Account) -> None:
    account.runs("cursor")
    program = (
        "import sys\n"
        "from thenvoi_bridge.cli import main\n"
        "main(['install', 'cursor'], standalone_mode=False)\n"
        "heavy = {'mcp', 'mcp_types', 'pydantic', 'httpx2', 'websockets', 'apsw', 'uvicorn', 'rich'}\n"
        "print('HEAVY', *sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=account.env
    )
    assert done.stdout.splitlines()[-1] == "HEAVY"
    assert entry("cursor", account.home / FILES["cursor"])


def test_every_host_that_can_be_installed_is_in_the_help() -> None:
    shown = CliRunner().invoke(main, ["install", "--help"]).output
    words = re.findall(r"[a-z-]+", shown.split("Options:")[0])
    assert [host.name for host in HOSTS if host.name in words] == [*TARGETS]


def options_of_the_guide() -> list[str]:
    table = GUIDE.partition("| You want | Give |")[2].partition("\n\n")[0]
    return [row.split("`")[1] for row in table.splitlines()[2:]]


def test_the_guide_has_every_option() -> None:
    taken = [option.opts[0] for option in install.params if option.opts[0][0] == "-"]
    assert sorted(options.split()[0] for options in options_of_the_guide()) == sorted(taken)


@pytest.mark.parametrize("options", options_of_the_guide())
def test_every_option_of_the_guide_does_what_it_says(
    account: Account, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    account.runs("cursor")
    monkeypatch.chdir(account.home)
    key = account.home / ".config" / "thenvoi.key"
    key.parent.mkdir(exist_ok=True)
    key.write_text(KEY)
    arguments = shlex.split(options.replace("~", str(account.home)))
    assert account.succeeds("cursor", *arguments, THENVOI_API_KEY=KEY)


def test_every_command_of_the_guide_that_installs_does(account: Account) -> None:
    lines = [line for line in GUIDE.splitlines() if line.startswith("thenvoi-bridge install ")]
    assert lines
    for line in lines:
        _, _, host, *arguments = shlex.split(line)
        account.runs(host)
        assert "is installed in" in account.succeeds(host, *arguments)
