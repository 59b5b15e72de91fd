"""Settings become an endpoint and a choice of tools, without asking anybody."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from thenvoi_bridge.bridge.endpoint import Endpoint, Side
from thenvoi_bridge.bridge.profiles import USUAL, Choice
from thenvoi_bridge.hosting.choosing import check_choice, choice
from thenvoi_bridge.hosting.local import LocalPlatform
from thenvoi_bridge.hosting.locating import locate, sides
from thenvoi_bridge.settings import BadSetting, Settings, read

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


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, USUAL),
        ({"THENVOI_TOOLSETS": "contacts, memories"}, Choice(toolsets=("contacts", "memories"))),
        ({"THENVOI_TOOLSETS": ""}, USUAL),
        ({"THENVOI_TOOLS": "get_me,,health,"}, Choice(tools=("get_me", "health"))),
        ({"THENVOI_EXCLUDE_TOOLS": "reply"}, Choice(exclude_tools=("reply",))),
        ({"THENVOI_READ_ONLY": "yes"}, Choice(read_only=True)),
    ],
    ids=str,
)
def test_settings_choose_the_tools(environ: dict[str, str], expected: Choice) -> None:
    assert choice(read({}, environ)) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"toolsets": "contact"}, "THENVOI_TOOLSETS: there is no contact; did you mean contacts?"),
        ({"tools": "sent_event"}, "THENVOI_TOOLS: there is no sent_event; did you mean send_event?"),
        ({"exclude_tools": "repli"}, "THENVOI_EXCLUDE_TOOLS: there is no repli; did you mean reply?"),
        ({"tools": "get_my_chat"}, "THENVOI_TOOLS: get_my_chat needs a person's key, and there is none"),
    ],
    ids=str,
)
def test_tools_that_cannot_be_had_are_refused_with_the_name_of_the_variable(
    given: dict[str, str], said: str
) -> None:
    check_choice(Settings())
    with pytest.raises(BadSetting) as caught:
        check_choice(Settings(**given))  # type: ignore[arg-type]
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tools", "sent_event"], "THENVOI_TOOLS: there is no sent_event; did you mean send_event?"),
        (["--chat", "no/room"], "THENVOI_CHAT must be the id of a room"),
    ],
    ids=str,
)
def test_a_process_that_cannot_be_as_told_ends_with_a_sentence_and_code_2(
    tmp_path: Path, flags: list[str], said: str
) -> None:
    command = [sys.executable, "-m", "thenvoi_bridge", "--state-dir", str(tmp_path), *flags]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"Error: {said}\n"
    assert done.stdout == ""
