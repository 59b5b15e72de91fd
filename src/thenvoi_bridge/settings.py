"""Every setting of the bridge, once: name, default and help. The environment is read here and nowhere else.

`THENVOI_<NAME>` sets it; `--<name>` overrides that, except for keys, which must not stand in a command line.
A key may also be given as the path of a file, in `THENVOI_<NAME>_FILE`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platformdirs import user_state_path

PREFIX = "THENVOI_"


class BadSetting(ValueError):
    """A setting cannot be used; the message says which one and what to do."""


_STATE = user_state_path("thenvoi-bridge")


def _setting(help: str, default: Any = None, *, secret: bool = False, called: str | None = None) -> Any:
    metadata = {"help": help, "secret": secret, "called": called}
    return field(default=default, repr=not secret, metadata=metadata)


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
    state_dir: Path = _setting("Folder for the inbox and the local platform.", _STATE)
    log_level: str = _setting("How much to write to stderr: debug, info, warning or error.", "info")

    @property
    def is_local(self) -> bool:
        """Whether the platform on this computer is used: asked for, or no key is set."""
        return self.local or not (self.api_key or self.agent_key or self.user_key)


def rows() -> tuple[Field[Any], ...]:
    """The settings, one field each; `metadata` has `help`, `secret`, and how it is called if otherwise."""
    return fields(Settings)


def flag(row: Field[Any]) -> str | None:
    """The command-line flag of a setting; secrets have none."""
    return None if row.metadata["secret"] else "--" + _called(row).replace("_", "-")


def variable(row: Field[Any]) -> str:
    """The environment variable of a setting."""
    return PREFIX + _called(row).upper()


def read(flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Flags win over the environment, the environment over defaults. Raises `BadSetting`."""
    given = {row.name: _from_environ(row, environ) for row in rows()}
    given |= {name: value for name, value in flags.items() if value is not None}
    chosen = {name: value for name, value in given.items() if value is not None}
    return Settings(**{name: _typed(name, value) for name, value in chosen.items()})


def unknown(environ: Mapping[str, str] = os.environ) -> list[str]:
    """`THENVOI_*` variables that mean nothing here; most likely they are misspelt."""
    known = set(_known())
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def _called(row: Field[Any]) -> str:
    return str(row.metadata["called"] or row.name)


def _known() -> Iterable[str]:
    for row in rows():
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


def _typed(name: str, value: Any) -> Any:
    if name == "local" and isinstance(value, str):
        return _switch(name, value)
    if name == "state_dir":
        return Path(value).expanduser()
    if name in _SCHEMES and not _is_address(value, _SCHEMES[name]):
        # What was given is not shown: it may be a key that stands in the wrong place.
        schemes = " or ".join(_SCHEMES[name])
        raise BadSetting(f"{PREFIX}{name.upper()} must begin with {schemes} and name a host")
    if name == "log_level" and value.lower() not in ("debug", "info", "warning", "error"):
        raise BadSetting(f"{PREFIX}LOG_LEVEL must be debug, info, warning or error")
    return value


_SCHEMES = {"base_url": ("https://", "http://"), "ws_url": ("wss://", "ws://")}
_SWITCH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return value.startswith(schemes) and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that cannot be one
        return False


def _switch(name: str, value: str) -> bool:
    if value.lower() not in _SWITCH:
        raise BadSetting(f"{PREFIX}{name.upper()} must be true or false")
    return _SWITCH[value.lower()]
