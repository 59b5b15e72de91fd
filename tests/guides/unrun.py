"""What stands in the guides and no test runs, why, and what is looked at instead."""

from __future__ import annotations

from tests.guides.reading import Piece

UNRUN = {
    "pip install uv": "These tests are run with it: .ci/run begins so.",
    "uv run pytest": "These are the tests: .ci/run runs them. test_accepted.py has each selection collected.",
    "uv run python -m bench": "A quarter of an hour. test_accepted.py has its parser read the arguments.",
    "docker ": "No engine for containers. tests/packages/test_containers_guide.py: Compose knows its options "
    "and reads compose.yaml, and our parser takes what is run in a container.",
    "/plugin ": "Typed into Claude Code, 235 MB: tests/packages/test_claude_plugin.py does it in "
    "the endurance tier. test_every_command.py compares the names.",
    "claude ": "Claude Code needs an account. test_hosts.py compares the name of the server.",
    'eval "$(_THENVOI_BRIDGE_COMPLETE=zsh': "Not everybody has zsh. tests/test_completion.py has its script.",
    "_THENVOI_BRIDGE_COMPLETE=fish": "Not everybody has fish. tests/test_completion.py has its script.",
}
"""How a command begins, and the reason."""


def is_unrun(piece: Piece) -> bool:
    """Whether a piece is in the list."""
    return piece.text.startswith((*UNRUN,))
