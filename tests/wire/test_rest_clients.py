"""The published REST clients, unchanged, against this platform: every operation, every error they declare."""

import json
import re
from typing import Any

import anyio
import pytest

from tests.wire.foreign import ROOT, environment, python
from tests.world import World

ERRORS = {
    400: "BadRequestError 400 bad_request",
    401: "UnauthorizedError 401 unauthorized",
    403: "ForbiddenError 403 forbidden",
    404: "NotFoundError 404 not_found",
    409: "ConflictError 409 conflict",
    422: "UnprocessableEntityError 422 (validation_error|mentions_required|execution_history_exists)",
}
"""What the clients make of the statuses that they declare for an operation."""

UNDECLARED = {
    204: "ApiError 204 None|success",  # no client declares it, only the successor's can read it
    409: "ApiError 409 conflict",
}

UNREACHABLE = {("get_my_profile", 404), ("update_my_profile", 404)}
"""Whoever has a key has a profile."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("package", "module", "size"),
    [
        pytest.param("thenvoi-client-rest==0.0.4", "thenvoi_rest", 58, id="0.0.4"),
        pytest.param("thenvoi-client-rest==0.0.7", "thenvoi_rest", 58, id="0.0.7"),
        # The successor's has 15 operations more, and repeats what was refused with 409.
        pytest.param("band-client-rest==0.0.51", "band_rest", 55, id="band", marks=pytest.mark.thorough),
    ],
)
async def test_a_published_client_reads_every_answer_and_every_declared_error(
    here: World, package: str, module: str, size: int
) -> None:
    declared, *tried = await walked(here, package, module)
    assert [one for one in tried if not re.fullmatch(expected(one, declared), one["got"])] == []
    operations = {one["operation"] for one in tried}
    assert len(operations) == size
    assert size == len(declared) or module == "band_rest"
    wanted = {(name, status) for name in operations for status in (*declared[name], "success")}
    missed = wanted - {(one["operation"], one["wanted"]) for one in tried}
    assert {(name, status) for name, status in missed if status != 503} == UNREACHABLE  # nothing is down


async def walked(here: World, package: str, module: str) -> list[dict[str, Any]]:
    """What `rest_walk` says."""
    alice, bob = await here.person("Alice Doe"), await here.person("Bob Roe")
    agents = {"scout": await here.agent(alice, "Scout"), "muse": await here.agent(alice, "Muse")}
    people = {"alice": alice, "bob": bob, **agents, "rover": await here.agent(bob, "Rover")}
    shown = {name: {"id": one.id, "handle": one.handle, "key": one.key} for name, one in people.items()}
    walk = [*python(package), "-m", "tests.wire.rest_walk", module, here.url]
    env = environment(PEOPLE=json.dumps(shown))
    done = await anyio.run_process(walk, cwd=ROOT, env=env, stderr=None, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected(one: dict[str, Any], declared: dict[str, list[int]]) -> str:
    """A pattern of what should have come of a call."""
    wanted = one["wanted"]
    if wanted == "success":
        return "success"
    return ERRORS[wanted] if wanted in declared[one["operation"]] else UNDECLARED[wanted]
