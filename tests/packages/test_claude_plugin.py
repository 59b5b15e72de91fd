"""Claude Code itself takes the plugin of this checkout."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.packages.checkout import copied, done
from tests.wire.foreign import installed
from thenvoi_bridge import __version__

CLAUDE_CODE = "@anthropic-ai/claude-code@2.1.197"


@pytest.mark.endurance  # for it is a download of 235 MB
@pytest.mark.timeout(600)
def test_claude_code_finds_nothing_wrong_and_installs_it(tmp_path: Path, npm_cache: Path) -> None:
    claude = installed(npm_cache, CLAUDE_CODE) / "node_modules" / ".bin" / "claude"
    checkout = copied(tmp_path / "checkout")
    run = partial(done, cwd=checkout, HOME=str(tmp_path))
    for what in (".", "claude-plugin"):
        assert "Validation passed" in run([claude, "plugin", "validate", "--strict", what])
    run([claude, "plugin", "marketplace", "add", checkout])
    run([claude, "plugin", "install", "thenvoi@thenvoi-bridge"])
    details = run([claude, "plugin", "details", "thenvoi"])
    assert f"thenvoi {__version__}" in details
    assert "Hooks (4)" in details
    assert "MCP servers (1)" in details
