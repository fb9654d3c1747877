"""The loopback ports that a process and its children listen on, as Linux tells it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LISTENING = "0A"

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which ports a process opened")


def opened_by(pid: int) -> set[int]:
    """Every TCP port that the process or one of its descendants listens on at this moment."""
    sockets = {own for process in _with_descendants(pid) for own in _sockets_of(process)}
    return {port for table in ("tcp", "tcp6") for inode, port in _listening(table) if inode in sockets}


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text(encoding="ascii").split()
        except OSError:  # a thread or process that has ended meanwhile
            continue
        for child in children:
            yield from _with_descendants(int(child))


def _sockets_of(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").rstrip("]")


def _listening(table: str) -> Iterator[tuple[str, int]]:
    for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING:
            yield fields[9], int(fields[1].rpartition(":")[2], 16)
