"""`python -m tests.inbox.simulation --messages N --seed S [--no-keys]`: simulate, and print what happened."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace

from tests.inbox.simulation.campaign import COMPUTERS, KEYS, KINDS, NO_KEYS, Outcome, campaign
from tests.inbox.simulation.world import Settings


def main() -> None:
    """Simulate; the exit code says whether all went well."""
    asked = _asked()
    outcome = campaign(asked.messages, asked.seed, _settings(asked))
    for name, number in _figures(outcome):
        print(f"{name:<44}{number:>12,}")
    print(outcome.complaint())
    sys.exit(bool(outcome.wrong))


def _asked() -> Namespace:
    parser = ArgumentParser("python -m tests.inbox.simulation", description="Simulate the inbox protocol.")
    parser.add_argument("--messages", type=int, default=20_000, help="rounded up to whole worlds")
    parser.add_argument("--seed", type=int, default=0, help="of the first world; those after it count on")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-keys", action="store_true", help="a platform without Idempotency-Key")
    which.add_argument("--computers", action="store_true", help="an agent on two computers")
    parser.add_argument("--crash-rate", type=float, help="share of steps at which a process is killed")
    parser.add_argument("--latest", type=float, help="seconds that a request may arrive late")
    return parser.parse_args()


def _settings(asked: Namespace) -> Settings:
    settings = NO_KEYS if asked.no_keys else COMPUTERS if asked.computers else KEYS
    if asked.crash_rate is not None:
        settings = replace(settings, accidents=replace(settings.accidents, killed=asked.crash_rate))
    if asked.latest is not None:
        settings = replace(settings, fates=replace(settings.fates, latest=asked.latest))
    return settings


def _figures(outcome: Outcome) -> list[tuple[str, int]]:
    steps = [(f"{old} to {new}", many) for (old, new), many in sorted(outcome.steps.items()) if old != new]
    return [
        ("messages", outcome.messages),
        ("seconds", round(outcome.seconds)),
        *((kind.replace("_", " "), outcome.violations(kind)) for kind in KINDS),
        *sorted(outcome.tally.items()),
        *steps,
    ]


if __name__ == "__main__":
    main()
