"""What is derived is up to date, and what is written by hand can be used as it stands."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from thenvoi_bridge import __version__, docs, settings
from thenvoi_bridge.bridge import profiles
from thenvoi_bridge.bridge.prompts import PROMPTS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout's derived files, to be made stale."""
    for path in docs.written(ROOT):
        beside = tmp_path / path.relative_to(ROOT)
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def manifest() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    return read


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thenvoi_bridge.docs", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_everything_derived_is_up_to_date() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("README.md", "| `reply` |", "| `answer` |"),
        ("README.md", "| `THENVOI_AS` |", "| `THENVOI_NAME` |"),
        ("manifest.json", '"inbox_wait"', '"inbox"'),
        ("manifest.json", "${user_config.api_key}", "thnv_a_key"),
    ],
)
def test_a_stale_file_is_named_and_left_as_it_is(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str, old: str, new: str
) -> None:
    stale = (copy / name).read_text(encoding="utf-8").replace(old, new)
    (copy / name).write_text(stale, encoding="utf-8")
    assert docs.main(["--check"], copy) == 1
    assert f"{name} is stale" in capsys.readouterr().err
    assert (copy / name).read_text(encoding="utf-8") == stale


def test_a_stale_file_is_written_anew_and_nothing_else_in_it_changes(copy: Path) -> None:
    fresh = (copy / "README.md").read_text(encoding="utf-8")
    (copy / "README.md").write_text(fresh.replace("| `reply` |", "| `answer` |"), encoding="utf-8")
    assert docs.main([], copy) == 0
    assert (copy / "README.md").read_text(encoding="utf-8") == fresh
    assert docs.main(["--check"], copy) == 0


def test_the_command_fails_on_a_stale_copy(copy: Path) -> None:
    (copy / "manifest.json").write_text((copy / "manifest.json").read_text() + "\n")
    done = check(copy)
    assert done.returncode == 1
    assert done.stderr == "manifest.json is stale: run python -m thenvoi_bridge.docs\n"


