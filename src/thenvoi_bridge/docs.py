"""Writes what is derived: the README's tables, and the manifest's tools and settings.

Run `python -m thenvoi_bridge.docs` in a checkout after a change; `--check` writes nothing and fails when
something is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from thenvoi_bridge import __version__, settings
from thenvoi_bridge.bridge import profiles
from thenvoi_bridge.bridge.endpoint import Side

ASKED = ("api_key", "base_url", "name")
"""Settings that a host which installs the bundle asks its user for."""


def written(root: Path) -> dict[Path, str]:
    """Every file with something derived in it, as it should be."""
    readme, manifest = root / "README.md", root / "manifest.json"
    return {
        readme: _filled(_text(readme), {"tools": _tool_tables(), "settings": _settings_table()}),
        manifest: json.dumps(_manifest(json.loads(_text(manifest))), indent=2) + "\n",
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
    rows = [row for row in settings.rows() if row.name in ASKED]
    env = {settings.variable(row): f"${{user_config.{row.name}}}" for row in rows}
    manifest["version"] = __version__
    manifest["tools"] = [
        {"name": tool.name, "description": tool.description} for tool in profiles.default(["agent"])
    ]
    manifest["server"]["mcp_config"]["env"] = env
    manifest["user_config"] = {row.name: _asked(row) for row in rows}
    return manifest


def _asked(row: Any) -> dict[str, Any]:
    title = "API key" if row.name == "api_key" else row.name.replace("_", " ").capitalize()
    asked = {"type": "string", "title": title, "description": row.metadata["help"], "required": False}
    return asked | {"default": row.default or ""} | ({"sensitive": True} if row.metadata["secret"] else {})


def _tool_tables() -> str:
    sides: tuple[tuple[Side, str], ...] = (("agent", "With an agent's key"), ("human", "With a person's key"))
    tables = []
    for side, title in sides:
        rows = ((f"`{t.name}`", _first_sentence(t.description)) for t in profiles.default([side]))
        tables.append(_table((title, "What it does"), rows))
    return "\n\n".join(tables)


def _settings_table() -> str:
    rows = (
        (f"`{settings.variable(row)}`", _flag(row), _default(row), row.metadata["help"])
        for row in settings.rows()
    )
    return _table(("Variable", "Flag", "Default", "What it sets"), rows)


def _default(row: Any) -> str:
    """What a setting is unless set; a folder differs from computer to computer."""
    if isinstance(row.default, Path):
        return "your account's state folder"
    return f"`{row.default}`" if row.default else ""


def _flag(row: Any) -> str:
    flag = settings.flag(row)
    return f"`{flag}`" if flag else "none: keys stay out of command lines"


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".") + "."


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
