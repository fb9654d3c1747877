"""Freshness: no order is sent by figures that are old (promise P11).

Figures are old once ``freshness`` seconds have passed since they were read, once the connection they were read on was
made anew, or once the market has closed since. An approval is followed by a new reading. The order desk looks at it
before every single send, by a clock that goes on while the process is frozen.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from rebalancing.base import FrozenModel, Instant
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.market.trading_hours import TradingSession

CLOCK_TOLERANCE: Final = timedelta(seconds=5)
"""How far a clock may be set back between a reading and a send. Further back, nobody can tell how old figures are."""


class Figures(FrozenModel):
    """What an order was sized by: where and when it was read, and from when on it is old.

    ``connection`` names the connection to the gateway, ``position`` is what was held of the order's symbol, in whole
    shares.
    """

    connection: str
    taken_at: Instant
    fresh_until: Instant
    position: int

    def staleness(self, connection: str, now: datetime) -> str:
        """Why nothing may be sent by these figures on this connection now, in words; empty while they are fresh."""
        if self.connection != connection:
            return "the connection was made anew since the account was read"
        if now >= self.fresh_until:
            return f"the account was read {(now - self.taken_at).total_seconds():.0f} s ago, or the market closed since"
        if now < self.taken_at - CLOCK_TOLERANCE:
            return "the clock was set back since the account was read"
        return ""


def figures_of(
    snapshot: AccountSnapshot, symbol: str, sessions: Iterable[TradingSession], freshness: timedelta, at: datetime
) -> Figures:
    """The figures that an order for ``symbol`` is sized by at the moment ``at``, which trades in ``sessions``.

    They are old at the end of the session that runs at ``at``, and at once where none does. ``at`` may be by another
    clock than the snapshot's: only the time between it and the end of the session counts.
    """
    closes_at = next((each.closes_at for each in sessions if each.opens_at <= at < each.closes_at), at)
    return Figures(
        connection=snapshot.connection,
        taken_at=snapshot.taken_at,
        fresh_until=snapshot.taken_at + min(freshness, closes_at - at),
        position=snapshot.positions.get(symbol, 0),
    )
