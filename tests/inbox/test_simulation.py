"""Simulated bridges over a simulated platform: the inbox's own functions, and all that can go wrong there.

A failure names its seed: `python -m tests.inbox.simulation --messages 200 --seed SEED` shows the same again,
with `--no-keys` or `--computers` as the test says.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.faults.history import assert_happened
from tests.inbox.simulation.campaign import (
    COMPUTERS,
    KEYS,
    KINDS,
    NO_KEYS,
    Outcome,
    campaign,
    verdicts,
)
from tests.inbox.simulation.memory import Memory
from tests.inbox.simulation.process import Accidents, Conduct
from tests.inbox.simulation.wire import Fates
from tests.inbox.simulation.world import Settings, World
from thenvoi_bridge.inbox.core import NEXT, State
from thenvoi_bridge.inbox.rows import Rows
from thenvoi_bridge.inbox.table import Table
from thenvoi_bridge.storage.migrate import migrate
from thenvoi_bridge.storage.sqlite import open_sqlite
from thenvoi_bridge.storage.sqlite_tx import SqliteTx

BAD_WIRE = Fates(unreachable=0.35, limited=0.05, dropped=0.05, unanswered=0.2, late=0.02)
STOPPING = Accidents(frozen=0.005)
FAILING = replace(KEYS, failing=0.4, cares=False, unpushed=0.3)
"""Hosts fail often, and nobody looks after what they fail at."""

SETTINGS = {
    "keys": KEYS,
    "bad wire": replace(KEYS, fates=BAD_WIRE),
    "failing": replace(FAILING, conduct=Conduct(head=4)),
    "no keys": NO_KEYS,
    "computers": COMPUTERS,
}
ALWAYS = {
    "kills": 20,
    "requests unanswered": 20,
    "requests late": 5,
    "adoptions": 5,
    "acknowledged again": 20,
}
"""What has to happen in a thousand messages; where it does not, they prove nothing."""
HAPPENS = {
    "keys": {**ALWAYS, "duplicates found by key": 20, "late answers refused": 1},
    "bad wire": {**ALWAYS, "duplicates found by key": 50, "answers refused": 5},
    "failing": {**ALWAYS, "heads of several pages": 50},
    "no keys": {
        **ALWAYS,
        "settles": 20,
        "answers found by looking": 10,
        "answers that waited their turn": 10,
    },
    "computers": {**ALWAYS, "keys refused for another body": 20, "outcomes fenced": 20, "stood by": 10},
}


TWICE = {"no keys": 1 / 20_000}
"""The share of messages that may be answered twice.

