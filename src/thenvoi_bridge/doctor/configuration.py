"""Looks at the settings: whether they can be used, names that mean nothing, and keys, none of them shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from thenvoi_bridge import settings
from thenvoi_bridge.bridge.endpoint import Side, sides_of
from thenvoi_bridge.doctor.findings import Finding
from thenvoi_bridge.settings import BadSetting, Settings

_KINDS: dict[tuple[Side, ...], str] = {("agent",): "an agent's key", ("human",): "a person's key"}


def look(chosen: Settings, bad: Sequence[BadSetting], unknown: Sequence[str]) -> Iterator[Finding]:
    """Say what was read, and what could not be."""
    if not bad:
        yield Finding("ok", "settings", "The settings can be used.")
    for problem in bad:
        yield Finding(
            "error", "settings", f"{problem}.", "Mend it, or unset it; the README lists the settings."
        )
    for name in unknown:
        cure = "Unset it, or mend its name; the README lists the settings."
        yield Finding("warning", "settings", f"{name} is set and means nothing.", cure)
    yield from _keys(keys_of(chosen), readable=not bad)


def keys_of(chosen: Settings) -> dict[str, str]:
    """The keys that are set, by their variables."""
    rows = [row for row in settings.rows() if row.metadata["secret"]]
    found = {settings.variable(row): getattr(chosen, row.name) for row in rows}
    return {name: key for name, key in found.items() if key}


def _keys(keys: Mapping[str, str], *, readable: bool) -> Iterator[Finding]:
    for name, key in keys.items():
        kind = _KINDS.get(sides_of(key), "a key of which only the platform knows the kind")
        yield Finding("ok", "key", f"{name} holds {kind}.")
    if not keys and readable:
        yield Finding("ok", "key", "No key is set, so the platform on this computer is used.")
