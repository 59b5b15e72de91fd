"""Where a server listens: a port is taken before anything is served on it."""

from __future__ import annotations

import socket
from ipaddress import ip_address


class PortTaken(Exception):
    """The address is in use or may not be used."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `PortTaken` with a sentence for people."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio looks for it before it turns Nagle's algorithm off; left on, every
    # answer waits 40 ms for the client's delayed acknowledgement of its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # two may bind, but only one listens
    except (OSError, OverflowError) as exc:
        listener.close()
        reason = exc.strerror if isinstance(exc, OSError) else "there is no such port"
        raise PortTaken(f"Cannot listen on {host} port {port}: {reason}. Choose another --port.") from exc
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(listener: socket.socket) -> str:
    """The base URL of what listens here."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
