"""Who may import whom: the architecture, as a table."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "thenvoi_bridge"
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MAY_IMPORT: dict[str, set[str]] = {
    "contract": set(),
    "phoenix": set(),
    "storage": set(),
    "settings": set(),
    "ports": set(),
    "connections": set(),
    "fields": set(),
    "tracing": set(),
    "metering": set(),
    "install": {"settings"},
    "pauses": {"contract"},
    "errands": {"contract", "tracing"},
    "client": {"contract", "errands", "metering", "pauses", "tracing"},
    "listener": {"contract", "phoenix"},
    "inbox": {"contract", "storage"},
    "bridge": {"contract", "client", "listener", "inbox", "metering", "tracing"},
    "platform": {
        "contract",
        "phoenix",
        "storage",
        "settings",
        "ports",
        "connections",
        "fields",
        "metering",
        "tracing",
    },
    "hosting": {
        "bridge",
        "settings",
        "client",
        "contract",
        "inbox",
        "ports",
        "connections",
        "fields",
        "metering",
    },
    "doctor": {"settings", "bridge", "client", "contract", "inbox", "listener", "hosting", "install"},
    "demo": {"client", "contract"},
    "docs": {"bridge", "inbox", "pictures", "platform", "settings", "install", "metering"},
    "pictures": {"bridge", "inbox"},
    "cli": {
        "settings",
        "ports",
        "hosting",
        "platform",
        "contract",
        "storage",
        "inbox",
        "install",
        "doctor",
        "demo",
        "docs",
        "fields",
        "metering",
        "tracing",
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


@pytest.mark.parametrize(
    ("library", "file"), [("prometheus_client", "metering/prometheus.py"), ("opentelemetry", "tracing.py")]
)
def test_one_file_alone_knows_a_library_that_others_may_do_without(library: str, file: str) -> None:
    knows = re.compile(rf"^\s*(from|import) {library}\b", re.MULTILINE)
    files = [path for path in SRC.rglob("*.py") if knows.search(path.read_text())]
    assert [str(path.relative_to(SRC)) for path in files] == [file]


def test_the_map_of_the_architecture_is_this_table() -> None:
    rows = (line.strip("| ").split(" | ") for line in MAP.splitlines() if line.startswith("| `"))
    mapped = {row[0].strip("`/").removesuffix(".py"): {*row[2].split(", ")} for row in rows if len(row) == 3}
    known = {part: may or {"nothing of ours"} for part, may in MAY_IMPORT.items() if part[0] != "_"}
    assert {part: mapped.get(part) for part in known} == known


def test_the_map_has_every_module_of_the_bridge_once() -> None:
    table = MAP.partition("| Of the bridge | Modules |")[2].partition("\n\n")[0]
    modules = [file.stem for file in (SRC / "bridge").glob("[!_]*.py")]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(modules)


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base"])
def test_no_module_is_named_after_nothing(name: str) -> None:
    assert not [*SRC.rglob(f"{name}.py"), *SRC.rglob(name)]
