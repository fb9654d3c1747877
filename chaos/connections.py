"""Which process is connected to a port of this machine, from what Linux tells under /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

ESTABLISHED: Final = "01"


def is_connected(process_id: int, port: int) -> bool:
    """Whether this process has an established connection to this port. False where there is no /proc."""
    with suppress(OSError):
        return not set(_sockets(process_id)).isdisjoint(_connections(port))
    return False


def _connections(port: int) -> Iterator[str]:
    """The sockets that are connected to the port."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED and int(fields[2].rpartition(":")[2], 16) == port:
            yield fields[9]


def _sockets(process_id: int) -> Iterator[str]:
    for entry in os.scandir(f"/proc/{process_id}/fd"):
        with suppress(OSError):  # closed meanwhile
            kind, _, number = os.readlink(entry.path).partition(":")
            if kind == "socket":
                yield number.strip("[]")
