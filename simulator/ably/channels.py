"""What a channel remembers: the log of publications, its retention, and where a subscriber may resume."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulator.ably.errors import bad_request
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a publish request: the stored message of each draft, and the publication of those that are new."""

    messages: tuple[StoredMessage, ...]
    publication: Publication | None

    @property
    def serials(self) -> list[str]:
        """The serial of each message, for the publisher."""
        return [message.serial for message in self.messages]


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
    _last_index: int = 0

    @property
    def serial(self) -> str:
        """The channel serial of the newest publication."""
        return self._serial(self._last_index)

    def publish(self, drafts: Sequence[Draft], *, id_prefix: str, connection_id: str | None = None) -> Receipt:
        """Append the drafts as one publication. What is known by its id already is a repeat, and is not stored again.

        Raises:
            AblyError: 40000, for a message serial that an earlier message of the connection had, and another content.
        """
        self._forget_expired()
        known = {message.id: message for publication in self._log for message in publication.messages}
        serial, now = self._serial(self._last_index + 1), self.clock()
        receipt: list[StoredMessage] = []
        fresh: list[StoredMessage] = []
        for n, draft in enumerate(drafts):
            id = draft.id or f"{id_prefix}:{n}"
            if id not in known:
                known[id] = StoredMessage(draft, id, f"{serial}:{n:03d}", timestamp=now, connection_id=connection_id)
                fresh.append(known[id])
            elif draft.id is None and known[id].draft != draft:
                raise bad_request(f"{id_prefix} was used for another message before")
            receipt.append(known[id])
        if not fresh:
            return Receipt(tuple(receipt), None)
        self._last_index += 1
        publication = Publication(self._last_index, serial, now, tuple(fresh))
        self._log.append(publication)
        return Receipt(tuple(receipt), publication)

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