Without keys that cannot be excluded: a process that is stopped after the platform refused a connection goes
on where it was when it is continued, and sends what another one has long sent. Everywhere else it is none.
"""


def shown(which: str, messages: int, seed: int = 1) -> Outcome:
    """What came of a campaign in which nothing was lost, doubled or overtaken, though enough went wrong."""
    outcome = campaign(messages, seed, SETTINGS[which])
    wrong = {kind: many for kind in KINDS if (many := outcome.violations(kind))}
    assert wrong.pop("answered_twice", 0) <= messages * TWICE.get(which, 0), f"{which}: {outcome.complaint()}"
    assert not wrong, f"{which}: {outcome.complaint()}"
    counts = outcome.tally + Counter({"acknowledged again": outcome.steps[State.DONE, State.ACKING]})
    assert_happened(counts, {kind: -(-least * messages // 1000) for kind, least in HAPPENS[which].items()})
    return outcome


# A right bridge


@pytest.mark.parametrize(
    ("which", "messages"),
    [("keys", 1000), ("bad wire", 400), ("failing", 200), ("no keys", 400), ("computers", 400)],
)
def test_each_message_is_answered_once_and_in_order_whatever_goes_wrong(which: str, messages: int) -> None:
    shown(which, messages)


@pytest.mark.thorough
@pytest.mark.parametrize("which", SETTINGS)
def test_so_it_is_with_thousands_of_messages(which: str) -> None:
    shown(which, 20_000)


@pytest.mark.endurance
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("which", "messages"), [("keys", 1_000_000), ("no keys", 200_000)])
def test_so_it_is_with_a_million_messages(which: str, messages: int) -> None:
    outcome = shown(which, messages)
    print(f"{messages:,} messages, {outcome.tally['kills']:,} kills, {outcome.seconds:.0f} s")


@pytest.mark.thorough
def test_messages_go_every_way_there_is_but_those_that_end_one_unanswered() -> None:
    ways = {(old, new) for ways in NEXT.values() for old, new in ways.items()}
    gone = {way for settings in SETTINGS.values() for way in campaign(4000, 1, settings).steps}
    unanswered = {(State.READY, State.ACKING), (State.DEAD, State.ACKING)}
    seldom = {(State.READY, State.ANSWERING)}  # a call that is made again by a new process, after the lease
    assert ways - unanswered - seldom <= gone <= ways


def test_one_seed_is_one_schedule() -> None:
    one, other = (World(7, KEYS).run() for _ in range(2))
    assert (one.tally, one.steps) == (other.tally, other.steps)
    assert one.tally != World(8, KEYS).run().tally


# Wrong bridges, in which a simulation has to find what is wrong

IN_HASTE = replace(KEYS, pace=60.0, more=0.7, unpushed=0.5)
"""Much is written at a time, while the hosts have nothing else to do, and many pushes get lost."""

WRONG = [
    ("inversions", KEYS, Conduct(asks_for_the_head=False)),
    ("inversions", KEYS, Conduct(leases_where_it_asked=False, leases_what_was_listed=False)),
    ("inversions", IN_HASTE, Conduct(leases_what_was_listed=False)),
    ("unended", FAILING, Conduct(looks_further=False)),
    ("inversions", FAILING, Conduct(looks_past_the_dead_only=False, head=2)),
    ("inversions", NO_KEYS, Conduct(answers_in_turn=False)),
    ("answered_twice", KEYS, Conduct(knows_when_it_lost=False)),
    ("answered_twice", KEYS, Conduct(keeps_keys=False)),
    ("answered_twice", replace(KEYS, fates=BAD_WIRE), Conduct(remembers_doubt=False)),
    ("answered_twice", NO_KEYS, Conduct(settles=False)),
    ("answered_twice", replace(NO_KEYS, accidents=STOPPING), Conduct(sends_what_it_holds=False)),
    ("lost", KEYS, Conduct(tells_afterwards=False)),
    ("unprocessed", KEYS, Conduct(reacknowledges=False)),
]
"""What each mistake leads to, and where."""


def mistakes(conduct: Conduct) -> list[str]:
    return [field.name for field in fields(Conduct) if not getattr(conduct, field.name)]


@pytest.mark.parametrize(
    ("kind", "settings", "conduct"), WRONG, ids=[" ".join(mistakes(wrong[2])) for wrong in WRONG]
)
def test_a_bridge_with_a_mistake_is_found_out(kind: str, settings: Settings, conduct: Conduct) -> None:
    worlds = verdicts(20_000, 1, replace(settings, conduct=conduct))
    assert any(getattr(verdict.report, kind, verdict.unended) for _, verdict in worlds)


def test_every_mistake_there_is_a_word_for_is_made() -> None:
    made = {mistake for _, _, conduct in WRONG for mistake in mistakes(conduct)}
    assert made == {field.name for field in fields(Conduct)} - {"head"}


# The rows


class Both(Memory):
    """Rows in memory and in SQLite at the same time, which have to agree in everything."""

    asked = {name for name in vars(Rows) if not name.startswith("_")} | {"said"}
    unordered = frozenset({"held", "waiting"})
    seldom = frozenset({"heard", "oldest", "said"})

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        self.agreed: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        mine = super().__getattribute__(name)
        if name not in Both.asked:
            return mine

        def both(*args: Any) -> Any:
            given = [[*arg] if isinstance(arg, Iterator) else arg for arg in args]
            answers = mine(*given), getattr(self.table, name)(*given)
            one, other = map(_sorted, answers) if name in Both.unordered else answers
            assert one == other, name
            self.agreed[name] += 1
            return answers[0]

        return both


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: item.id)


@pytest.mark.parametrize("which", SETTINGS)
async def test_rows_in_memory_are_those_in_sqlite(which: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS[which], messages=60)
    rows = [Both(await table(tmp_path / f"{nth}.db")) for nth in range(settings.computers)]
    left = iter(rows)
    assert World(3, settings, lambda: next(left)).run().clean
    for both in rows:
        assert {*both.agreed} >= Both.asked - Both.seldom


async def table(path: Path) -> Table:
    """The rows in a new file, in one transaction that never ends."""
    db = await open_sqlite(path)
    await migrate(db, "thenvoi_bridge.inbox.migrations")
    await db.close()
    tx = SqliteTx(apsw.Connection(str(path)))
    tx.script("BEGIN")
    return Table(tx)
