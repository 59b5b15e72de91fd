"""The pictures in docs/ can be taken anew, and are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.console.pictures import IMAGES, PICTURES, take
from tests.console.scene import scene
from tests.world import World

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.thorough
async def test_every_picture_can_be_taken(browser: Browser, here: World, tmp_path: Path) -> None:
    it = await scene(here)
    for name in PICTURES:
        assert (await take(browser, it, tmp_path, name)).read_bytes().startswith(SIGNATURE)


def test_every_picture_is_in_the_guide() -> None:
    guide = (IMAGES.parent / "console.md").read_text(encoding="utf-8")
    for name in PICTURES:
        assert f"](images/{name}.png)" in guide
        assert (IMAGES / f"{name}.png").read_bytes().startswith(SIGNATURE)
