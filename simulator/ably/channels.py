"""What a channel remembers: the log of publications, its retention, and where a subscriber may resume."""

import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulator.ably.messages import Draft, StoredMessage

Clock = Callable[[], int]
"""Milliseconds since the epoch."""

MAX_REWIND = 100
"""Ably's limit for the messages a rewind brings."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What one publish request brought: it is delivered in one frame and numbered as one."""

    index: int
    serial: str
    timestamp: int
    messages: tuple[StoredMessage, ...]


@dataclass(slots=True)
class Channel:
    """One channel's log, oldest first.

    A channel serial is `<index>@<epoch>`. Losing continuity starts a new epoch: nobody can resume from a serial
    of an older one, although history still has the messages.
    """

    name: str
    clock: Clock
    retention_ms: int
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    _log: list[Publication] = field(default_factory=list[Publication])
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _last_index: int = 0

    @property
    def serial(self) -> str:
        """The channel serial of the newest publication."""
        return self._serial(self._last_index)

    def publish(
        self, drafts: Sequence[Draft], *, id_prefix: str, connection_id: str | None = None
    ) -> Publication | None:
        """Append the drafts as one publication; None if their ids are known already (an idempotent repeat)."""
        self._forget_expired()
        known = {message.id for publication in self._log for message in publication.messages}
        fresh = [(n, draft) for n, draft in enumerate(drafts) if draft.id is None or draft.id not in known]
        if not fresh:
            return None
        self._last_index = next(self._numbers)
        serial, now = self._serial(self._last_index), self.clock()
        messages = tuple(
            StoredMessage(
                draft=draft,
                id=draft.id or f"{id_prefix}:{n}",
                serial=f"{serial}:{n}",
                timestamp=now,
                connection_id=connection_id,
            )
            for n, draft in fresh
        )
        publication = Publication(self._last_index, serial, now, messages)
        self._log.append(publication)
        return publication

    def after(self, serial: str) -> list[Publication] | None:
        """What was published since `serial`, or None if continuity from there cannot be promised."""
        self._forget_expired()
        index = self._index_of(serial)
        if index is None:
            return None
        missed = [publication for publication in self._log if publication.index > index]
        complete = len(missed) == self._last_index - index
        return missed if complete else None

    def rewound(self, rewind: str) -> list[Publication]:
        """The backlog for `rewind`: a number of messages ("10"), or an age ("30s", "2m")."""
        self._forget_expired()
        if rewind.isdigit():
            count = min(int(rewind), MAX_REWIND)
            return self._log[-count:] if count else []
        unit = {"s": 1000, "m": 60_000}.get(rewind[-1:], 0)
        if not unit or not rewind[:-1].isdigit():
            return []
        oldest = self.clock() - int(rewind[:-1]) * unit
        return [publication for publication in self._log if publication.timestamp >= oldest][-MAX_REWIND:]

    def history(self, *, start: int | None, end: int | None, until: str | None) -> list[StoredMessage]:
        """Stored messages, oldest first, between `start` and `end` (milliseconds, inclusive), up to serial `until`."""
        self._forget_expired()
        last = None if until is None else self._index_of(until)
        return [
            message
            for publication in self._log
            if (start is None or publication.timestamp >= start)
            and (end is None or publication.timestamp <= end)
            and (last is None or publication.index <= last)
            for message in publication.messages
        ]

    def lose_continuity(self) -> None:
        """Make every serial handed out so far useless for resuming."""
        self.epoch = secrets.token_hex(4)

    def _serial(self, index: int) -> str:
        return f"{index:012d}@{self.epoch}"

    def _index_of(self, serial: str) -> int | None:
        index, _, epoch = serial.partition("@")
        if epoch.partition(":")[0] != self.epoch or not index.isdigit() or int(index) > self._last_index:
            return None
        return int(index)

    def _forget_expired(self) -> None:
        oldest = self.clock() - self.retention_ms
        keep = next((n for n, publication in enumerate(self._log) if publication.timestamp >= oldest), len(self._log))
        del self._log[:keep]
