"""compose.yaml: every command and variable in it is one of ours, and nothing is open that need not be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.packages import compose
from tests.packages.checkout import ROOT
from tests.packages.commands import parsed
from tests.packages.dockerfile import stages
from thenvoi_bridge.settings import unknown

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

IMAGE = "thenvoi-bridge"
NODES = {"bridge-1", "bridge-2", "platform-1", "platform-2"}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return compose.config()


@pytest.fixture(scope="module")
def ours(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that are this program."""
    return {name: it for name, it in config["services"].items() if it["image"] == IMAGE}


def test_there_are_two_nodes_of_each_half_and_one_that_migrates(ours: dict[str, dict[str, Any]]) -> None:
    assert ours.keys() == {*NODES, "migrate"}
    assert [name for name, it in ours.items() if "build" in it] == ["migrate"]
    assert {name: it["restart"] for name, it in ours.items()} == {
        **dict.fromkeys(NODES, "unless-stopped"),
        "migrate": "no",
    }


def test_every_command_is_one_that_the_program_takes(ours: dict[str, dict[str, Any]]) -> None:
    paths = {name: parsed(it["command"]).command_path for name, it in ours.items()}
    assert paths == {
        "migrate": "thenvoi-bridge platform migrate",
        **dict.fromkeys(("platform-1", "platform-2"), "thenvoi-bridge platform serve"),
        **dict.fromkeys(("bridge-1", "bridge-2"), "thenvoi-bridge serve"),
    }


def test_every_server_listens_where_the_image_says_that_it_does(ours: dict[str, dict[str, Any]]) -> None:
    _, (_, final) = stages()
    for name in NODES:
        params = parsed(ours[name]["command"]).params
        assert (params["host"], [str(params["port"])]) == ("0.0.0.0", final.given("EXPOSE"))
        assert "healthcheck" not in ours[name]  # so the image's holds
    assert ours["migrate"]["healthcheck"] == {"disable": True}


def test_every_variable_is_a_setting_and_every_secret_a_file_that_is_there(
    ours: dict[str, dict[str, Any]],
) -> None:
    for name, it in ours.items():
        assert unknown(it["environment"]) == [], name
        files = {value for variable, value in it["environment"].items() if variable.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret['source']}" for secret in it["secrets"]}, name


def test_no_secret_is_in_it_and_each_is_a_file_that_git_passes_over(config: dict[str, Any]) -> None:
    for name, secret in config["secrets"].items():
        assert secret["file"].endswith(f"/secrets/{name}")
    assert "secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not re.search(r"://[^/\s]*:[^/\s]*@", (ROOT / "compose.yaml").read_text(encoding="utf-8"))


def test_nothing_but_the_proxy_is_reached_from_outside_and_that_from_this_computer(
    config: dict[str, Any],
) -> None:
    ports = {name: it["ports"] for name, it in config["services"].items() if "ports" in it}
    assert ports.keys() == {"proxy"}
    assert {(port["host_ip"], port["published"], port["target"]) for port in ports["proxy"]} == {
        ("127.0.0.1", "8080", 8080),
        ("127.0.0.1", "4000", 4000),
    }
    assert config["networks"]["inside"]["internal"] is True
    outside = {name for name, it in config["services"].items() if "outside" in it["networks"]}
    assert outside == {"proxy"}


def test_what_can_be_taken_from_a_service_is_taken(config: dict[str, Any]) -> None:
    for name, it in config["services"].items():
        assert it["security_opt"] == ["no-new-privileges:true"], name
        assert not it.get("privileged"), name
        if name != "postgres":  # whose image begins as root, to hand its volume over
            assert (it["read_only"], it["cap_drop"]) == (True, ["ALL"]), name
    assert [name for name, it in config["services"].items() if it.get("cap_add")] == ["proxy"]


def test_a_node_begins_once_its_database_is_up_to_date(ours: dict[str, dict[str, Any]]) -> None:
    waits = {name: {n: on["condition"] for n, on in it["depends_on"].items()} for name, it in ours.items()}
    up_to_date = {"migrate": "service_completed_successfully"}
    assert waits["platform-1"] == waits["platform-2"] == up_to_date
    there = {"postgres": "service_healthy"}
    assert waits["migrate"] == waits["bridge-1"] == waits["bridge-2"] == there


def test_a_node_has_time_to_end_as_it_does(ours: dict[str, dict[str, Any]]) -> None:
    assert {ours[name]["stop_grace_period"] for name in NODES} == {"30s"}


def test_the_proxy_sends_to_these_nodes(config: dict[str, Any]) -> None:
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    named = {tuple(line.split()[1:-1]) for line in caddyfile.splitlines() if "reverse_proxy" in line}
    assert {node for each in named for node in each} == {f"{node}:8080" for node in NODES}
    (mount,) = config["services"]["proxy"]["volumes"]
    assert Path(mount["source"]).name == "Caddyfile"


def test_other_images_name_one_release(config: dict[str, Any]) -> None:
    others = {it["image"] for it in config["services"].values()} - {IMAGE}
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z]+", image) for image in others), others
