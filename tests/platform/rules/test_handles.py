import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thenvoi_bridge.platform.rules.handles import agent_handle, free_handle, normal_form, slug, user_handle


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("Scout", "scout"),
        ("Data  Analyst", "data-analyst"),
        ("ACME: Bot #7!", "acme-bot-7"),
        ("--a--b--", "a-b"),
        ("v1.2_beta", "v1.2_beta"),
        ("..hidden..", "hidden"),
        ("well:.", "well"),
        ("a/b", "a-b"),
        ("Jürgen Groß", "j-rgen-gross"),
        ("日本", "x"),
        ("", "x"),
        (" ", "x"),
    ],
)
def test_a_name_becomes_what_may_stand_in_a_handle(text: str, handle: str) -> None:
    assert slug(text) == handle


@given(st.text())
def test_a_slug_has_only_allowed_characters_and_is_never_empty(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9]|[a-z0-9][a-z0-9_.-]*[a-z0-9]", slug(text))


@given(st.text())
def test_a_slug_stays_as_it_is(text: str) -> None:
    assert slug(slug(text)) == slug(text)


@pytest.mark.parametrize(
    ("email", "handle"),
    [("Alice.Doe@acme.example", "alice.doe"), ("bob+news@x.example", "bob-news"), ("@x.example", "x")],
)
def test_a_person_is_called_what_stands_before_the_at_sign(email: str, handle: str) -> None:
    assert user_handle(email) == handle


def test_an_agent_is_called_after_its_owner_and_its_name() -> None:
    assert agent_handle("alice", "Data Analyst") == "alice/data-analyst"


@pytest.mark.parametrize(
    ("taken", "handle"),
    [
        (set[str](), "alice"),
        ({"alice"}, "alice-2"),
        ({"alice", "alice-2", "alice-4"}, "alice-3"),
        ({"alice-2"}, "alice"),
    ],
)
def test_a_taken_handle_gets_the_first_free_number(taken: set[str], handle: str) -> None:
    assert free_handle("alice", taken.__contains__) == handle


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("alice", "alice"),
        ("@alice", "alice"),
        (" @Alice/Data-Analyst\n", "alice/data-analyst"),
        ("@@alice", "@alice"),
        ("@", ""),
        ("", ""),
    ],
)
def test_a_handle_is_kept_without_its_at_sign_in_lower_case(written: str, kept: str) -> None:
    assert normal_form(written) == kept
