"""Every setting, once: name, default and help. The environment is read in this package and nowhere else.

`THENVOI_<NAME>` sets one of the bridge, `THENVOI_PLATFORM_<NAME>` one of a platform of your own; `--<name>`
overrides that, except for secrets, which must not stand in a command line. A secret may also be given as the
path of a file, in a variable with `_FILE` at its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_state_path

from thenvoi_bridge.settings.values import SCHEMES, typed
from thenvoi_bridge.settings.values import BadSetting as BadSetting

Table = TypeVar("Table", bound="Settings | Platform")

PREFIX = "THENVOI_"

ASKED = ("api_key", "base_url", "name", "toolsets")
"""Settings that a host which installs the bundle asks its user for."""

ASKED_BY_PLUGIN = (*ASKED, "channel")
"""Those that Claude Code asks for when it installs the plugin."""


_STATE = user_state_path("thenvoi-bridge")


def _setting(
    help: str, default: Any = None, *, secret: bool = False, called: str | None = None, prefix: str = PREFIX
) -> Any:
    metadata = {"help": help, "secret": secret, "called": called, "prefix": prefix}
    return field(default=default, repr=not secret, metadata=metadata)


_rule = partial(_setting, prefix=f"{PREFIX}PLATFORM_")


@dataclass(frozen=True)
class Settings:
    """What the bridge was told."""

    api_key: str | None = _setting("Your Thenvoi key, an agent's or a person's.", secret=True)
    agent_key: str | None = _setting("An agent's key, beside a person's.", secret=True)
    user_key: str | None = _setting("A person's key, beside an agent's.", secret=True)
    base_url: str = _setting("Where the Thenvoi platform is.", "https://app.thenvoi.com")
    ws_url: str | None = _setting("Where its WebSocket is, if it cannot be told from the base URL.")
    local: bool = _setting("Use the platform on this computer although a key is set.", False)
    name: str | None = _setting("Your agent's name on the local platform; else the MCP host's.", called="as")
    toolsets: str = _setting(
        "Groups of tools to offer, with commas between; docs/tools.md has them.", "default"
    )
    tools: str = _setting("Single tools to offer besides, with commas between.", "")
    exclude_tools: str = _setting("Tools not to offer, with commas between.", "")
    read_only: bool = _setting("Offer only tools that change nothing.", False)
    feed: Path | None = _setting("File to which what comes in is appended, a line of JSON each.")
    channel: str = _setting(
        "Whose mentions are pushed into Claude Code: handles or ids, with commas between.", ""
    )
    approvers: str = _setting(
        "Who may say in a room whether Claude Code may use a tool; only with a channel.", ""
    )
    allow_rooms: str = _setting("Ids of the only rooms to deal with, with commas between.", "")
    allow_senders: str = _setting(
        "Ids or handles of the only ones whose messages are handed out, with commas between.", ""
    )
    chat: str | None = _setting("Id of the one room there is: tools take no other, and none lists rooms.")
    confirm_elsewhere: bool = _setting(
        "Ask you before your host writes elsewhere than in the rooms it works for.", False
    )
    max_wait: int = _setting("Seconds inbox_wait takes at most; 0 for what your host is known to stand.", 0)
    database: str | None = _setting(
        "Postgres for the inboxes of `serve`; with a password only as a variable.", secret=True
    )
    state_dir: Path = _setting("Folder for the inbox and the local platform.", _STATE)
    log_level: str = _setting("How much to write to stderr: debug, info, warning or error.", "info")
    log_format: str = _setting("How to write it: text, or json, an object a line.", "text")

    @property
    def is_local(self) -> bool:
        """Whether the platform on this computer is used: asked for, or no key is set."""
        return self.local or not (self.api_key or self.agent_key or self.user_key)


@dataclass(frozen=True)
class Platform:
    """How a platform of your own is to behave. Of a limit 0 means that there is none."""

    database: str | None = _rule(
        "Postgres database to use instead of a file; with a password only as a variable.", secret=True
    )
    nats: str | None = _rule(
        "NATS server by which nodes hear of each other's events sooner; with a password or token only as a "
        "variable.",
        secret=True,
    )
    pepper: str | None = _rule(
        "Secret of the server's own, the same for all nodes: base64 of 32 bytes or more. Else the file "
        "`pepper` in the folder.",
        secret=True,
    )
    keep_events: int = _rule(
        "Hours for which events are kept for nodes that were away; 0 for ever. Messages stay.", 24
    )
    max_agents: int = _rule("Agents a person may own; 0 for any number.", 0)
    max_chats: int = _rule("Rooms somebody may own; 0 for any number.", 0)
    max_participants: int = _rule("Participants of a room; 0 for any number.", 0)
    max_messages: int = _rule("Messages and events somebody may send in 24 hours; 0 for any number.", 0)
    max_turns: int = _rule(
        "Messages two agents may exchange in 10 minutes unless a person speaks; 0 for any number.", 30
    )
    rate: int = _rule("Requests a key may make in a minute; 0 for any number.", 0)
    connects: int = _rule("Sockets an agent may open in a minute; 0 for any number.", 120)
    max_body: int = _rule("Bytes of a request body.", 1024 * 1024)
    max_content: int = _rule("Bytes of a message; over 500,000 stock clients lose the socket.", 128 * 1024)
    max_depth: int = _rule("Levels of JSON in a request body.", 64)
    max_headers: int = _rule("Bytes of a request's headers.", 32 * 1024)
    max_url: int = _rule("Bytes of a request's path and query.", 8 * 1024)
    idle: int = _rule("Seconds without a frame after which a socket is closed.", 45)
    backlog: int = _rule("Frames a slow reader may lag behind before its socket is closed.", 1000)
    allowed_origins: str = _rule("Origins of web pages that may open a socket, with commas between.", "")
    plan_gate: bool = _rule("Keep the Human API and memories to organisations on the enterprise plan.", False)
    lenient_bodies: bool = _rule("Pass over unknown properties of a body instead of refusing them.", False)
    remove_both_sides: bool = _rule("Removing a contact removes it for the other side, too.", False)
    jwt_secret: str | None = _rule("Secret that tokens of people are signed with (HS256).", secret=True)
    jwt_keys: str | None = _rule("Address of the JSON Web Keys that tokens of people are signed with.")
    jwt_issuer: str | None = _rule("Issuer that a token must name, if any.")
    jwt_audience: str | None = _rule("Audience that a token must name, if any.")


def names(text: str) -> tuple[str, ...]:
    """The names in a setting that takes several."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def rows(table: type[Settings] | type[Platform] = Settings) -> tuple[Field[Any], ...]:
    """The settings, one field each; `metadata` has `help`, `secret`, and how it is called if otherwise."""
    return fields(table)


