"""What is known of MCP hosts: who they are, how long they let a tool wait, how a mention reaches their model.

Data only, and no more certain than `verified` says: hosts change from week to week. docs/hosts.md shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RUNGS = {
    "channel": "a message pushed into the session begins a turn",
    "wait": "`inbox_wait` returns as soon as there is a mention",
    "hook": "the host runs `thenvoi-bridge hook` at certain moments",
    "line": "a line at the end of every tool result says what is unread",
    "resources": "`thenvoi://inbox` can be attached or read",
    "prompts": "a prompt of the server shows what is open",
    "feed": "a file grows by a line with every mention",
    "shell": "`thenvoi-bridge` can be called in a terminal of the host",
}
"""The ladder by which a mention reaches a model, the fastest way first."""

READ = "read in its documentation and in issues, until November 2026"
MEASURED = f"{READ}; that notifications wake nothing was measured by others in July 2026"
GUESSED = f"{READ}; the time is a guess"


@dataclass(frozen=True, slots=True)
class Host:
    """An MCP host. `clients` are beginnings of the `clientInfo.name` it sends, in small letters.

    One tool call may safely wait `wait_stdio` or `wait_http` seconds.
    `rungs` says how each rung works that the host has.
    """

    name: str
    title: str
    clients: tuple[str, ...]
    wait_stdio: float
    wait_http: float
    rungs: Mapping[str, str]
    notes: str = ""
    verified: str = READ


_EVERYWHERE = {"wait": "yes", "line": "yes"}
_TERMINAL = {"feed": "`tail -f` in its terminal", "shell": "its terminal"}

HOSTS = (
    Host(
        "claude-desktop",
        "Claude Desktop",
        ("claude-ai", "claude desktop", "claude-desktop"),
        45,
        45,
        _EVERYWHERE | {"resources": "attached by hand", "prompts": "by hand"},
        "Nothing wakes it: somebody asks it to wait. A call that takes minutes can wedge every server.",
    ),
    Host(
        "claude-code",
        "Claude Code",
        ("claude-code", "claude code"),
        1500,
        240,
        _EVERYWHERE
        | _TERMINAL
        | {
            "channel": "research preview: only a session started with the channel's flag",
            "wait": "after 2 minutes it waits in the background and begins a turn by itself",
            "hook": "session start, prompt, tool, stop; the plugin brings them",
            "resources": "attached with `@`; updates reach no model",
            "prompts": "as `/mcp__thenvoi__…`",
        },
        "Tells nobody whether a channel is on, so the other rungs stay in use beside it.",
        MEASURED,
    ),
    Host(
        "cursor",
        "Cursor",
        ("cursor",),
        45,
        45,
        _EVERYWHERE | _TERMINAL | {"hook": "session start, tool, stop", "prompts": "as `/`"},
        "How long a tool may take is not documented. About 40 tools are used at most.",
        GUESSED,
    ),
    Host(
        "vscode",
        "VS Code",
        ("visual studio code", "visual-studio-code", "code - oss"),
        120,
        120,
        _EVERYWHERE
        | _TERMINAL
        | {
            "hook": "preview: session start, prompt, tool, stop",
            "resources": "attached by hand; updates only in its list",
            "prompts": "as `/mcp.thenvoi.…`",
        },
        "Sets no limit, but calls of more than 5 minutes are reported to hang.",
    ),
    Host(
        "codex",
        "Codex",
        ("codex",),
        50,
        50,
        _EVERYWHERE | _TERMINAL | {"resources": "the model reads them; no updates"},
        "`tool_timeout_sec` is 60 unless set; progress does not extend it.",
        MEASURED,
    ),
    Host(
        "gemini",
        "Gemini CLI",
        ("gemini-cli",),
        45,
        45,
        _EVERYWHERE | _TERMINAL | {"resources": "attached with `@`", "prompts": "as `/`"},
        "`timeout` is 10 minutes unless set, but tools are reported to end sooner.",
    ),
    Host(
        "windsurf",
        "Windsurf",
        ("windsurf",),
        45,
        45,
        _EVERYWHERE | _TERMINAL,
        "Cascade; its newer agent, Devin, reads another file. How long a tool may take is not documented.",
        GUESSED,
    ),
    Host(
        "zed",
        "Zed",
        ("zed",),
        45,
        45,
        _EVERYWHERE | _TERMINAL | {"prompts": "as `/`"},
        "`context_server_timeout` is 60 seconds unless set.",
    ),
    Host(
        "jetbrains",
        "JetBrains (Copilot)",
        ("jetbrains",),
        20,
        20,
        _EVERYWHERE | {"shell": "its terminal"},
        "Cuts tools after about 30 seconds.",
    ),
    Host(
        "chatgpt",
        "ChatGPT",
        ("chatgpt", "openai-mcp"),
        45,
        45,
        dict(_EVERYWHERE),
        "Only over HTTP, from a public address. How long a tool may take is not documented.",
        GUESSED,
    ),
    Host(
        "cline",
        "Cline",
        ("cline",),
        45,
        45,
        _EVERYWHERE | _TERMINAL | {"resources": "the model reads them"},
        "`timeout` is 60 seconds unless set.",
    ),
    Host(
        "opencode",
        "OpenCode",
        ("opencode",),
        45,
        45,
        _EVERYWHERE | _TERMINAL,
        "Asks for no progress.",
        GUESSED,
    ),
)
"""Every host of which something is known, those that `thenvoi-bridge install` knows first."""

UNKNOWN = Host(
    "other",
    "Any other",
    (),
    25,
    25,
    dict(_EVERYWHERE),
    "Most hosts cut a call at 30 to 60 seconds.",
    "nothing is known of it",
)
"""A host of which nothing is known."""


def host_of(client_name: str | None) -> Host:
    """The host that calls itself so in `clientInfo.name`; `UNKNOWN` if nobody is known to."""
    said = (client_name or "").casefold()
    found = (host for host in HOSTS if said.startswith(host.clients))
    return next(found, UNKNOWN)
