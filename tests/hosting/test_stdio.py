"""Settings become an endpoint and a choice of tools, without asking anybody."""

from pathlib import Path
from typing import Any

import pytest

from thenvoi_bridge.bridge.endpoint import Endpoint, Side
from thenvoi_bridge.hosting.local import LocalPlatform
from thenvoi_bridge.hosting.stdio import locate, sides
from thenvoi_bridge.settings import Settings

AGENT, PERSON, LEGACY = "thnv_a_id_secret", "thnv_u_id_secret", "thnv_0123456789_secret"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("agent",)),
        ({"api_key": AGENT}, ("agent",)),
        ({"api_key": PERSON}, ("human",)),
        ({"api_key": LEGACY}, ("agent", "human")),
        ({"agent_key": "x"}, ("agent",)),
        ({"user_key": "x"}, ("human",)),
        ({"agent_key": "x", "user_key": "y"}, ("agent", "human")),
        ({"api_key": AGENT, "user_key": "y"}, ("agent", "human")),
        ({"api_key": PERSON, "local": True}, ("agent",)),
    ],
    ids=str,
)
def test_the_keys_say_whose_tools_there_are(given: dict[str, Any], expected: tuple[Side, ...]) -> None:
    assert sides(Settings(**given)) == expected


@pytest.mark.parametrize(
    ("given", "agent", "person"),
    [
        ({"api_key": AGENT}, AGENT, None),
        ({"api_key": PERSON}, None, PERSON),
        ({"api_key": LEGACY}, LEGACY, LEGACY),
        ({"agent_key": "x", "user_key": "y"}, "x", "y"),
        ({"api_key": AGENT, "user_key": "y"}, AGENT, "y"),
        ({"api_key": PERSON, "agent_key": "x"}, "x", PERSON),
        ({"api_key": LEGACY, "agent_key": "x"}, "x", LEGACY),
        ({"api_key": AGENT, "agent_key": "x"}, "x", None),
    ],
    ids=str,
)
async def test_every_key_goes_where_it_belongs_and_one_for_a_side_wins(
    given: dict[str, Any], agent: str | None, person: str | None
) -> None:
    settings = Settings(base_url="https://thenvoi.example/", ws_url="wss://ws.example", **given)
    assert await locate(settings)("Desk") == Endpoint(
        base_url="https://thenvoi.example",
        ws_url="wss://ws.example",
        agent_key=agent,
        user_key=person,
        local=False,
    )


@pytest.mark.parametrize("given", [{}, {"local": True, "api_key": AGENT}], ids=str)
def test_without_a_key_or_when_asked_for_it_is_the_platform_on_this_computer(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    found = locate(Settings(state_dir=tmp_path, **given))
    assert isinstance(getattr(found, "__self__", None), LocalPlatform)
    assert list(tmp_path.iterdir()) == []  # it is neither looked for nor started before a host has come
