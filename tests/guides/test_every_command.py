"""All that the guides have people type or paste is done by a test, or is in the list of what cannot be."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.guides.reading import (
    GUIDES,
    LOOKED_AT,
    PASTED,
    ROOT,
    SCHEDULED,
    TYPED,
    Piece,
    blocks,
    fenced,
    followed,
    pieces,
)
from tests.guides.unrun import UNRUN, is_unrun

PROGRAMS = "thenvoi-bridge", "uv", "pip", "npx", "docker", "curl", "python", "claude", "openssl", "createdb"


@cache
def claims() -> dict[tuple[str, ...], str]:
    """What `pytest.mark.follows` says of each test that has it, and which test that is."""
    found = (claim for file in (ROOT / "tests").rglob("test_*.py") for claim in _claims(file))
    return dict(found)


def _claims(file: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    text = file.read_text(encoding="utf-8")
    for function in ast.walk(ast.parse(text)) if "mark.follows(" in text else ():
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [mark for mark in map(ast.unparse, function.decorator_list) if ".follows(" in mark]
            name = f"{file.relative_to(ROOT)}::{function.name}"
            assert not marks or _is_run_and_follows(function), f"{name} follows nothing"
            yield from ((ast.literal_eval(f"{mark.partition('(')[2][:-1]},"), name) for mark in marks)


def _is_run_and_follows(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether .ci/run has it run, and it takes the `reader`, which says so if something is left."""
    marks = " ".join(map(ast.unparse, function.decorator_list))
    return not re.search(r"endurance|skip|xfail", marks) and "reader" in {
        arg.arg for arg in function.args.args
    }


@cache
def done_by_tests() -> set[Piece]:
    return {piece for claim in claims() for piece in followed(*claim)}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_command_and_configuration_is_used_by_a_test(guide: Path) -> None:
    of_it = [piece for piece in pieces() if piece.guide == str(guide.relative_to(ROOT))]
    missed = [str(piece) for piece in of_it if not is_unrun(piece) and piece not in done_by_tests()]
    assert missed == [], "no test does this: see CONTRIBUTING.md, a command in a guide"


def test_what_no_test_runs_is_in_the_guides_and_has_a_reason() -> None:
    for begins, reason in UNRUN.items():
        assert any(piece.text.startswith(begins) for piece in pieces()), f"{begins} is in no guide"
        assert reason.endswith(".")


def test_every_test_that_follows_a_guide_finds_something_there() -> None:
    assert {name: claim for claim, name in claims().items() if not followed(*claim)} == {}


def test_every_block_is_found_and_of_a_language_that_says_what_to_do_with_it() -> None:
    fences = [line for guide in GUIDES for line in _lines(guide) if re.match(r"\s*(```|~~~)", line)]
    assert len(fences) == 2 * len(blocks())
    for block in blocks():
        assert block.language in TYPED | SCHEDULED | PASTED | LOOKED_AT, f"{block}"
        if block.language in LOOKED_AT:
            assert [line for line in block.text.splitlines() if line.startswith((*PROGRAMS, "$ "))] == []


def _lines(guide: Path) -> list[str]:
    return guide.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("language", ["console", "sh", "bash"])
def test_a_command_that_is_new_is_seen_wherever_it_is_written(language: str) -> None:
    text = f"# New\n\n1. So:\n\n   ```{language}\n   thenvoi-bridge new\n   ```\n"
    (block,) = fenced("docs/new.md", text)
    assert (block.place, block.line, block.text) == ("docs/new.md#new", 5, "thenvoi-bridge new\n")
    assert not is_unrun(block)
    assert block not in done_by_tests()


def test_the_plugin_that_is_to_be_added_is_the_one_of_this_checkout() -> None:
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
    names = [f"{plugin['name']}@{market['name']}" for plugin in market["plugins"]]
    said = [piece.text for piece in pieces() if piece.text.startswith("/plugin ")]
    assert re.findall(r"install (\S+)", "\n".join(said)) == names


def test_what_these_tests_are_run_with_is_what_ci_begins_with() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"pip install .*\buv$", ci, re.M)
    assert "uv run pytest\n" in ci
