"""Nothing but the protocol has the wire, whatever the host closed before it started the process."""

import os
import socket
import subprocess
import sys

import pytest

CLAIM = """
import os, sys
from thenvoi_bridge.hosting.pipes import claimed

wire_in, wire_out, parent = claimed()
for fd in 1, 2:
    os.write(fd, b"raw")
print("printed", flush=True)
os.system("echo child; cat")
wire_out.write(b"%d " % parent + wire_in.read(5))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="its shell cannot close a file descriptor")
@pytest.mark.parametrize(
    ("closing", "heard"),
    [("", b"%d hello"), ("2>&-", b"%d hello"), ("<&-", b"%d "), (">&-", b"")],
    ids=["nothing", "stderr", "stdin", "stdout"],
)
def test_noise_reaches_neither_pipe_whatever_the_host_closed(closing: str, heard: bytes) -> None:
    host, stdin = socket.socketpair()  # both ways, so that noise could come back on it
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, CLAIM]
    with host, stdin:
        host.send(b"hello")
        done = subprocess.run(command, stdin=stdin.fileno(), stdout=subprocess.PIPE, timeout=20, check=True)
        assert done.stdout == heard.replace(b"%d", b"%d" % os.getpid())
        with pytest.raises(BlockingIOError):
            host.recv(1, socket.MSG_DONTWAIT)
