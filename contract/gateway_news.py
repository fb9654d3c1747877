"""What a worker says of its connection to a gateway, as whoever asks is told it: connected, or why not, and since when.

It is the identity with which the worker polls a queue that nothing is ever put on (``contract.process_in_use``): a
changed connection is another identity, and the one that was heard of last counts.
"""

import re
from datetime import datetime
from typing import Final, NamedTuple

from contract.process_in_use import LONGEST_IDENTITY

_CONNECTED: Final = " connected "
_AWAY: Final = " away "

_WORD: Final = re.compile(f"{_CONNECTED}|{_AWAY}")
"""The first one counts: a problem's own words may be either."""


def news_queue(gateway: str | None) -> str:
    """The queue of this gateway's news."""
    return f"gateway-news-{gateway or 'default'}"


class GatewayNews(NamedTuple):
    """One worker's word. ``problem`` is empty while it holds the connection, ``since`` when this began."""

    process: str
    since: datetime
    problem: str = ""

    @classmethod
    def of(cls, identity: str) -> "GatewayNews | None":
        """What an identity says; ``None`` for one of another kind."""
        process, *told = _WORD.split(identity, maxsplit=1)
        since, _, problem = "".join(told).partition(" ")
        try:
            at = datetime.fromisoformat(since)
        except ValueError:
            return None
        return cls(process, at, problem) if at.tzinfo else None

    @property
    def identity(self) -> str:
        """As it is said to the server."""
        word = _AWAY if self.problem else _CONNECTED
        problem = f" {' '.join(self.problem.split())}" if self.problem else ""
        return f"{self.process}{word}{self.since.isoformat(timespec='seconds')}{problem}"[:LONGEST_IDENTITY]
