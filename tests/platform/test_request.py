"""HTTP as it is written."""

import h11
import pytest

from thenvoi_bridge.platform.request import Together


@pytest.fixture
def asked() -> Together:
    """A connection on which somebody has asked for something."""
    conn = Together(h11.SERVER, 1000)
    conn.receive_data(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    assert isinstance(conn.next_event(), h11.Request)
    return conn


def test_the_head_of_an_answer_is_written_with_its_body(asked: Together) -> None:
    assert asked.send(h11.Response(status_code=200, headers=[("content-length", "2")])) == b""
    assert asked.send(h11.Data(data=b"ok")) == b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok"
    assert asked.send(h11.EndOfMessage()) == b""


def test_the_head_of_an_answer_without_a_body_is_written_at_its_end(asked: Together) -> None:
    assert asked.send(h11.Response(status_code=204, headers=[])) == b""
    assert asked.send(h11.EndOfMessage()) == b"HTTP/1.1 204 \r\n\r\n"


def test_what_is_no_answer_yet_is_written_at_once(asked: Together) -> None:
    early = asked.send(h11.InformationalResponse(status_code=100, headers=[]))
    assert early == b"HTTP/1.1 100 \r\n\r\n"
