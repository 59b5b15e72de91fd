"""What the guides name in passing, or what takes hours, is taken by the program it is for."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest

from bench.__main__ import PARTS
from tests.guides.reading import ROOT, pieces, spans
from tests.packages.commands import parsed
from thenvoi_bridge.cli import main

BEFORE = r"(?:[A-Z][A-Z_]*=\S+ |… |uv run )*"
"""What may stand before a program."""
STANDS_FOR = {"HOST": "cursor", "FILE": "README.md", "…": ""}
ELSEWHERE = {
    "--room-id": "band-mcp",
    "--scope": "band-mcp",
    "--strict": "claude plugin validate",
    "--upgrade": "uv pip compile",
    "--write": "python -m bench",
}
"""Options that stand alone and are of another program, which the sentence names."""
COLLECT = """
import json, sys, pytest
for words in json.load(sys.stdin):
    code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *words])
    print("CODE", int(code), *words, flush=True)
"""


@cache
def named(program: str) -> tuple[tuple[str, ...], ...]:
    """The words after a program's name, wherever a guide has it: in a block, a sentence or a table."""
    line = re.compile(rf"{BEFORE}{re.escape(program)}(?: ([^|#]*).*)?$")
    found = (line.match(text) for text in dict.fromkeys(piece.text for piece in (*pieces(), *spans())))
    return tuple(tuple(shlex.split(one[1] or "")) for one in found if one)


@pytest.mark.parametrize("words", [words for words in named("thenvoi-bridge") if words], ids=" ".join)
def test_a_command_of_ours_is_one(words: tuple[str, ...]) -> None:
    filled = [word for word in (STANDS_FOR.get(word, word) for word in words) if word]
    if not isinstance(_meant(filled), click.Group):
        # It may be named without all that it needs; `hook`, which fails open, ends in order then.
        with suppress(click.MissingParameter, click.exceptions.Exit):
            parsed(filled)


def _meant(words: list[str]) -> click.Command:
    found: click.Command = main
    for word in words:
        if isinstance(found, click.Group):
            under = found.get_command(click.Context(found), word)
            assert under, f"{word} is no command"
            found = under
    return found


def test_an_option_that_stands_alone_is_one() -> None:
    said = {span.text.split()[0] for span in spans() if re.match(r"--[a-z]", span.text)}
    assert said - {*_options(main)} == ELSEWHERE.keys()


def _options(command: click.Command) -> Iterator[str]:
    here = click.Context(command)
    for option in command.get_params(here):
        yield from option.opts
    if isinstance(command, click.Group):
        for name in command.list_commands(here):
            yield from _options(command.get_command(here, name) or command)


def test_a_part_of_the_bench_is_one() -> None:
    said = {part for words in (*named("python -m bench"), *named("bench")) for part in words}
    assert said
    assert said <= {*PARTS}


class Taken(Exception):
    """A parser has taken its arguments."""


@pytest.mark.thorough
@pytest.mark.parametrize("words", [words for words in named("python -m") if words], ids=" ".join)
def test_a_module_takes_its_arguments(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    name, *arguments = words
    spec = find_spec(f"{name}.__main__") if (ROOT / name.replace(".", "/")).is_dir() else find_spec(name)
    assert spec, f"{name} cannot be run"
    module = importlib.import_module(spec.name)
    start = getattr(module, "main", None)
    if isinstance(start, click.Command):
        start.make_context(name, arguments)
    elif start and "ArgumentParser" in Path(module.__file__ or "").read_text(encoding="utf-8"):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        monkeypatch.setattr(ArgumentParser, "parse_args", _and_no_more(ArgumentParser.parse_args))
        with pytest.raises(Taken):
            start()
    else:
        assert all(word.isupper() for word in arguments), f"{name} has no options"


def _and_no_more(parse: Callable[..., Any]) -> Callable[..., NoReturn]:
    def parsed_only(parser: ArgumentParser) -> NoReturn:
        raise Taken(parse(parser))

    return parsed_only


def test_what_is_to_be_seen_is_run_where_it_can_be_seen() -> None:
    watched = [words for words in named("pytest") if "-s" in words]
    assert watched
    assert [words for words in watched if "-n 0" not in " ".join(words)] == []  # workers print into nothing


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_selection_of_tests_selects_some() -> None:
    selections = [words for words in named("pytest") if any(word.startswith("tests/") for word in words)]
    assert len(selections) > 20
    collect = [sys.executable, "-c", COLLECT]
    asked = json.dumps(selections)
    done = subprocess.run(collect, cwd=ROOT, input=asked, capture_output=True, text=True, check=True)
    codes = re.findall(r"^CODE (\d+) (.*)$", done.stdout, re.M)
    assert len(codes) == len(selections)
    assert [words for code, words in codes if code != "0"] == []
