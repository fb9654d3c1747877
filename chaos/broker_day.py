"""The broker's day, which changes when the harness says so.

It is New York's date, and everything here and in the application gets it from the time zone. So the processes of a run
have a zone file of their own, in which it is as late there as the harness wants; clocks stay what they are.
"""

import os
import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

ZONES: Final = ("US/Eastern", "America/New_York")
DAY: Final = 86_400
BEGINS_AT: Final = 22 * 3600
"""How late it is there when a run begins, in seconds: far enough from midnight for the longest one."""


class BrokerDay:
    """Writes the zone files; ``changes`` are the moments at which a new day began."""

    def __init__(self, folder: Path) -> None:
        self.changes: list[datetime] = []
        self._folder = folder
        self._offsets: list[tuple[int, int]] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to have these zones."""
        return {"PYTHONTZPATH": os.pathsep.join([str(self._folder.resolve()), *zoneinfo.TZPATH])}

    def begin(self, now: datetime) -> None:
        """It is late in the evening there."""
        late = (BEGINS_AT - _seconds(now)) % DAY - DAY
        self._offsets = [(0, max(late, 1 - DAY))]
        self._write()

    def change(self, now: datetime) -> bool:
        """Midnight strikes, for processes started from now on; False if zones reach no further."""
        _, offset = self._offsets[-1]
        midnight = offset + DAY - (_seconds(now) + offset) % DAY
        if midnight >= DAY:
            return False
        at = now.astimezone(UTC).replace(microsecond=0)
        self._offsets.append((int(at.timestamp()), midnight))
        self._write()
        self.changes.append(at)
        return True

    def _write(self) -> None:
        for name in ZONES:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_zone_file(self._offsets))


def _seconds(moment: datetime) -> int:
    """Since midnight in UTC."""
    at = moment.astimezone(UTC)
    return int(timedelta(hours=at.hour, minutes=at.minute, seconds=at.second).total_seconds())


def _zone_file(offsets: list[tuple[int, int]]) -> bytes:
    """RFC 8536, version 2: each moment and the offset from UTC that holds from then on, both in seconds."""
    count, name = len(offsets), b"NYC\0"
    empty = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 0, 0)
    head = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, count, count, len(name))
    moments = struct.pack(f">{count}q", *(at for at, _ in offsets)) + bytes(range(count))
    kinds = b"".join(struct.pack(">lbb", offset, 0, 0) for _, offset in offsets)
    return empty + head + moments + kinds + name + b"\n\n"