@pytest.mark.parametrize("mark", ["<!-- generated: tools -->", "<!-- end of settings -->"])
def test_a_readme_without_a_mark_is_refused_and_not_cut_short(copy: Path, mark: str) -> None:
    text = (copy / "README.md").read_text(encoding="utf-8").replace(mark, "")
    (copy / "README.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(mark)):
        docs.main([], copy)
    assert (copy / "README.md").read_text(encoding="utf-8") == text


def test_the_manifest_is_what_hosts_install(manifest: dict[str, Any]) -> None:
    assert manifest["manifest_version"] == "0.4"
    assert manifest["version"] == __version__
    assert manifest["server"]["type"] == "uv"
    assert (ROOT / manifest["server"]["entry_point"]).is_file()
    names = [tool["name"] for tool in manifest["tools"]]
    assert names == list(profiles.AGENT)


def test_the_manifest_has_the_prompts_with_their_arguments_where_hosts_fill_them_in(
    manifest: dict[str, Any],
) -> None:
    prompts = {prompt["name"]: prompt for prompt in manifest["prompts"]}
    assert list(prompts) == list(PROMPTS)
    for prompt in prompts.values():
        assert prompt.keys() == {"name", "description", "arguments", "text"}
        assert re.findall(r"\$\{arguments\.(\w+)\}", prompt["text"]) == prompt["arguments"]
        assert all(prompt.values()) or prompt["arguments"] == []


def first_cells(table: str) -> list[str]:
    """The first column of a derived table of the README, less its head."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = text.partition(f"<!-- generated: {table} -->")[2].partition("<!-- end")[0].strip().splitlines()
    return [row.split("|")[1].strip(" `") for row in rows[2:]]


def test_the_readme_has_the_usual_tools_and_no_other() -> None:
    assert first_cells("tools") == [*profiles.AGENT, *profiles.PERSON]


def test_the_readme_has_the_prompts() -> None:
    assert first_cells("prompts") == list(PROMPTS)


def test_the_list_of_tools_has_every_tool_and_marks_the_usual_ones() -> None:
    lines = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.count("|") == 6]
    tools = {row[1]: row for row in rows if row[1] in profiles.EVERY}
    assert tools.keys() == profiles.EVERY.keys()
    assert {name for name, row in tools.items() if row[3]} == {*profiles.AGENT, *profiles.PERSON}
    assert all(row[0] == profiles.EVERY[name].group for name, row in tools.items())
    named = [row[0] for row in rows if row[1] in profiles.EVERY]
    assert named == sorted(named, key=profiles.GROUPS.index)


def test_the_guide_has_every_setting_of_a_platform() -> None:
    guide = (ROOT / "docs" / "platform.md").read_text(encoding="utf-8")
    for row in settings.rows(settings.Platform):
        assert f"| `{settings.variable(row)}` |" in guide


def test_the_manifest_puts_no_key_into_a_command_line(manifest: dict[str, Any]) -> None:
    command = manifest["server"]["mcp_config"]
    assert "user_config" not in json.dumps([command["command"], command["args"]])
    assert "KEY" not in json.dumps(command["args"])
    assert command["env"]["THENVOI_API_KEY"] == "${user_config.api_key}"


def test_the_manifest_asks_for_all_it_uses_and_uses_all_it_asks_for(manifest: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"])))
    asked = manifest["user_config"]
    assert used == asked.keys()
    for name, question in asked.items():
        assert question["type"] == "string", name
        assert question["title"], name
        assert question["description"], name
        assert bool(question.get("sensitive")) is name.endswith("key")


def test_the_manifest_sets_only_variables_the_bridge_knows(manifest: dict[str, Any]) -> None:
    assert settings.unknown(manifest["server"]["mcp_config"]["env"]) == []


def test_what_nobody_answered_leaves_the_bridge_with_its_defaults(manifest: dict[str, Any]) -> None:
    env = manifest["server"]["mcp_config"]["env"]
    assert settings.read({}, env) == settings.Settings()
    answered = {name: question["default"] for name, question in manifest["user_config"].items()}
    filled = {variable: answered[value[14:-1]] for variable, value in env.items()}
    assert settings.read({}, filled) == settings.Settings()


def test_what_the_guide_for_newcomers_calls_here_is_here() -> None:
    text = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
    tables = text.partition("## An agent's tools")[2]
    here = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in tables.splitlines() if "|" in line))
    assert len(here) > 60
    assert {*here} <= {*profiles.EVERY}
    assert {tool.name for tool in profiles.EVERY.values() if tool.group not in ("system",)} - {*here} == set()


def json_blocks() -> list[str]:
    guide = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    return re.findall(r"^```json\n(.*?)^```", guide, re.M | re.S)


def test_the_guide_has_configurations_for_hosts() -> None:
    assert len(json_blocks()) >= 2


@pytest.mark.parametrize("block", json_blocks(), ids=lambda block: block.split('"')[1])
def test_a_configuration_in_the_guide_is_json_with_our_command_and_variables(block: str) -> None:
    config = json.loads(block)
    server = (config.get("mcpServers") or config["servers"])["thenvoi"]
    assert server["command"] == "thenvoi-bridge"
    assert settings.unknown(server["env"]) == []


GUIDES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_no_variable_is_named_that_means_nothing(guide: Path) -> None:
    named = set(re.findall(r"\bTHENVOI_[A-Z_]+\b", guide.read_text(encoding="utf-8")))
    assert settings.unknown(dict.fromkeys(named, "")) == []


def anchors(guide: Path) -> set[str]:
    """What a link may name after `#`: the headings, as they are shown on the web."""
    headings = re.findall(r"^#+ (.*)$", guide.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(guide: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", guide.read_text(encoding="utf-8"))
    for link in (link for link in links if "://" not in link):
        name, _, anchor = link.partition("#")
        target = guide.parent / name if name else guide
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize(
    "guide", [guide for guide in GUIDES if guide.parent != ROOT], ids=lambda guide: guide.name
)
def test_the_readme_leads_to_every_guide(guide: Path) -> None:
    assert f"](docs/{guide.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
