"""`thenvoi-bridge doctor`: it finds what is wrong, says what helps, and takes nothing from anybody."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from tests.bridge.desk import live
from tests.inbox.mentions import mention
from tests.system.shell import fill, folder_of, opened
from tests.system.test_local import local_host, platforms, state  # noqa: F401 - a fixture
from tests.world import Somebody, World, say, world
from thenvoi_bridge.bridge.hosts import RUNGS, host_of
from thenvoi_bridge.inbox.sight import Sight

Said = list[dict[str, Any]]
MODULE = [sys.executable, "-W", "error", "-m", "thenvoi_bridge"]


@dataclass(frozen=True)
class Patient:
    """An account with a home and a state folder of its own, where nothing of ours is set but `env`."""

    home: Path
    env: dict[str, str]

    @property
    def state(self) -> Path:
        return self.home / "state"

    async def doctor(self, *arguments: str, flags: Sequence[str] = (), **more: str) -> tuple[int, str]:
        """`thenvoi-bridge doctor`, as somebody types it; its exit code and what it prints."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("THENVOI_")}
        env |= {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config")}
        env |= {"THENVOI_STATE_DIR": str(self.state), "PYTHONIOENCODING": "utf-8", **self.env, **more}
        with anyio.fail_after(60):
            done = await anyio.run_process([*MODULE, *flags, "doctor", *arguments], env=env, check=False)
        assert done.stderr == b""
        assert "hush" not in done.stdout.decode()
        return done.returncode, done.stdout.decode()

    async def findings(self, **more: str) -> tuple[int, Said]:
        code, out = await self.doctor("--json", **more)
        return code, [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    (tmp_path / "home").mkdir()
    return Patient(tmp_path / "home", {})


@pytest.fixture
async def scout(here: World) -> Somebody:
    return await here.agent(await here.person(), "Scout")


def of(findings: Said, about: str) -> Said:
    return [finding for finding in findings if finding["about"] == about]


def sentence(findings: Said, about: str) -> str:
    (finding,) = of(findings, about)
    said: str = finding["said"]
    return said


async def test_where_all_is_well_nothing_is_an_error(patient: Patient, here: World, scout: Somebody) -> None:
    code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
    assert code == 0
    assert {finding["level"] for finding in found} == {"ok"}
    assert all(finding.keys() >= {"level", "about", "said", "cure"} for finding in found)
    assert "THENVOI_API_KEY holds an agent's key." in [finding["said"] for finding in of(found, "key")]
    assert f"The platform takes THENVOI_API_KEY: it is that of agent {scout.handle}." in [
        finding["said"] for finding in of(found, "key")
    ]
    assert sentence(found, "platform").startswith(f"The platform at {here.url} serves: version ")
    assert sentence(found, "clock").startswith("The clocks agree")
    assert sentence(found, "socket") == "No bridge runs here; the platform's WebSocket answers."
    assert not patient.state.exists()


@pytest.mark.thorough
async def test_flags_are_taken_as_a_bridge_takes_them(patient: Patient, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    code, out = await patient.doctor(flags=["--state-dir", str(elsewhere), "--base-url", "nowhere"])
    assert code == 1
    assert f"State is kept in {elsewhere}" in out
    assert "THENVOI_BASE_URL must begin with" in out


async def test_no_key_is_shown_in_words_either(patient: Patient, here: World, scout: Somebody) -> None:
    code, out = await patient.doctor(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
    assert code == 0
    assert scout.key not in out
    assert all(line.startswith(("ok      ", "warning ", "error   ", "      ")) for line in out.splitlines())


async def test_a_bridge_that_runs_is_asked_and_keeps_its_seat(patient: Patient, here: World) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    async with live(here, scout, patient.state) as host:
        await say(alice, room, scout, "are you there?")
        await host.unread(1)
        socket = (await host.read("thenvoi://status"))["socket"]
        code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
        assert code == 0
        assert sentence(found, "socket") == f"A bridge of {scout.handle} runs; it is live."
        (box,) = of(found, "inbox")
        assert (box["agent"], box["open"], box["dead"]) == (scout.handle, 1, 0)
        after = (await host.read("thenvoi://status"))["socket"]
        assert {**after, "last_heard": None} == {**socket, "last_heard": None}
        assert host.session.connection == "live"
    _, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
    assert sentence(found, "socket") == "No bridge runs here; the platform's WebSocket answers."
    assert of(found, "inbox")[0]["open"] == 1


@pytest.mark.thorough
async def test_lists_in_force_are_shown_and_how_much_they_hold_back(patient: Patient) -> None:
    await fill(patient.state, mention("m1"), mention("m2", "other"))
    _, found = await patient.findings()
    (box,) = of(found, "inbox")
    assert (box["open"], box["held_back"], box["allowed"]) == (2, 0, {})
    assert "held back" not in box["said"]
    async with opened(folder_of(patient.state)) as inbox:
        await inbox.board.show("cursor", Sight(rooms=frozenset({"room"}), senders=frozenset({"peer", "bob"})))
    _, found = await patient.findings()
    (box,) = of(found, "inbox")
    assert (box["open"], box["held_back"]) == (2, 1)
    assert box["allowed"] == {"rooms": ["room"], "senders": ["bob", "peer"]}
    assert box["said"].endswith("; 1 held back, allowed are rooms: room; senders: bob, peer.")


@pytest.mark.thorough
async def test_a_bridge_on_another_computer_keeps_its_seat(
    patient: Patient, here: World, scout: Somebody, tmp_path: Path
) -> None:
    async with live(here, scout, tmp_path / "another") as host:
        before = (await host.read("thenvoi://status"))["socket"]
        code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
        assert code == 0
        assert sentence(found, "socket") == "No bridge runs here; the platform's WebSocket answers."
        after = (await host.read("thenvoi://status"))["socket"]
        assert (after["state"], after["since"]) == ("live", before["since"])


@pytest.mark.thorough
async def test_a_bridge_without_a_socket_is_worth_a_warning(patient: Patient, here: World) -> None:
    scout = await here.agent(await here.person(), "Scout")
    async with live(here, scout, patient.state) as host:
        await here.stop()
        await host.until("waiting")
        code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
        assert code == 1
        assert of(found, "platform")[0]["level"] == "error"
        (socket,) = of(found, "socket")
        assert (socket["level"], socket["connection"]) == ("warning", "waiting")
        assert socket["said"].startswith(f"A bridge of {scout.handle} runs; it is waiting: ")
        assert socket["cure"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("key", "level"), [("thnv_a_none_hush", "error"), ("thnv_u_none_hush", "error"), ("hush", "error")]
)
async def test_a_key_that_is_refused_is_an_error(patient: Patient, here: World, key: str, level: str) -> None:
    code, found = await patient.findings(THENVOI_API_KEY=key, THENVOI_BASE_URL=here.url)
    assert code == 1
    refused = of(found, "key")[-1]
    assert (refused["level"], refused["said"]) == (level, "The platform refuses THENVOI_API_KEY.")
    assert refused["cure"]


@pytest.mark.thorough
async def test_a_persons_key_is_taken_too(patient: Patient, here: World) -> None:
    alice = await here.person()
    code, found = await patient.findings(THENVOI_USER_KEY=alice.key, THENVOI_BASE_URL=here.url)
    assert code == 0
    said = f"The platform takes THENVOI_USER_KEY: it is that of {alice.handle}."
    assert of(found, "key")[-1]["said"] == said


@pytest.mark.thorough
async def test_a_platform_that_is_not_there_is_an_error(patient: Patient) -> None:
    code, found = await patient.findings(
        THENVOI_API_KEY="thnv_a_x_hush", THENVOI_BASE_URL="http://127.0.0.1:9"
    )
    assert code == 1
    (platform,) = of(found, "platform")
    assert platform["said"].startswith("http://127.0.0.1:9 does not answer: ")
    assert "THENVOI_BASE_URL" in platform["cure"]


@pytest.mark.thorough
async def test_a_socket_that_is_not_there_is_an_error(patient: Patient, here: World, scout: Somebody) -> None:
    env = {"THENVOI_API_KEY": scout.key, "THENVOI_BASE_URL": here.url, "THENVOI_WS_URL": "ws://127.0.0.1:9"}
    code, found = await patient.findings(**env)
    assert code == 1
    (socket,) = of(found, "socket")
    assert "does not answer" in socket["said"]
    assert "THENVOI_WS_URL" in socket["cure"]


def behind_a_proxy_without_sockets(app: ASGIApp) -> ASGIApp:
    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(PlainTextResponse("no", 502))
        else:
            await app(scope, receive, send)

    return around


def that_lets_in_whoever_comes(app: ASGIApp) -> ASGIApp:
    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).accept()
        else:
            await app(scope, receive, send)

    return around


def a_clock_behind(app: ASGIApp) -> ASGIApp:
    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/api/v1/health":
            then = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
            report = {"status": "ok", "version": "1", "api_version": "2026.3", "timestamp": then}
            await JSONResponse(report)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return around


@pytest.mark.thorough
async def test_a_proxy_that_lets_no_socket_pass_is_an_error(patient: Patient, tmp_path: Path) -> None:
    async with world(tmp_path / "platform", around=behind_a_proxy_without_sockets) as here:
        alice = await here.person()
        code, found = await patient.findings(THENVOI_API_KEY=alice.key, THENVOI_BASE_URL=here.url)
        assert code == 1
        assert sentence(found, "socket").endswith("answers with HTTP 502.")


@pytest.mark.thorough
async def test_a_socket_that_lets_in_whoever_comes_answers_too(patient: Patient, tmp_path: Path) -> None:
    async with world(tmp_path / "platform", around=that_lets_in_whoever_comes) as here:
        alice = await here.person()
        code, found = await patient.findings(THENVOI_API_KEY=alice.key, THENVOI_BASE_URL=here.url)
        assert code == 0
        assert sentence(found, "socket").endswith("the platform's WebSocket answers.")


@pytest.mark.thorough
async def test_an_answer_that_is_no_websockets_is_an_error(
    patient: Patient, here: World, scout: Somebody
) -> None:
    async def babble(stream: SocketStream) -> None:
        async with stream:
            await stream.send(b"220 mail.example ready\r\n\r\n")

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, babble)
        port = listener.extra(SocketAttribute.local_port)
        env = {"THENVOI_API_KEY": scout.key, "THENVOI_BASE_URL": here.url}
        code, found = await patient.findings(**env, THENVOI_WS_URL=f"ws://127.0.0.1:{port}")
        assert code == 1
        assert "does not answer" in sentence(found, "socket")
        tasks.cancel_scope.cancel()


@pytest.mark.thorough
async def test_a_clock_that_is_wrong_is_worth_a_warning(patient: Patient, tmp_path: Path) -> None:
    async with world(tmp_path / "platform", around=a_clock_behind) as here:
        alice = await here.person()
        code, found = await patient.findings(THENVOI_API_KEY=alice.key, THENVOI_BASE_URL=here.url)
        assert code == 0
        (clock,) = of(found, "clock")
        assert clock["level"] == "warning"
        assert clock["seconds"] == pytest.approx(3600, abs=30)


@pytest.mark.thorough
async def test_without_a_key_nothing_is_started(patient: Patient) -> None:
    code, found = await patient.findings()
    assert code == 0
    assert sentence(found, "key") == "No key is set, so the platform on this computer is used."
    assert "does not run; the first host starts it" in sentence(found, "platform")
    assert not patient.state.exists()


@pytest.mark.thorough
async def test_the_platform_on_this_computer_is_looked_at_where_it_runs(
    patient: Patient,
    state: Path,  # noqa: F811
) -> None:
    async with local_host(state, "Desk"):
        code, found = await patient.findings(THENVOI_STATE_DIR=str(state))
        assert code == 0
        assert "serves: version" in sentence(found, "platform")
        assert sentence(found, "socket").endswith("/desk runs; it is live.")
        assert len(platforms(state)) == 1


@pytest.mark.thorough
async def test_settings_that_cannot_be_used_are_errors_and_misspelt_ones_warnings(patient: Patient) -> None:
    code, found = await patient.findings(
        THENVOI_LOG_LEVEL="loud", THENVOI_API_KEY_FILE="/does/not/exist", THENVOI_APIKEY="hush"
    )
    assert code == 1
    levels = {finding["said"].split()[0].rstrip(":"): finding["level"] for finding in of(found, "settings")}
    assert levels == {
        "THENVOI_LOG_LEVEL": "error",
        "THENVOI_API_KEY_FILE": "error",
        "THENVOI_APIKEY": "warning",
    }
    assert sentence(found, "platform") == "Which platform is meant shows when the settings are mended."


@pytest.mark.thorough
@pytest.mark.parametrize(
    "bad",
    [{"THENVOI_TOOLS": "nope"}, {"THENVOI_ALLOW_ROOMS": "a b"}, {"THENVOI_APPROVERS": "alice"}],
    ids=str,
)
async def test_settings_with_which_a_bridge_would_not_start_are_errors(
    patient: Patient, bad: dict[str, str]
) -> None:
    code, found = await patient.findings(**bad)
    assert code == 1
    assert sentence(found, "settings").startswith(next(iter(bad)))


async def made(patient: Patient, here: World, scout: Somebody) -> Path:
    """The inbox of an agent whose host has gone."""
    async with live(here, scout, patient.state):
        pass
    (file,) = patient.state.glob("agents/*/inbox.db")
    return file


@pytest.mark.thorough
async def test_a_damaged_inbox_is_an_error_and_stays_as_it_is(
    patient: Patient, here: World, scout: Somebody
) -> None:
    file = await made(patient, here, scout)
    file.write_bytes(b"no database at all" * 500)
    before = file.read_bytes()
    code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
    assert code == 1
    (box,) = of(found, "inbox")
    assert box["level"] == "error"
    assert "cannot be used" in box["said"]
    assert file.read_bytes() == before


@pytest.mark.thorough
async def test_a_folder_that_others_can_look_into_is_worth_a_warning(
    patient: Patient, here: World, scout: Somebody
) -> None:
    folder = (await made(patient, here, scout)).parent
    folder.chmod(0o755)
    code, found = await patient.findings(THENVOI_API_KEY=scout.key, THENVOI_BASE_URL=here.url)
    assert code == 0
    (open_to_others,) = [finding for finding in of(found, "state") if finding["level"] == "warning"]
    assert open_to_others["cure"] == f"chmod 700 {folder}"


@pytest.mark.thorough
async def test_a_state_folder_that_is_none_is_an_error(patient: Patient) -> None:
    patient.state.write_text("a file")
    code, found = await patient.findings()
    assert code == 1
    assert sentence(found, "state").startswith(f"{patient.state} is no folder")


def configured(patient: Patient, entry: object, name: str = "thenvoi") -> Path:
    """Cursor's configuration, with this server in it."""
    file = patient.home / ".cursor" / "mcp.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        json.dumps({"mcpServers": {name: entry, "other": {"url": "https://x.example"}, "odd": 7}})
    )
    return file


@pytest.mark.thorough
async def test_a_host_that_starts_the_bridge_is_shown_with_its_rungs(patient: Patient) -> None:
    configured(patient, {"command": sys.executable, "args": ["-m", "thenvoi_bridge"]}, "chat")
    (patient.home / ".codex").mkdir()
    code, found = await patient.findings()
    assert code == 0
    cursor, codex = of(found, "host")
    rungs = [rung for rung in RUNGS if rung in host_of("cursor").rungs and rung != "feed"]
    assert cursor["said"] == f"Cursor starts the bridge as chat. It can hear by: {', '.join(rungs)}."
    assert list(cursor["rungs"]) == rungs
    assert (codex["said"], codex["cure"]) == (
        "Codex is here, without the bridge.",
        "thenvoi-bridge install codex",
    )


@pytest.mark.thorough
async def test_a_feed_and_a_channel_are_rungs_where_they_are_set(patient: Patient) -> None:
    (patient.home / ".claude").mkdir()
    env = {"THENVOI_CHANNEL": "alice", "THENVOI_FEED": str(patient.home / "feed")}
    entry = {"command": sys.executable, "args": ["-m", "thenvoi_bridge"], "env": env}
    (patient.home / ".claude.json").write_text(json.dumps({"mcpServers": {"thenvoi": entry}}))
    _, found = await patient.findings()
    assert [*of(found, "host")[0]["rungs"]] == [*RUNGS]
    assert not (patient.home / "feed").exists()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"command": "thenvoi-bridge"}, "thenvoi-bridge is no absolute path"),
        ({"command": "/does/not/exist/thenvoi-bridge"}, "there is no program /does/not/exist/thenvoi-bridge"),
        ({"command": "/", "args": ["thenvoi-bridge"]}, "there is no program /"),
        (
            {
                "command": sys.executable,
                "args": ["-m", "thenvoi_bridge"],
                "env": {"THENVOI_LOCAL": "perhaps"},
            },
            "THENVOI_LOCAL must be true or false",
        ),
        (
            {"command": sys.executable, "args": ["-m", "thenvoi_bridge"], "env": {"THENVOI_APIKEY": "hush"}},
            "THENVOI_APIKEY there means nothing",
        ),
        (
            {"command": sys.executable, "args": ["-m", "thenvoi_bridge"], "env": {"THENVOI_TOOLSETS": "x"}},
            "THENVOI_TOOLSETS: ",
        ),
        (
            {
                "command": sys.executable,
                "args": ["-m", "thenvoi_bridge"],
                "env": {"THENVOI_API_KEY_FILE": "/no"},
            },
            "the file cannot be read",
        ),
    ],
)
async def test_a_host_that_cannot_start_the_bridge_is_an_error(
    patient: Patient, entry: dict[str, Any], why: str
) -> None:
    configured(patient, entry)
    code, found = await patient.findings()
    assert code == 1
    (cursor,) = of(found, "host")
    assert cursor["level"] == "error"
    assert why in cursor["said"]
    assert cursor["cure"] == "thenvoi-bridge install cursor"


