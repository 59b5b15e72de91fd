"""Who may import whom: the architecture, as a table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "thenvoi_bridge"
MAY_IMPORT: dict[str, set[str]] = {
    "contract": set(),
    "phoenix": set(),
    "storage": set(),
    "settings": set(),
    "install": {"settings"},
    "client": {"contract"},
    "listener": {"contract", "phoenix"},
    "inbox": {"contract", "storage"},
    "bridge": {"contract", "client", "listener", "inbox"},
    "platform": {"contract", "phoenix", "storage", "settings"},
    "hosting": {"bridge", "settings", "client", "contract", "inbox"},
    "doctor": {"settings", "bridge", "client", "contract", "inbox", "listener", "hosting", "install"},
    "demo": {"client", "contract"},
    "docs": {"bridge", "platform", "settings", "install"},
    "cli": {
        "settings",
        "hosting",
        "platform",
        "contract",
        "storage",
        "inbox",
        "install",
        "doctor",
        "demo",
        "docs",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
"""A bridge and a platform meet only through the wire contract; `cli` and `docs` alone see both."""


def parts_imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module == "thenvoi_bridge":
            names = [f"thenvoi_bridge.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "thenvoi_bridge" and not rest.startswith("__version__"):
                yield rest.partition(".")[0]


@pytest.mark.parametrize("file", sorted(SRC.rglob("*.py")), ids=lambda file: str(file.relative_to(SRC)))
def test_imports_point_inwards(file: Path) -> None:
    part = file.relative_to(SRC).parts[0].removesuffix(".py")
    reached = set(parts_imported(ast.parse(file.read_text()))) - {part}
    assert reached <= MAY_IMPORT[part], f"{part} must not import {sorted(reached - MAY_IMPORT[part])}"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert not [*SRC.rglob(f"{name}.py"), *SRC.rglob(name)]
