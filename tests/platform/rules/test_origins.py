"""Which pages may connect (websocket.md 1.3 and 9.4): the same host, or one that is listed."""

import pytest

from thenvoi_bridge.platform.rules.origins import origin_allowed

LISTED = "https://x.example, http://y.example:3000"


@pytest.mark.parametrize("listed", ["", LISTED, "*"])
def test_a_program_sends_no_origin_and_may(listed: str) -> None:
    assert origin_allowed(None, "127.0.0.1:4000", listed)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://127.0.0.1:4000", "127.0.0.1:4000", True),
        ("https://127.0.0.1:4000", "127.0.0.1:4000", True),
        ("http://[::1]:4000", "[::1]:4000", True),
        ("https://t.example", "t.example", True),
        ("https://t.example", "T.Example", True),
        ("https://t.example", "t.example:443", True),
        ("https://t.example:443", "t.example", True),
        ("http://t.example", "t.example:80", True),
        ("http://127.0.0.1:4001", "127.0.0.1:4000", False),
        ("http://127.0.0.1", "127.0.0.1:4000", False),
        ("http://localhost:4000", "127.0.0.1:4000", False),
        ("https://t.example", "t.example:80", False),
        ("https://t.example.evil.example", "t.example", False),
        ("https://evil.example/t.example", "t.example", False),
        ("https://t.example@evil.example", "t.example", False),
        ("null", "t.example", False),
        ("null", "", False),
        ("", "t.example", False),
        ("", "", False),
        ("t.example", "t.example", False),
        ("https://t.example:port", "t.example", False),
        ("https://t.example:99999", "t.example:99999", False),
        ("https://[", "[", False),
        ("http://t.example", "", False),
    ],
)
def test_a_page_of_the_same_host_and_port_may(origin: str, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, "") is allowed


@pytest.mark.parametrize(
    ("origin", "listed", "allowed"),
    [
        ("https://x.example", LISTED, True),
        ("HTTPS://X.example", LISTED, True),
        ("http://y.example:3000", LISTED, True),
        ("http://x.example", LISTED, False),
        ("https://y.example:3000", LISTED, False),
        ("http://y.example", LISTED, False),
        ("https://sub.x.example", LISTED, False),
        ("https://z.example", LISTED, False),
        ("", LISTED, False),
        ("", " , ", False),
        ("null", LISTED, False),
        ("null", "null", True),
        ("https://z.example", "*", True),
        ("null", "*", True),
        ("https://z.example", f"{LISTED},*", True),
        ("https://z.example", "*.example", False),
    ],
)
def test_a_page_of_another_host_must_be_listed_exactly(origin: str, listed: str, allowed: bool) -> None:
    assert origin_allowed(origin, "t.example", listed) is allowed
