"""Ports of this machine for servers that are started by this program."""

import random
import socket
from typing import Final

CANDIDATES: Final = range(15_000, 30_000)
"""Below the ports that systems hand out by themselves (32768 and up on Linux, 49152 and up elsewhere): one of those
could be taken before ours listens on it, by an outgoing connection or by a server that asks for any port."""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on at this moment."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(CANDIDATES)
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether nobody listens on this port at this moment."""
    with socket.socket() as probe:
        # As servers do: a port whose last connection has just ended is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
