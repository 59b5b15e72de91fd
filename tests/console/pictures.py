"""Takes the pictures of the console for docs/images: `uv run python -m tests.console.pictures`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from playwright.async_api import Browser

from tests.console.browser import chromium, signed_in
from tests.console.scene import TITLE, Scene, awake, scene
from tests.world import world

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PICTURES: dict[str, dict[str, Any]] = {
    "console-light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "console-dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "console-narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 780}},
}
"""What each picture is called, and how the browser is to be."""

ALL_ARE_HERE = """async () => {
  const { model } = await import("./model.js");
  return model.online.size && [...model.online.values()].every(Boolean);
}"""


async def take(browser: Browser, it: Scene, folder: Path, name: str) -> Path:
    """Take one picture of Alice's room."""
    path = folder / f"{name}.png"
    settings = {**PICTURES[name], "device_scale_factor": 1.5}
    async with awake(it), signed_in(browser, it.here, it.alice, **settings) as alice:
        await alice.open_room(TITLE)
        await alice.shows("when nightly-88 is through")
        await alice.page.locator(".panel .people li").first.wait_for(state="attached")
        await alice.page.wait_for_function(ALL_ARE_HERE)
        await alice.page.screenshot(path=path)
    return path


async def main() -> None:
    """Take all of them."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        async with world(Path(folder) / "platform") as here, chromium() as browser:
            it = await scene(here)
            for name in PICTURES:
                print(await take(browser, it, IMAGES, name))


if __name__ == "__main__":
    anyio.run(main)
