"""Looks for MCP hosts on this computer, whether the bridge is in their configurations, and can be started."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from thenvoi_bridge import settings
from thenvoi_bridge.bridge.hosts import HOSTS, RUNGS, Host
from thenvoi_bridge.doctor.findings import Finding
from thenvoi_bridge.hosting import choosing
from thenvoi_bridge.install.changes import CannotChange, Place, servers
from thenvoi_bridge.install.server import is_ours
from thenvoi_bridge.install.targets import TARGETS
from thenvoi_bridge.settings import BadSetting
from thenvoi_bridge.settings.folders import Folders

_KNOWN = {host.name: host for host in HOSTS}
_SWITCHED_ON = {"channel": "THENVOI_CHANNEL", "feed": "THENVOI_FEED"}
"""Rungs that are there only if a setting says so."""


def look(folders: Folders) -> Iterator[Finding]:
    """Say of each host that is here whether it starts the bridge, and how a mention can reach its model."""
    places = [place for target in TARGETS.values() if (place := Place.of(target, folders)).is_there]
    if not places:
        yield Finding("ok", "host", "No MCP host that `install` knows was found on this computer.")
    for place in places:
        yield from _look_at(place)


def _look_at(place: Place) -> Iterator[Finding]:
    target = place.target
    cure = f"thenvoi-bridge install {target.name}"
    try:
        there = {name: entry for name, entry in servers(place).items() if isinstance(entry, dict)}
    except CannotChange as exc:
        yield Finding("error", "host", str(exc), "Mend the file; the host cannot read it either.")
        return
    ours = {name: entry for name, entry in there.items() if is_ours(entry)}
    if not ours:
        more = {"host": target.name, "installed": False}
        yield Finding("ok", "host", f"{target.title} is here, without the bridge.", cure, more)
    for name, entry in ours.items():
        trouble = _trouble(entry)
        rungs = _rungs(_KNOWN[target.name], entry.get("env") or {})
        more = {"host": target.name, "installed": True, "server": name, "rungs": rungs}
        said = f"{target.title} starts the bridge as {name}"
        if trouble:
            yield Finding("error", "host", f"{said}, but {trouble}.", cure, more)
        else:
            yield Finding("ok", "host", f"{said}. It can hear by: {', '.join(rungs)}.", None, more)


def _trouble(entry: dict[str, Any]) -> str | None:
    """Why the host could not start it, or it not work."""
    command, env = Path(str(entry.get("command", ""))), entry.get("env") or {}
    if not command.is_absolute():
        return f"{command} is no absolute path, and hosts hardly know your PATH"
    if not (command.is_file() and os.access(command, os.X_OK)):
        return f"there is no program {command}"
    given = {str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {}
    try:
        choosing.check(settings.read({}, given))
    except BadSetting as exc:
        return f"a setting there cannot be used: {exc}"
    unknown = settings.unknown(given)
    return f"{', '.join(unknown)} there means nothing" if unknown else None


def _rungs(host: Host, env: Collection[str]) -> dict[str, str]:
    """How a mention reaches this host's model, with what is set for it."""
    off = {rung for rung, variable in _SWITCHED_ON.items() if variable not in env}
    return {name: host.rungs[name] for name in RUNGS if name in host.rungs and name not in off}
