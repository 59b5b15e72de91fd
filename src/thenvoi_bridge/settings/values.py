"""What stands in a setting as what the program works with, or a sentence on what is wrong with it."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """A setting cannot be used; the message says which one and what to do."""


WORDS = {
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("text", "json"),
}
"""The words that a setting may be."""


SCHEMES = {
    "base_url": ("https://", "http://"),
    "ws_url": ("wss://", "ws://"),
    "database": ("postgresql://", "postgres://"),
    "nats": ("nats://", "tls://"),
}
"""How the addresses of each setting may begin."""


def typed(setting: str, kind: str, name: str, value: Any) -> Any:
    """The value of a setting of this kind, which its user knows by `name`. Raises `BadSetting`."""
    if kind == "bool" and isinstance(value, str):
        return _switch(name, value)
    if kind == "int":
        return _number(name, value)
    if setting == "state_dir":
        return Path(value).expanduser()
    if setting == "feed":
        return _absolute(name, Path(value).expanduser())
    _check(setting, name, value)
    return value


def _check(setting: str, name: str, value: str) -> None:
    if setting in SCHEMES and not _is_address(value, SCHEMES[setting]):
        # What was given is not shown: it may be a key that stands in the wrong place.
        raise BadSetting(f"{name} must begin with {' or '.join(SCHEMES[setting])} and name a host")
    if setting == "pepper" and not _is_pepper(value):
        raise BadSetting(f"{name} must be base64 of 32 bytes or more; `openssl rand -base64 32` makes one")
    if setting in WORDS and value.lower() not in WORDS[setting]:
        *most, last = WORDS[setting]
        raise BadSetting(f"{name} must be {', '.join(most)} or {last}")


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


def _is_pepper(value: str) -> bool:
    try:
        return len(b64decode(value, validate=True)) >= 32
    except ValueError:
        return False


def _absolute(name: str, path: Path) -> Path:
    if not path.is_absolute():  # hosts start the bridge in folders that nobody would think of
        raise BadSetting(f"{name} must be a whole path, from the root")
    return path


def _switch(name: str, value: str) -> bool:
    if value.lower() not in _SWITCH:
        raise BadSetting(f"{name} must be true or false")
    return _SWITCH[value.lower()]


def _number(name: str, value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadSetting(f"{name} must be a whole number, 0 or more")
    return int(text)
