"""One member of a JSON text is changed, and not a byte besides."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.install import jsonc
from thenvoi_bridge.install.jsonc import NotJson

PATH = ("servers", "thenvoi")
ENTRY = {"command": "/bin/thenvoi-bridge", "args": [], "env": {"THENVOI_AS": "Désk"}}

names = st.sampled_from(["a", "b//c", 'q"uote', "servers", "{", "tab\t", "ünï", ""])
scalars = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "// no", "/*", "}", '"', "x\\"])
)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
switch: st.SearchStrategy[bool] = st.booleans()
comments = st.sampled_from(['// "thenvoi": {', "//", "// }", "// a, b"]).map(lambda text: text + "\n") | (
    st.sampled_from(["/* } */", '/* "a": */', "/**/", "/* // \n */"])
)
trivia = st.lists(st.sampled_from([" ", "\n", "\t", "\r\n", "  ", "\n  "]) | comments, max_size=3).map(
    "".join
)


@st.composite
def texts(draw: st.DrawFn, tree: Any) -> str:
    """A JSON text with comments that says this, laid out in whatever way."""

    def some() -> str:
        return draw(trivia)

    def comma_at_end(parts: list[str]) -> str:
        return "," + some() if draw(switch) and parts else ""

    def written(value: Any) -> str:
        if isinstance(value, dict):
            parts = [
                f"{some()}{json.dumps(k)}{some()}:{some()}{written(v)}{some()}" for k, v in value.items()
            ]
            return "{" + (",".join(parts) or some()) + comma_at_end(parts) + "}"
        if isinstance(value, list):
            parts = [f"{some()}{written(v)}{some()}" for v in value]
            return "[" + (",".join(parts) or some()) + comma_at_end(parts) + "]"
        return json.dumps(value, ensure_ascii=draw(switch))

    return some() + written(tree) + some()


@st.composite
def configurations(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """What a configuration says, and its text; now and then our table is in it, and others in that."""
    tree = draw(st.dictionaries(names, trees, max_size=3))
    tree.pop("servers", None)
    if draw(st.booleans()):
        tree["servers"] = draw(st.dictionaries(names, trees, max_size=3))
    items = draw(st.permutations(list(tree.items())))
    return dict(items), draw(texts(dict(items)))


def remarks(text: str) -> list[str]:
    """The comments of a text, found in another way than by the code under test."""
    found = re.findall(r'"(?:[^"\\]|\\.)*"|(//[^\r\n]*|/\*.*?\*/)', text, re.DOTALL)
    return [comment for comment in found if comment]


def changed(before: str, after: str) -> tuple[str, str]:
    """Where two texts differ: what stands between the beginning and the end that both have."""
    shorter = min(len(before), len(after))
    start = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    end = next((n for n in range(shorter - start) if before[-1 - n] != after[-1 - n]), shorter - start)
    return before[start : len(before) - end], after[start : len(after) - end]


@given(st.data())
def test_whatever_is_written_is_read(data: st.DataObject) -> None:
    tree = data.draw(trees)
    assert jsonc.read(data.draw(texts(tree))).value == tree


@given(configurations())
def test_a_member_is_put_in_and_everything_else_stays_in_its_place(made: tuple[dict[str, Any], str]) -> None:
    tree, text = made
    after = jsonc.put(text, PATH, ENTRY)
    assert jsonc.read(after).value == {**tree, "servers": {**tree.get("servers", {}), "thenvoi": ENTRY}}
    assert remarks(after) == remarks(text)
    before, now = changed(text, after)
    assert before in now or not before.strip()
    assert re.fullmatch(r"(\s|//[^\n]*|(?>/\*.*?\*/))*", before, re.DOTALL)
    assert jsonc.put(after, PATH, ENTRY) == after


@given(configurations())
def test_what_was_put_in_is_taken_out_again_and_the_text_is_as_it_was(
    made: tuple[dict[str, Any], str],
) -> None:
    tree, text = made
    after = jsonc.remove(jsonc.put(text, PATH, ENTRY), PATH)
    assert jsonc.read(after).value == {**tree, "servers": tree.get("servers", {})}
    assert remarks(after) == remarks(text)
    if tree.get("servers"):
        assert after == text


@given(st.data())
def test_any_member_can_be_taken_out(data: st.DataObject) -> None:
    tree = data.draw(st.dictionaries(names, trees, min_size=1, max_size=4))
    text, name = data.draw(texts(tree)), data.draw(st.sampled_from([*tree]))
    after = jsonc.remove(text, [name])
    assert jsonc.read(after).value == {n: v for n, v in tree.items() if n != name}
    assert set(remarks(text)) >= set(remarks(after))
    assert jsonc.remove(after, [name]) == after


@given(configurations(), scalars)
def test_a_value_is_put_in_the_place_of_another(made: tuple[dict[str, Any], str], value: Any) -> None:
    _, text = made
    first = jsonc.put(text, ("servers", "a"), 99)
    after = jsonc.put(first, ("servers", "a"), value)
    assert changed(first, after)[1] in json.dumps(value, ensure_ascii=False)
    assert jsonc.read(after).value["servers"]["a"] == value


@given(st.text(alphabet='{}[]":,/* \n\r\\1aenull-.', max_size=30))
def test_what_is_read_as_strict_json_is_what_the_standard_library_reads(text: str) -> None:
    try:
        meant = json.loads(text)
    except ValueError:
        with pytest.raises(NotJson):
            jsonc.read(text, comments=False)
    else:
        assert jsonc.read(text, comments=False).value == meant


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n  "s": {\n    "n": 1\n  }\n}\n'),
        ("// mine\n", '// mine\n{\n  "s": {\n    "n": 1\n  }\n}\n'),
        ("{}", '{\n  "s": {\n    "n": 1\n  }\n}'),
        ('{"s": {}}\n', '{"s": {"n": 1}}\n'),
        ('{"s": {"a": 2}}', '{"s": {"a": 2, "n": 1}}'),
        ('{\n\t"s": {\n\t\t"a": 2\n\t}\n}\n', '{\n\t"s": {\n\t\t"a": 2,\n\t\t"n": 1\n\t}\n}\n'),
        (
            '{\r\n    "s": {\r\n        "a": 2 // two\r\n    }\r\n}',
            '{\r\n    "s": {\r\n        "a": 2, // two\r\n        "n": 1\r\n    }\r\n}',
        ),
        ('{\n  "s": {\n    "a": 2,\n  },\n}', '{\n  "s": {\n    "a": 2,\n    "n": 1,\n  },\n}'),
        ('{\n  "s": { // none\n  }\n}', '{\n  "s": { // none\n    "n": 1\n  }\n}'),
        ('{\n  "x": 0\n}', '{\n  "x": 0,\n  "s": {\n    "n": 1\n  }\n}'),
        ('{"s": {"n": 2}, "s": {"n": 3}}', '{"s": {"n": 2}, "s": {"n": 1}}'),
    ],
)
def test_the_layout_of_the_text_is_kept(before: str, after: str) -> None:
    assert jsonc.put(before, ("s", "n"), 1) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"s": {"n": 1}}', '{"s": {}}'),
        ('{"s": {"n": 1, "a": 2}}', '{"s": { "a": 2}}'),
        ('{"s": {"a": 2, "n": 1, "n": 3}}', '{"s": {"a": 2}}'),
        ('{\n  "s": {\n    "n": 1\n  }\n}', '{\n  "s": {}\n}'),
        ('{"s": { // ours\n"n": 1}}', '{"s": { // ours\n}}'),
        ('{"x": 1}', '{"x": 1}'),
        ("", ""),
    ],
)
def test_only_what_is_taken_out_goes(before: str, after: str) -> None:
    assert jsonc.remove(before, ("s", "n")) == after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1: a name in quotation marks is missing"),
        ('{\n"a" 1}', "line 2: a colon is missing"),
        ('{"a": 1 "b": 2}', "a comma or } is missing"),
        ("[1 2]", "a comma or ] is missing"),
        ('{"a": tru}', "a value is missing, or is none"),
        ('{"a": "\\x"}', "a value is missing, or is none"),
        ("{} {}", "there is something after the end"),
        ("[" * 101 + "]" * 101, "nested too deeply"),
        ('{"servers": []}', "servers is no object"),
        ("[]", "the whole is no object"),
    ],
)
def test_what_cannot_be_changed_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(NotJson, match=re.escape(said)):
        jsonc.put(text, PATH, ENTRY)


@pytest.mark.parametrize("text", ['{"a": 1,}', "[1,]", "{} // no", "/* no */{}"])
def test_strict_json_has_neither_comments_nor_commas_at_the_end(text: str) -> None:
    with pytest.raises(NotJson):
        jsonc.put(text, PATH, ENTRY, comments=False)
    assert jsonc.read(text)
