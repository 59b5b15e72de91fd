"""Schemathesis reads `/openapi.json` and tries everything it allows and forbids, one call after another.

No answer may be a 5xx, have a status or a shape that the document does not name, accept what it forbids, or
let anybody in without a key.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.wire.foreign import environment, python
from tests.world import World
from thenvoi_bridge.platform.administration import administer
from thenvoi_bridge.platform.app import opened
from thenvoi_bridge.platform.sample import seed

SCHEMATHESIS = "schemathesis==4.32.5"

AGENTS, OTHERS = ["--include-path-regex", "^/api/v1/agent/"], ["--exclude-path-regex", "^/api/v1/agent/"]
"""The operations that an agent's key opens, and the rest, which a person's does."""

RULED = {
    "/api/v1/agent/chats/{chat_id}/messages": 422,  # whoever is mentioned must be in the room
    "/api/v1/me/chats/{chat_id}/messages": 422,
    "/api/v1/agent/chats/{chat_id}/messages/{message_id}/processed": 422,  # an attempt must be open
    "/api/v1/agent/chats/{chat_id}/messages/{message_id}/failed": 422,
    "/api/v1/agent/contacts/add": 400,  # nobody is a contact of their own
    "/api/v1/me/contacts/requests": 422,
    "/api/v1/me/agents/{agent_id}": 422,  # a history is only deleted with force
    "/api/v1/me/memories/{memory_id}/restore": 422,  # it must be archived
}
"""Where a request that fits its schema may be refused for what is so on the platform, and how."""


HOOKS = """
import re
from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key", "")
    if re.fullmatch("[!-~]([ -~]{0,253}[!-~])?", key):
        case.headers["Idempotency-Key"] = uuid4().hex
"""
"""A key that is good becomes one of its own: Schemathesis thinks of a few, and a key is for one request."""


def configuration(key: str, examples: int, report: Path) -> str:
    """What Schemathesis is told; the key stands in a file and in no command line."""
    ruled = "".join(
        f"""
[[operations]]
include-path = "{path}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 429, {status}]
"""
        for path, status in RULED.items()
    )
    return f"""
continue-on-failure = true
hooks = "unlike"
[generation]
max-examples = {examples}
[auth.openapi.ApiKey]
api_key = "{key}"
# The usual ones, and those for what is too large.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429, 431]
[reports.json]
path = "{report}"
# Answers 404 on purpose, and says what to use instead.
[[operations]]
include-path = "/api/v1/me/agents"
[operations.checks.unsupported_method]
enabled = false
# Besides the room that was just made, the somebody to bring into it must be there.
[[operations]]
include-path-regex = "/participants$"
[operations.checks.ensure_resource_availability]
enabled = false
# The older spelling of supersede: what is superseded can still be read.
[[operations]]
include-path = "/api/v1/agent/memories/{{memory_id}}"
[operations.checks.use_after_free]
enabled = false
{ruled}"""


async def fuzzed(here: World, folder: Path, key: str, operations: list[str], examples: int) -> dict[str, Any]:
    """Schemathesis' report on one half of the API."""
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(configuration(key, examples, report))
    (folder / "unlike.py").write_text(HOOKS)
    run = [*python(SCHEMATHESIS), "-m", "schemathesis.cli", "--config-file", str(settings), "run"]
    url = f"{here.url}/openapi.json"
    command = [*run, url, *operations, "--no-color", "--warnings", "off"]
    done = await anyio.run_process(command, cwd=folder, env=environment(), check=False)
    assert report.exists(), done.stdout.decode()
    found: dict[str, Any] = json.loads(report.read_text())
    assert (found["failures"], found["errors"], done.returncode) == ([], [], 0), done.stdout.decode()[
        -20_000:
    ]
    return found


async def assaulted(here: World, folder: Path, examples: int) -> tuple[int, int]:
    """How many operations were tried with how many requests."""
    async with opened(here.folder) as (db, keys):
        somebody = {one["handle"]: one["api_key"] for one in await administer(db, keys, seed)}
    agents = await fuzzed(here, folder, somebody["alice/scout"], AGENTS, examples)
    others = await fuzzed(here, folder, somebody["alice"], OTHERS, examples)
    for report in (agents, others):
        assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    return (
        agents["operations"]["tested"] + others["operations"]["tested"],
        agents["test_cases"]["generated"] + others["test_cases"]["generated"],
    )


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_five_thousand_requests_find_nothing_undocumented(here: World, tmp_path: Path) -> None:
    operations, requests = await assaulted(here, tmp_path, examples=60)
    assert operations == 62
    assert requests >= 5_000


@pytest.mark.endurance
@pytest.mark.timeout(3600)
async def test_fifty_thousand_requests_find_nothing_undocumented(here: World, tmp_path: Path) -> None:
    operations, requests = await assaulted(here, tmp_path, examples=850)
    assert operations == 62
    assert requests >= 50_000
