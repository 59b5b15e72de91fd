"""Whether everybody can use a page: axe-core, as its makers publish it, run in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Frame, Page

from tests.wire.foreign import installed

AXE = "axe-core@4.14.1"


def source(npm_cache: Path) -> str:
    """The script."""
    return (installed(npm_cache, AXE) / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


async def violations(page: Page | Frame, axe: str) -> list[str]:
    """What axe finds wrong, a line each. What it cannot decide about colours is no finding."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(axe)
    found = await page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