@pytest.mark.thorough
async def test_everything_may_be_broken_at_once(patient: Patient) -> None:
    (patient.state / "agents" / "x").mkdir(parents=True)
    (patient.state / "agents" / "x" / "inbox.db").mkdir()
    (patient.state / "local").mkdir()
    (patient.state / "local" / "address").write_bytes(b"\xff\xfe")
    configured(patient, 7).write_bytes(b"{")
    code, found = await patient.findings(THENVOI_LOCAL="1", THENVOI_TOOLSETS="")
    assert code == 1
    assert {"settings", "state", "inbox", "platform", "host"} <= {finding["about"] for finding in found}
    assert [f["level"] for f in of(found, "inbox")] == ["error"]
    assert "could not be looked at" in sentence(found, "platform")
    assert "is left as it is" in sentence(found, "host")


@pytest.mark.thorough
async def test_no_server_of_the_sdk_is_needed(patient: Patient) -> None:
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('SDK', *sorted({'mcp'} & sys.modules.keys())))\n"
        "from thenvoi_bridge.cli import main\n"
        "main(['doctor'])\n"
    )
    env = {"HOME": str(patient.home), "THENVOI_STATE_DIR": str(patient.state), "PYTHONUTF8": "1"}
    done = await anyio.run_process([sys.executable, "-c", program], env=env)
    assert done.stdout.decode().splitlines()[-1] == "SDK"
