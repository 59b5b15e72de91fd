"""Everything the doctor looks at, one thing after the other. What breaks on the way is a finding, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from thenvoi_bridge import __version__, settings
from thenvoi_bridge.doctor import configuration, hosts, platform, storage
from thenvoi_bridge.doctor.findings import Finding
from thenvoi_bridge.doctor.storage import Box
from thenvoi_bridge.hosting import choosing
from thenvoi_bridge.hosting.local import LocalPlatform
from thenvoi_bridge.settings import BadSetting, Settings
from thenvoi_bridge.settings.folders import Folders


async def examine(flags: Mapping[str, Any]) -> AsyncIterator[Finding]:
    """What is found on this computer, with the settings of this environment and these flags."""
    yield Finding("ok", "bridge", f"thenvoi-bridge {__version__}.", more={"version": __version__})
    chosen, bad = _settings(flags)
    for finding in configuration.look(chosen, bad, settings.unknown()):
        yield finding
    boxes: list[Box] = []

    async def look_into() -> Iterable[Finding]:
        found, findings = await storage.look_into(chosen.state_dir)
        boxes.extend(found)
        return findings

    async def look_at_platform() -> Iterable[Finding]:
        if bad and chosen.is_local:
            return [
                Finding("warning", "platform", "Which platform is meant shows when the settings are mended.")
            ]
        if chosen.is_local:
            return await _local(chosen.state_dir / "local", boxes)
        keys = configuration.keys_of(chosen)
        return await platform.look_at(chosen.base_url, chosen.ws_url, keys, boxes)

    for about, look in (
        ("state", _plain(lambda: storage.look_at_folder(chosen.state_dir))),
        ("inbox", look_into),
        ("platform", look_at_platform),
        ("host", _plain(lambda: hosts.look(Folders.read()))),
    ):
        for finding in await _unbroken(about, look):
            yield finding


def _settings(flags: Mapping[str, Any]) -> tuple[Settings, list[BadSetting]]:
    """The settings, as far as they can be used, and what keeps a bridge from starting with them."""
    chosen, bad = settings.read_usable(flags)
    try:
        choosing.check(chosen)
    except BadSetting as exc:
        bad.append(exc)
    return chosen, bad


Look = Callable[[], Awaitable[Iterable[Finding]]]


def _plain(look: Callable[[], Iterable[Finding]]) -> Look:
    async def looked() -> Iterable[Finding]:
        return look()

    return looked


async def _unbroken(about: str, look: Look) -> list[Finding]:
    """What was found; if that itself breaks down, so much."""
    try:
        return [*await look()]
    except Exception as exc:  # a doctor who faints helps nobody
        said = f"This could not be looked at ({type(exc).__name__})."
        return [Finding("error", about, said, "Please report it, with what you have set up.")]


async def _local(folder: Path, boxes: list[Box]) -> Iterable[Finding]:
    """The platform on this computer, if it runs. It is not started only to be looked at."""
    url = await LocalPlatform(folder).running()
    if url is None:
        return [
            Finding("ok", "platform", "The platform on this computer does not run; the first host starts it.")
        ]
    return await platform.look_at(url, None, {}, boxes)