def flag(row: Field[Any]) -> str | None:
    """The command-line flag of a setting; secrets have none, except addresses, which may go without one."""
    hidden = row.metadata["secret"] and row.name not in SCHEMES
    return None if hidden else "--" + _called(row).replace("_", "-")


def variable(row: Field[Any]) -> str:
    """The environment variable of a setting."""
    return str(row.metadata["prefix"]) + _called(row).upper()


def read(flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """The bridge's. Flags win over the environment, the environment over defaults. Raises `BadSetting`."""
    return _read(Settings, flags, environ)


def read_platform(flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Platform:
    """A platform's, in the same order. Raises `BadSetting`."""
    return _read(Platform, flags, environ)


def read_usable(
    flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> tuple[Settings, list[BadSetting]]:
    """The bridge's, as far as they can be used, and what is wrong with the others."""
    usable: dict[str, Any] = {}
    bad = []
    for row in fields(Settings):
        try:
            value = flags[row.name] if flags.get(row.name) is not None else _from_environ(row, environ)
            usable |= {} if value is None else {row.name: _typed(row, value)}
        except BadSetting as exc:
            bad.append(exc)
    return Settings(**usable), bad


def _read(table: type[Table], flags: Mapping[str, Any], environ: Mapping[str, str]) -> Table:
    given = {row: _from_environ(row, environ) for row in fields(table)}
    given |= {row: flags[row.name] for row in fields(table) if flags.get(row.name) is not None}
    chosen = {row: value for row, value in given.items() if value is not None}
    return table(**{row.name: _typed(row, value) for row, value in chosen.items()})


def of_plugin(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The environment of the bridge that the plugin for Claude Code starts, told by that of its hooks.

    They find what its user answered in CLAUDE_PLUGIN_OPTION_<QUESTION>, and no variable for what he did not
    (code.claude.com/docs/en/plugins-reference, user configuration).
    """
    asked = (row for row in rows() if row.name in ASKED_BY_PLUGIN)
    answers = {variable(row): environ.get(f"CLAUDE_PLUGIN_OPTION_{row.name.upper()}", "") for row in asked}
    return {**environ, **answers}


def of_local(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The environment of the platform on this computer, which keeps to its own files: the database, the bells
    and the pepper of another one are none of its business.
    """
    others = tuple(f"{PREFIX}PLATFORM_{name}" for name in ("DATABASE", "NATS", "PEPPER"))
    return {name: value for name, value in environ.items() if not name.startswith(others)}


def unknown(environ: Mapping[str, str] = os.environ) -> list[str]:
    """`THENVOI_*` variables that mean nothing here; most likely they are misspelt."""
    known = set(_known())
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def _called(row: Field[Any]) -> str:
    return str(row.metadata["called"] or row.name)


def _known() -> Iterable[str]:
    for row in (*rows(Settings), *rows(Platform)):
        yield variable(row)
        if row.metadata["secret"]:
            yield f"{variable(row)}_FILE"


def _from_environ(row: Field[Any], environ: Mapping[str, str]) -> str | None:
    name = variable(row)
    if row.metadata["secret"] and (path := _given(environ, f"{name}_FILE")):
        return _key_in(Path(path), f"{name}_FILE")
    return _given(environ, name)


def _given(environ: Mapping[str, str], name: str) -> str | None:
    # Hosts leave the placeholder of a question that nobody answered.
    value = environ.get(name) or None
    return None if value and value.startswith("${") else value


def _key_in(path: Path, name: str) -> str:
    """The key in a file. Taken for none, a missing one would lead to the platform on this computer."""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise BadSetting(f"{name}: the file cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise BadSetting(f"{name}: the file is no text") from exc
    if not key:
        raise BadSetting(f"{name}: the file is empty")
    return key


def _typed(row: Field[Any], value: Any) -> Any:
    return typed(row.name, str(row.type), variable(row), value)
