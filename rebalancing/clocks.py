"""How far two clocks are apart, as far as one answer over a network can tell."""

from datetime import datetime, timedelta
from typing import Final

WHOLE_SECOND: Final = timedelta(seconds=1)
"""The gateway tells its time without fractions of a second."""


def seconds_ahead(sent_at: datetime, told: datetime, answered_at: datetime) -> float:
    """By how many seconds at least our clock is ahead of the one that ``told`` its time; negative if it is behind.

    The other clock was read somewhere between our sending and the answer, and stood anywhere in the second that it
    told: 0 if both may have agreed then. A slow answer never makes clocks look further apart than they are.
    """
    at_least, at_most = sent_at - (told + WHOLE_SECOND), answered_at - told
    if at_least > timedelta():
        return at_least.total_seconds()
    return min(at_most, timedelta()).total_seconds()
