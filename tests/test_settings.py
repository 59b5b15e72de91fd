"""Settings: flags over the environment over defaults, and every bad one is named."""

from pathlib import Path
from typing import Any

import pytest

from thenvoi_bridge import settings
from thenvoi_bridge.settings import BadSetting, Settings, of_local, read, read_platform, unknown

KEY = "thnv_a_id_secret"


@pytest.mark.parametrize(
    ("flags", "environ", "name", "value"),
    [
        ({}, {}, "base_url", "https://app.thenvoi.com"),
        ({}, {"THENVOI_BASE_URL": "http://env"}, "base_url", "http://env"),
        ({"base_url": "http://flag"}, {"THENVOI_BASE_URL": "http://env"}, "base_url", "http://flag"),
        ({"base_url": None}, {"THENVOI_BASE_URL": "http://env"}, "base_url", "http://env"),
        ({}, {"THENVOI_BASE_URL": ""}, "base_url", "https://app.thenvoi.com"),
        ({}, {"THENVOI_BASE_URL": "${user_config.base_url}"}, "base_url", "https://app.thenvoi.com"),
        ({}, {"THENVOI_API_KEY": KEY}, "api_key", KEY),
        ({}, {"THENVOI_API_KEY": "${THENVOI_API_KEY}"}, "api_key", None),
        ({}, {"THENVOI_API_KEY": ""}, "api_key", None),
        ({}, {"THENVOI_WS_URL": "wss://x/socket"}, "ws_url", "wss://x/socket"),
        ({}, {"THENVOI_LOCAL": "1"}, "local", True),
        ({}, {"THENVOI_LOCAL": "Yes"}, "local", True),
        ({}, {"THENVOI_LOCAL": "off"}, "local", False),
        ({"local": True}, {"THENVOI_LOCAL": "0"}, "local", True),
        ({}, {"THENVOI_AS": "Desk"}, "name", "Desk"),
        ({}, {"THENVOI_NAME": "Desk"}, "name", None),
        ({}, {"THENVOI_STATE_DIR": "/state"}, "state_dir", Path("/state")),
        ({"state_dir": "~/state"}, {}, "state_dir", Path.home() / "state"),
        ({"feed": "~/feed.jsonl"}, {}, "feed", Path.home() / "feed.jsonl"),
        ({}, {"THENVOI_FEED": "${user_config.feed}"}, "feed", None),
        ({}, {"THENVOI_LOG_LEVEL": "DEBUG"}, "log_level", "DEBUG"),
        ({}, {}, "log_level", "info"),
    ],
    ids=str,
)
def test_flags_win_over_the_environment_and_that_over_defaults(
    flags: dict[str, Any], environ: dict[str, str], name: str, value: object
) -> None:
    assert getattr(read(flags, environ), name) == value


@pytest.mark.parametrize(
    ("text", "several"),
    [("", ()), (" , ", ()), ("chats", ("chats",)), (" chats ,,peers", ("chats", "peers"))],
    ids=str,
)
def test_a_setting_may_have_several_names(text: str, several: tuple[str, ...]) -> None:
    assert settings.names(text) == several


@pytest.mark.parametrize("name", ["api_key", "agent_key", "user_key"])
def test_a_key_may_lie_in_a_file_which_wins(tmp_path: Path, name: str) -> None:
    file = tmp_path / "key"
    file.write_text(f"  {KEY}\n")
    variable = f"THENVOI_{name.upper()}"
    assert getattr(read({}, {f"{variable}_FILE": str(file), variable: "other"}), name) == KEY


def test_a_placeholder_for_a_file_is_ignored_too() -> None:
    environ = {"THENVOI_API_KEY_FILE": "${user_config.key_file}", "THENVOI_API_KEY": KEY}
    assert read({}, environ).api_key == KEY


