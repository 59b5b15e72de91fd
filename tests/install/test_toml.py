"""A table is added to a TOML text and taken out again; the other lines stay."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.install import documents
from thenvoi_bridge.install.documents import Format, Unreadable

PATH = ("mcp_servers", "thenvoi")
ENTRY = {"command": r"C:\bin\thenvoi-bridge.exe", "args": ["-m"], "env": {"THENVOI_AS": 'D "é" \x7f'}}

BLOCKS = (
    "",
    "# a comment that's not \"closed\n",
    "dir = 'C:\\\\x\\\\'\n",
    'model = "o5"\n',
    '[mcp_servers.other]\ncommand = "other"\nenv = { A = "1" }\n',
    "[mcp_servers]\n",
    '[profiles."a.b"]\ntext = """\n[mcp_servers.thenvoi]\nno = 1\n"""\n',
    'list = [\n  "[mcp_servers.thenvoi]",\n  [1],\n]\n',
    "[[things]]\nn = 1\n\n# about the second\n[[things]]\nn = 2\n",
    "[last]\nx = 1 # one",
)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A text of blocks that go together, with blank lines between, in lines of either kind."""
    order = draw(st.lists(st.sampled_from(BLOCKS), unique=True))
    top = [block for block in order if not block.startswith("[")]
    text = "".join(
        block + ("\n" if block.endswith("\n") and draw(st.booleans()) else "\n" * (not block.endswith("\n")))
        for block in [*top, *(block for block in order if block.startswith("["))]
    )
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(configurations())
def test_a_table_is_added_and_taken_out_again_and_the_text_is_as_it_was(text: str) -> None:
    before = tomllib.loads(text)
    after = documents.with_entry(text, Format.TOML, PATH, ENTRY)
    assert after.startswith(text)
    meant: dict[str, Any] = {**before, "mcp_servers": {**before.get("mcp_servers", {}), "thenvoi": ENTRY}}
    assert tomllib.loads(after) == meant
    assert documents.with_entry(after, Format.TOML, PATH, ENTRY) == after
    gone = documents.without_entry(after, Format.TOML, PATH)
    assert gone.rstrip("\r\n") == text.rstrip("\r\n")


def test_a_table_in_the_middle_goes_with_the_tables_inside_of_it() -> None:
    text = (
        'a = 1\n\n[mcp_servers.thenvoi]\ncommand = "old"\n\n[mcp_servers.thenvoi.env]\nA = "1"\n\n'
        '# the other one\n[mcp_servers.other]\ncommand = "other"\n'
    )
    kept = 'a = 1\n\n# the other one\n[mcp_servers.other]\ncommand = "other"\n'
    assert documents.without_entry(text, Format.TOML, PATH) == kept


def test_what_a_user_added_to_the_table_stays_in_it() -> None:
    text = '[mcp_servers.thenvoi]\ncommand = "old"\ntool_timeout_sec = 90\nenv = { A = "1" }\n'
    after = tomllib.loads(documents.with_entry(text, Format.TOML, PATH, ENTRY))
    env = {"A": "1", **ENTRY["env"]}  # type: ignore[dict-item]
    assert after["mcp_servers"]["thenvoi"] == {"tool_timeout_sec": 90, **ENTRY, "env": env}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "it is not TOML that can be read"),
        ("mcp_servers = 1", "mcp_servers in it is no object"),
        ('mcp_servers = { other = { command = "x" } }', "cannot be changed safely"),
        ('[mcp_servers]\nthenvoi = { command = "x" }', "cannot be changed safely"),
        ('mcp_servers.thenvoi.command = "x"', "cannot be changed safely"),
    ],
)
def test_what_cannot_be_changed_safely_is_not_changed(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        documents.with_entry(text, Format.TOML, PATH, ENTRY)


def test_an_entry_that_is_no_table_of_its_own_is_not_taken_out() -> None:
    with pytest.raises(Unreadable, match="cannot be changed safely"):
        documents.without_entry('[mcp_servers]\nthenvoi = { command = "x" }', Format.TOML, PATH)
