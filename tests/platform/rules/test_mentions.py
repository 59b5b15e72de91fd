"""Whom a message is for, and how its text is kept."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thenvoi_bridge.contract.errors import Unprocessable
from thenvoi_bridge.contract.messages import Mention
from thenvoi_bridge.platform.rules.mentions import Mentionable, resolve, stored_form

ALICE = Mentionable("A", "User", "alice", "Alice Doe")
SCOUT = Mentionable("S", "Agent", "alice/scout", "Scout")
AL = Mentionable("L", "User", "al", "Al")
GROSS = Mentionable("G", "User", "groß", "Jürgen Groß")
GORE = Mentionable("O", "User", "gore", "Al Gore")
ROOM = {one.id: one for one in (ALICE, SCOUT, AL, GROSS)}


def of(*ids: str) -> list[Mention]:
    return [Mention(id=id) for id in ids]


@pytest.mark.parametrize(
    ("mentioned", "code"),
    [
        ([], "mentions_required"),
        (["me"], "cannot_mention_self"),
        (["me", "me"], "cannot_mention_self"),
        (["me", "S", "S", "nobody"], "cannot_mention_self"),
        (["S", "S"], "duplicate_mentions"),
        (["S", "nobody", "S"], "duplicate_mentions"),
        (["nobody", "nobody"], "duplicate_mentions"),
        (["nobody"], "mentioned_participant_not_in_room"),
        (["S", "nobody"], "mentioned_participant_not_in_room"),
        (["s"], "mentioned_participant_not_in_room"),
    ],
)
def test_of_several_faults_the_first_of_the_list_is_named(mentioned: list[str], code: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        resolve("me", of(*mentioned), ROOM)
    assert refused.value.code == code
    assert list(refused.value.details) == ["/message/mentions"]


def test_the_recipients_are_in_the_order_of_the_mentions() -> None:
    assert resolve("me", of("S", "A", "L"), ROOM) == [SCOUT, ALICE, AL]


@pytest.mark.parametrize(
    ("content", "to", "stored"),
    [
        ("@alice/scout check the logs", [SCOUT], "@[[S]] check the logs"),
        ("@Scout check the logs", [SCOUT], "@[[S]] check the logs"),
        ("check the logs", [SCOUT], "@[[S]] check the logs"),
        ("check the logs", [SCOUT, ALICE], "@[[S]] @[[A]] check the logs"),
        ("ask @ALICE/Scout and @alice doe", [SCOUT, ALICE], "ask @[[S]] and @[[A]]"),
        ("@alice and @alice again", [ALICE], "@[[A]] and @[[A]] again"),
        ("@alice, @alice/scout.", [ALICE, SCOUT], "@[[A]], @[[S]]."),
        ("@al and @alice", [AL, ALICE], "@[[L]] and @[[A]]"),
        ("@Al Gore and @Al", [AL, GORE], "@[[O]] and @[[L]]"),
        ("@alfred is not @al", [AL], "@alfred is not @[[L]]"),
        ("@al's @al- @al", [AL], "@[[L]]'s @[[L]]- @[[L]]"),
        ("@al.fred @al-ice @al_ @al/x @al9", [AL], "@[[L]] @al.fred @al-ice @al_ @al/x @al9"),
        ("@alice/scouting", [SCOUT], "@[[S]] @alice/scouting"),
        ("@scout", [ALICE], "@[[A]] @scout"),
        ("already @[[S]] there", [SCOUT], "already @[[S]] there"),
        ("@@alice", [ALICE], "@@[[A]]"),
        ("@", [ALICE], "@[[A]] @"),
        ("danke @Jürgen Groß!", [GROSS], "danke @[[G]]!"),
        ("@GROß ﬁx @groß", [GROSS], "@[[G]] ﬁx @[[G]]"),
    ],
)
def test_a_written_mention_becomes_an_id_and_an_unwritten_one_goes_in_front(
    content: str, to: list[Mentionable], stored: str
) -> None:
    assert stored_form(content, of(*(one.id for one in to)), to) == stored


@pytest.mark.parametrize(
    ("mention", "stored"),
    [
        (Mention(id="S", handle="helper"), "@[[S]] and @the boss"),
        (Mention(id="S", handle="@helper"), "@[[S]] and @the boss"),
        (Mention(id="S", name="the boss"), "@helper and @[[S]]"),
        (Mention(id="S", handle="helper", name="the boss"), "@[[S]] and @[[S]]"),
        (Mention(id="S", handle="@", name=""), "@[[S]] @helper and @the boss"),
    ],
)
def test_the_sender_may_spell_a_mention_in_its_own_way(mention: Mention, stored: str) -> None:
    assert stored_form("@helper and @the boss", [mention], [SCOUT]) == stored


def test_a_handle_wins_over_a_name_that_is_spelt_alike() -> None:
    named_like_it = Mentionable("N", "User", "nobody", "alice")
    for to in ([ALICE, named_like_it], [named_like_it, ALICE]):
        stored = stored_form("@alice", of(*(one.id for one in to)), to)
        assert stored == "@[[N]] @[[A]]"


GROUPS = st.lists(st.sampled_from([ALICE, SCOUT, AL, GROSS]), unique=True, min_size=1)


@given(st.text(), GROUPS)
@example("@Alice Doe@al", [ALICE, AL])
@example("@[[A]", [ALICE])
def test_everybody_mentioned_is_in_the_stored_text(content: str, to: list[Mentionable]) -> None:
    stored = stored_form(content, of(*(one.id for one in to)), to)
    assert all(f"@[[{one.id}]]" in stored for one in to)


SPELT = {"@alice": "A", "@Al": "L", "@AL": "L", "@Scout": "S", "@alice/scout": "S", "@ALICE/Scout": "S"}
OTHER = st.text().filter(lambda text: "@" not in text and "doe" not in text.casefold())


@given(st.lists(st.sampled_from(sorted(SPELT)) | OTHER, min_size=1), GROUPS)
def test_nothing_but_the_mentions_changes(words: list[str], to: list[Mentionable]) -> None:
    mentioned = [one.id for one in to]
    ids = [SPELT[word] if SPELT.get(word) in mentioned else None for word in words]
    kept = [f"@[[{id}]]" if id else word for id, word in zip(ids, words, strict=True)]
    front = [f"@[[{id}]]" for id in mentioned if id not in ids]
    assert stored_form(" ".join(words), of(*mentioned), to) == " ".join(front + kept)


CONTENT = 128 * 1024


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("@" * CONTENT, "x" * CONTENT),
        ("@" * CONTENT, "@" * 60_000 + "x" + "@" * 60_000),
        ("@a" * (CONTENT // 2), "a@" * 60_000 + "x"),
        ("@alice" * (CONTENT // 6), None),
        ("@al" * (CONTENT // 3), "l" * 900_000),
        ("@ß" * (CONTENT // 3), "ß" * CONTENT),
        ("[[" * (CONTENT // 2), "@[[" * 1000),
    ],
    ids=["ats", "almost", "nested", "glued", "long", "growing", "brackets"],
)
def test_a_text_made_to_be_slow_is_not(content: str, name: str | None) -> None:
    crowd = [Mentionable(f"{n:036}", "Agent", f"alice/agent-{n}", f"Agent {n}") for n in range(20)]
    to = [ALICE, *crowd]
    given = [Mention(id=one.id, name=name) for one in to]
    assert stored_form(content, given, to).count("@[[") >= len(to)
