"""Our SQL as Postgres wants it."""

import pytest

from thenvoi_bridge.storage.dialect import definitions, placeholders


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a = ? AND b IN (?, ?)", "a = %s AND b IN (%s, %s)"),
        ("a = 'why?' AND b = ?", "a = 'why?' AND b = %s"),
        ("a = 'it''s?' AND b = ?", "a = 'it''s?' AND b = %s"),
        ('"what?" = ?', '"what?" = %s'),
        ('"a""b?" = ?', '"a""b?" = %s'),
        ("a % 2 = ?", "a %% 2 = %s"),
        ("a LIKE '%x%' AND b = ?", "a LIKE '%%x%%' AND b = %s"),
        ("a = ? -- or ? is it?\nAND b = ?", "a = %s -- or ? is it?\nAND b = %s"),
        ("a /* why?\n? */ = ?", "a /* why?\n? */ = %s"),
        ("a = '--' AND b = ?", "a = '--' AND b = %s"),
    ],
)
def test_only_placeholders_become_placeholders(ours: str, theirs: str) -> None:
    assert placeholders(ours) == theirs.encode()


def test_columns_of_text_sort_by_code_point_and_nothing_else_is_changed() -> None:
    ours = "CREATE TABLE a (b TEXT NOT NULL DEFAULT 'TEXT', TEXTURE INTEGER); -- TEXT of ?\nSELECT '100%?'"
    assert definitions(ours).decode() == ours.replace("b TEXT", 'b TEXT COLLATE "C"')