def test_only_keys_may_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://file")
    environ = {"THENVOI_BASE_URL_FILE": str(tmp_path / "url")}
    assert read({}, environ).base_url == "https://app.thenvoi.com"
    assert unknown(environ) == ["THENVOI_BASE_URL_FILE"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"THENVOI_BASE_URL": "app.thenvoi.com"}, "THENVOI_BASE_URL must begin with https:// or http://"),
        ({"THENVOI_BASE_URL": "http://"}, "and name a host"),
        ({"THENVOI_FEED": "feed.jsonl"}, "THENVOI_FEED must be a whole path"),
        ({"THENVOI_BASE_URL": "http://[::1"}, "and name a host"),
        ({"THENVOI_BASE_URL": "http://x:99999"}, "and name a host"),
        ({"THENVOI_WS_URL": "https://x"}, "THENVOI_WS_URL must begin with wss:// or ws://"),
        ({"THENVOI_LOCAL": "maybe"}, "THENVOI_LOCAL must be true or false"),
        ({"THENVOI_LOG_LEVEL": "loud"}, "THENVOI_LOG_LEVEL must be debug, info, warning or error"),
        ({"THENVOI_API_KEY_FILE": "/does/not/exist"}, "THENVOI_API_KEY_FILE: the file cannot be read"),
        ({"THENVOI_USER_KEY_FILE": "/"}, "THENVOI_USER_KEY_FILE: the file cannot be read"),
    ],
    ids=str,
)
def test_a_bad_value_is_named_and_it_is_said_what_is_allowed(environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read({}, environ)
    assert said in str(caught.value)


def test_a_bad_flag_is_named_too() -> None:
    with pytest.raises(BadSetting, match="BASE_URL"):
        read({"base_url": "ftp://x"}, {})


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00key"], ids=["empty", "blank", "binary"])
def test_a_file_without_a_key_is_not_taken_for_no_key_at_all(tmp_path: Path, content: bytes) -> None:
    # Without a key the bridge would quietly use the platform on this computer instead.
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(BadSetting, match="THENVOI_API_KEY_FILE"):
        read({}, {"THENVOI_API_KEY_FILE": str(file)})


def test_a_bad_value_is_not_shown_for_it_may_be_a_key_in_the_wrong_place() -> None:
    for name in ("BASE_URL", "WS_URL", "LOCAL", "LOG_LEVEL"):
        with pytest.raises(BadSetting) as caught:
            read({}, {f"THENVOI_{name}": KEY})
        assert "secret" not in str(caught.value)


def test_misspelt_variables_are_found_and_others_are_none_of_ours() -> None:
    environ = {
        "THENVOI_APIKEY": "x",
        "THENVOI_API_KEY": "x",
        "THENVOI_API_KEY_FILE": "x",
        "THENVOI_AS": "x",
        "THENVOI_NAME": "x",
        "THENVOI_": "x",
        "PATH": "x",
    }
    assert unknown(environ) == ["THENVOI_", "THENVOI_APIKEY", "THENVOI_NAME"]


@pytest.mark.parametrize(
    ("given", "is_local"),
    [
        ({}, True),
        ({"api_key": KEY}, False),
        ({"agent_key": KEY}, False),
        ({"user_key": KEY}, False),
        ({"api_key": KEY, "local": True}, True),
    ],
    ids=str,
)
def test_the_platform_on_this_computer_is_used_when_asked_for_or_without_a_key(
    given: dict[str, Any], is_local: bool
) -> None:
    assert Settings(**given).is_local is is_local


def test_no_key_is_in_the_representation_of_settings() -> None:
    shown = repr(Settings(api_key=KEY, agent_key=KEY, user_key=KEY, name="Desk"))
    assert "Desk" in shown
    assert "secret" not in shown


def test_every_setting_has_a_help_and_only_keys_have_no_flag() -> None:
    rows = settings.rows()
    assert all(row.metadata["help"].endswith(".") for row in rows)
    without = {row.name for row in rows if settings.flag(row) is None}
    assert without == {"api_key", "agent_key", "user_key"}
    names = {row.name: (settings.flag(row), settings.variable(row)) for row in rows}
    assert names["name"] == ("--as", "THENVOI_AS")
    assert names["state_dir"] == ("--state-dir", "THENVOI_STATE_DIR")


@pytest.mark.parametrize(
    ("flags", "environ", "name", "value"),
    [
        ({}, {}, "max_chats", 0),
        ({}, {"THENVOI_PLATFORM_MAX_CHATS": "7"}, "max_chats", 7),
        ({"max_chats": "9"}, {"THENVOI_PLATFORM_MAX_CHATS": "7"}, "max_chats", 9),
        ({}, {"THENVOI_MAX_CHATS": "7"}, "max_chats", 0),
        ({}, {"THENVOI_PLATFORM_PLAN_GATE": "yes"}, "plan_gate", True),
        ({"plan_gate": True}, {}, "plan_gate", True),
        ({}, {"THENVOI_PLATFORM_JWT_SECRET": "s"}, "jwt_secret", "s"),
        (
            {},
            {"THENVOI_PLATFORM_ALLOWED_ORIGINS": "https://x.example"},
            "allowed_origins",
            "https://x.example",
        ),
    ],
    ids=str,
)
def test_a_platform_has_settings_of_its_own(
    flags: dict[str, Any], environ: dict[str, str], name: str, value: object
) -> None:
    assert getattr(read_platform(flags, environ), name) == value


@pytest.mark.parametrize("given", ["-1", "1.5", "many", "²", "9" * 10, " 1"])
def test_a_number_that_is_none_is_named(given: str) -> None:
    with pytest.raises(BadSetting, match="THENVOI_PLATFORM_RATE must be a whole number"):
        read_platform({}, {"THENVOI_PLATFORM_RATE": given})


def test_the_secret_of_a_platform_may_lie_in_a_file_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    read_in = read_platform({}, {"THENVOI_PLATFORM_JWT_SECRET_FILE": str(tmp_path / "secret")})
    assert read_in.jwt_secret == "hush"
    assert "hush" not in repr(read_in)
    assert unknown({"THENVOI_PLATFORM_RATE": "1", "THENVOI_PLATFORM_RATES": "1"}) == [
        "THENVOI_PLATFORM_RATES"
    ]


@pytest.mark.parametrize("given", ["hush", "!" * 44, "aHVzaA==", "a" * 43])
def test_a_pepper_that_is_too_short_or_none_is_refused_without_being_shown(given: str) -> None:
    with pytest.raises(BadSetting, match="THENVOI_PLATFORM_PEPPER must be base64 of 32 bytes") as refused:
        read_platform({}, {"THENVOI_PLATFORM_PEPPER": given})
    assert given not in str(refused.value)


def test_a_pepper_of_32_bytes_is_one() -> None:
    pepper = "b3RoZXIgcGVwcGVyIG90aGVyIHBlcHBlciBvdGhlciE="
    read_in = read_platform({}, {"THENVOI_PLATFORM_PEPPER": pepper})
    assert read_in.pepper == pepper
    assert pepper not in repr(read_in)


def test_the_platform_on_this_computer_is_told_nothing_of_another_ones() -> None:
    others = {
        f"THENVOI_PLATFORM_{name}": "x" for name in ("DATABASE", "DATABASE_FILE", "NATS", "PEPPER_FILE")
    }
    assert of_local({**others, "THENVOI_PLATFORM_RATE": "1"}) == {"THENVOI_PLATFORM_RATE": "1"}
