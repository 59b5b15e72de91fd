"""The hosts that `install` knows: where each keeps its configuration, and how that is written. Data only.

Read from the vendors' documentation, and from issues where that is wrong, until November 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from thenvoi_bridge.install.documents import Format
from thenvoi_bridge.settings.folders import Folders


@dataclass(frozen=True, slots=True)
class Target:
    """A host's configuration. `name` is also that of a row in `bridge.hosts`.

    `own` is the folder or file whose presence shows that the host is installed, `file` the configuration,
    `table` the path to its table of servers. `project` is where a project has one of its own, if it can.
    `typed`: an entry says that it is started over stdio. `then` is what its user does next.
    """

    name: str
    title: str
    own: Callable[[Folders], Path]
    file: Callable[[Folders], Path]
    form: Format
    table: str
    then: str
    project: str | None = None
    typed: bool = False


def _claude_desktop(folders: Folders) -> Path:
    """Its folder; the packaged one of Windows reads a copy of its own, and not where it says it does."""
    usual = folders.config / "Claude"
    if folders.system != "win32":
        return usual
    return next((folders.local / "Packages").glob("Claude_*/LocalCache/Roaming/Claude"), usual)


def _claude_code(folders: Folders) -> Path:
    """What it makes in the home folder when it first runs."""
    file = folders.claude / ".claude.json"
    return file if file.exists() else folders.home / ".claude"


def _zed(folders: Folders) -> Path:
    return folders.dotted / ("Zed" if folders.system == "win32" else "zed")


TARGETS = {
    target.name: target
    for target in (
        Target(
            "claude-desktop",
            "Claude Desktop",
            own=_claude_desktop,
            file=lambda folders: _claude_desktop(folders) / "claude_desktop_config.json",
            form=Format.JSON,
            table="mcpServers",
            then="Quit Claude Desktop, its icon in the tray too, and start it again.",
        ),
        Target(
            "claude-code",
            "Claude Code",
            own=_claude_code,
            file=lambda folders: folders.claude / ".claude.json",
            form=Format.JSON,
            table="mcpServers",
            then="Start a new session; /mcp lists the server.",
            project=".mcp.json",
            typed=True,
        ),
        Target(
            "cursor",
            "Cursor",
            own=lambda folders: folders.home / ".cursor",
            file=lambda folders: folders.home / ".cursor" / "mcp.json",
            form=Format.JSONC,
            table="mcpServers",
            then="Restart Cursor, and switch the server on in Settings, MCP, if it is off.",
            project=".cursor/mcp.json",
            typed=True,
        ),
        Target(
            "vscode",
            "VS Code",
            own=lambda folders: folders.config / "Code",
            file=lambda folders: folders.config / "Code" / "User" / "mcp.json",
            form=Format.JSONC,
            table="servers",
            then='Run "MCP: List Servers" in VS Code and start the server.',
            project=".vscode/mcp.json",
            typed=True,
        ),
        Target(
            "codex",
            "Codex",
            own=lambda folders: folders.codex,
            file=lambda folders: folders.codex / "config.toml",
            form=Format.TOML,
            table="mcp_servers",
            then="Start a new session; /mcp lists the server.",
            project=".codex/config.toml",
        ),
        Target(
            "gemini",
            "Gemini CLI",
            own=lambda folders: folders.home / ".gemini",
            file=lambda folders: folders.home / ".gemini" / "settings.json",
            form=Format.JSONC,
            table="mcpServers",
            then="Start a new session; /mcp lists the server.",
            project=".gemini/settings.json",
        ),
        Target(
            "windsurf",
            "Windsurf",
            own=lambda folders: folders.home / ".codeium" / "windsurf",
            file=lambda folders: folders.home / ".codeium" / "windsurf" / "mcp_config.json",
            form=Format.JSONC,
            table="mcpServers",
            then="Refresh the list of MCP servers in Cascade, or restart Windsurf.",
        ),
        Target(
            "zed",
            "Zed",
            own=_zed,
            file=lambda folders: _zed(folders) / "settings.json",
            form=Format.JSONC,
            table="context_servers",
            then="Zed takes it up at once; its agent panel's settings list the server.",
            project=".zed/settings.json",
        ),
    )
}
"""By name, in the order in which people meet them."""
