"""Writes what is derived: tables of README and guides, a picture, manifest and plugin, the OpenAPI document.

Run `python -m thenvoi_bridge.docs` in a checkout after a change; `--check` writes nothing and fails when
something is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path, PureWindowsPath
from typing import Any

from thenvoi_bridge import __version__, pictures, settings
from thenvoi_bridge.bridge import hosts, profiles, wording
from thenvoi_bridge.bridge.prompts import PROMPTS, Prompt
from thenvoi_bridge.bridge.tools import Tool
from thenvoi_bridge.inbox.ladder import Rung
from thenvoi_bridge.install.targets import TARGETS, Target
from thenvoi_bridge.metering import Metric
from thenvoi_bridge.metering.table import BRIDGE, PLATFORM
from thenvoi_bridge.platform.openapi import document
from thenvoi_bridge.settings import ASKED, ASKED_BY_PLUGIN
from thenvoi_bridge.settings.folders import Folders


def written(root: Path) -> dict[Path, str]:
    """Every file with something derived in it, as it should be."""
    readme, manifest, docs = root / "README.md", root / "manifest.json", root / "docs"
    guide, tools, programs = docs / "platform.md", docs / "tools.md", docs / "hosts.md"
    hosting, symptoms = docs / "hosting.md", docs / "troubleshooting.md"
    plugin, server = root / "claude-plugin/.claude-plugin/plugin.json", root / "claude-plugin/.mcp.json"
    entry = root / "server.json"
    tables = {
        "tools": _usual_tools(),
        "prompts": _prompts(),
        "ladder": _ladder(),
        "settings": _settings_table(settings.Settings),
    }
    return {
        readme: _filled(_text(readme), tables),
        manifest: _json(_manifest(json.loads(_text(manifest)))),
        plugin: _json(json.loads(_text(plugin)) | _plugin()),
        entry: _json(json.loads(_text(entry)) | _entry(json.loads(_text(manifest))["description"])),
        server: _json({"mcpServers": _started_by_plugin()}),
        guide: _filled(
            _text(guide),
            {"platform settings": _settings_table(settings.Platform), "platform metrics": _metrics(PLATFORM)},
        ),
        hosting: _filled(_text(hosting), {"bridge metrics": _metrics(BRIDGE)}),
        tools: _filled(_text(tools), {"every tool": _every_tool()}),
        symptoms: _filled(_text(symptoms), {"error codes": _error_codes()}),
        programs: _filled(_text(programs), {"configurations": _configurations(), **_hosts()}),
        docs / "openapi.json": document.text(),
        docs / "images" / "ladder.svg": pictures.ladder(),
    }


def main(arguments: list[str], root: Path) -> int:
    """Write, or with `--check` compare; the exit code."""
    stale = {path: text for path, text in written(root).items() if _text(path) != text}
    for path, text in stale.items():
        if "--check" in arguments:
            print(f"{path.name} is stale: run python -m thenvoi_bridge.docs", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


def _manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    manifest["version"] = __version__
    manifest["tools"] = [
        {"name": tool.name, "description": tool.description} for tool in profiles.chosen(["agent"])
    ]
    manifest["prompts"] = [_manifest_prompt(prompt) for prompt in PROMPTS.values()]
    manifest["server"]["mcp_config"]["env"] = _answers(ASKED)
    manifest["user_config"] = _questions(ASKED)
    return manifest


def _manifest_prompt(prompt: Prompt) -> dict[str, Any]:
    """A prompt as MCPB 0.4 wants it: with its text, in which arguments stand as `${arguments.name}`."""
    names = list(prompt.arguments.model_fields)
    text = prompt.text(**{name: f"${{arguments.{name}}}" for name in names})
    described = prompt.described()
    return {"name": prompt.name, "description": described.description, "arguments": names, "text": text}


def _plugin() -> dict[str, Any]:
    return {"version": __version__, "userConfig": _questions(ASKED_BY_PLUGIN)}


def _started_by_plugin() -> dict[str, Any]:
    return {wording.SERVER_NAME: {"command": "thenvoi-bridge", "env": _answers(ASKED_BY_PLUGIN)}}


def _entry(description: str) -> dict[str, Any]:
    """What the registry of MCP servers is told: that uv runs the published package, and what may be set."""
    package = {
        "registryType": "pypi",
        "identifier": "thenvoi-bridge",
        "version": __version__,
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "environmentVariables": [_variable(row) for row in settings.rows() if row.name in ASKED],
    }
    return {"description": description, "version": __version__, "packages": [package]}


def _variable(row: Any) -> dict[str, Any]:
    said = {"name": settings.variable(row), "description": row.metadata["help"], "isRequired": False}
    return said | {"isSecret": row.metadata["secret"]} | ({"default": row.default} if row.default else {})


def _questions(asked: Collection[str]) -> dict[str, Any]:
    """What a host asks its user for, in the form that bundle and plugin share."""
    return {row.name: _asked(row) for row in settings.rows() if row.name in asked}


def _answers(asked: Collection[str]) -> dict[str, str]:
    """The variables that the answers become."""
    rows = (row for row in settings.rows() if row.name in asked)
    return {settings.variable(row): f"${{user_config.{row.name}}}" for row in rows}


def _asked(row: Any) -> dict[str, Any]:
    title = "API key" if row.name == "api_key" else row.name.replace("_", " ").capitalize()
    asked = {"type": "string", "title": title, "description": row.metadata["help"], "required": False}
    return asked | {"default": row.default or ""} | ({"sensitive": True} if row.metadata["secret"] else {})


def _usual_tools() -> str:
    """The tools of the default, in the order hosts see them."""
    usual = filter(profiles.USUAL.takes, profiles.EVERY.values())
    return _table(
        ("Tool", "Key", "What it does"), (_tool_row(tool)[1:3] + _tool_row(tool)[4:] for tool in usual)
    )


def _prompts() -> str:
    rows = (
        (f"`{prompt.name}`", ", ".join(f"`{name}`" for name in prompt.arguments.model_fields), words)
        for prompt in PROMPTS.values()
        if (words := prompt.described().description)
    )
    return _table(("Prompt", "Arguments", "What it does"), rows)


def _ladder() -> str:
    """The picture of it, with its words for whoever does not see it, and a line for all."""
    *rungs, last = (f"`{rung}`" for rung in Rung)
    return (
        f"![{pictures.ladder_in_words()}](docs/images/ladder.svg)\n\n"
        "A mention goes to the platform, from there into the inbox on your disk, and on to the model by "
        f"{', '.join(rungs)} or {last}."
    )


def _error_codes() -> str:
    """What each code has a model do, those of one group of tools named as such."""
    rows = ((*reversed(name.split(".")), words) for name, words in wording.NEXT.items())
    codes = ((f"`{code}`", f"`{group[0]}`" if group else "", words) for code, *group, words in rows)
    return _table(("Code", "Tools", "What to do"), sorted(codes))


def _every_tool() -> str:
    """Every tool by group, marked where it is part of the default."""
    by_group = sorted(
        profiles.EVERY.values(), key=lambda tool: (profiles.GROUPS.index(tool.group), tool.side)
    )
    return _table(("Group", "Tool", "Key", "Default", "What it does"), map(_tool_row, by_group))


def _tool_row(tool: Tool) -> tuple[str, ...]:
    key = {"agent": "agent's", "human": "person's"}.get(tool.side, "either")
    usual = "✓" if profiles.USUAL.takes(tool) else ""
    return f"`{tool.group}`", f"`{tool.name}`", key, usual, _first_sentence(tool)


def _configurations() -> str:
    """Where each host keeps its configuration."""
    head = ("Host", "`HOST`", "Linux", "macOS", "Windows", "Of a project", "Written in")
    return _table(head, map(_configuration, TARGETS.values()))


def _configuration(target: Target) -> tuple[str, ...]:
    roaming = {"APPDATA": "%APPDATA%", "LOCALAPPDATA": "%LOCALAPPDATA%"}
    linux, mac = (target.file(Folders.read({}, system, Path("~"))) for system in ("linux", "darwin"))
    windows = PureWindowsPath(target.file(Folders.read(roaming, "win32", Path("%USERPROFILE%"))))
    files = (f"`{linux}`", f"`{mac}`", f"`{windows}`", f"`{target.project}`" if target.project else "")
    return target.title, f"`{target.name}`", *files, f"{target.form}, `{target.table}`"


def _hosts() -> dict[str, str]:
    """How a mention reaches the model of each host, and what else is known of it."""
    every = (*hosts.HOSTS, hosts.UNKNOWN)
    ladder = ((host.title, *(host.rungs.get(rung, "") for rung in hosts.RUNGS)) for host in every)
    known = ((host.title, *_waits(host), host.notes, host.verified) for host in every)
    return {
        "rungs": _table(("Rung", "What it is"), ((f"`{name}`", it) for name, it in hosts.RUNGS.items())),
        "hosts": _table(("Host", *(f"`{rung}`" for rung in hosts.RUNGS)), ladder),
        "waits": _table(("Host", "Waits over stdio", "over HTTP", "Remarks", "How that is known"), known),
    }


def _waits(host: hosts.Host) -> tuple[str, str]:
    return f"{host.wait_stdio:g} s", f"{host.wait_http:g} s"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _settings_table(table: type[settings.Settings] | type[settings.Platform]) -> str:
    rows = (
        (f"`{settings.variable(row)}`", _flag(row), _default(row), row.metadata["help"])
        for row in settings.rows(table)
    )
    return _table(("Variable", "Flag", "Default", "What it sets"), rows)


def _metrics(table: Iterable[Metric]) -> str:
    rows = (
        (f"`{row.name}`", row.kind, ", ".join(f"`{label}`" for label in row.labels), row.help)
        for row in table
    )
    return _table(("Metric", "Kind", "Labels", "What it says"), rows)


def _default(row: Any) -> str:
    """What a setting is unless set; a folder differs from computer to computer."""
    if isinstance(row.default, Path):
        return "your account's state folder"
    unset = row.default is None or row.default is False or row.default == ""
    return "" if unset else f"`{row.default}`"


def _flag(row: Any) -> str:
    flag = settings.flag(row)
    return f"`{flag}`" if flag else "none: keys stay out of command lines"


def _first_sentence(tool: Tool) -> str:
    return tool.description.split(". ")[0].rstrip(".") + "."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _filled(text: str, parts: dict[str, str]) -> str:
    """The text with each generated part between its marks. Raises `ValueError` where a mark is missing."""
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"The text must have {begin} and then {end}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
