"""When an exchange takes no more orders for its closing auction.

NYSE and NYSE Arca take market-on-close orders until ten minutes before the close (15:50 on a full day), Nasdaq until
five (15:55); on a half-day both count from the early close. Elsewhere the earlier of the two is kept to.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from rebalancing.market.trading_hours import TradingSession

LEAD: Final = timedelta(minutes=10)
NASDAQ_LEAD: Final = timedelta(minutes=5)
NASDAQ: Final = frozenset({"NASDAQ", "ISLAND", "NASDAQ.NMS", "NASDAQ.SCM"})
"""How IBKR names Nasdaq as a primary exchange."""


def close_of_session(sessions: Iterable[TradingSession], at: datetime) -> datetime | None:
    """The close of the session that runs at this moment, or else of the next one."""
    return min((session.closes_at for session in sessions if session.closes_at > at), default=None)


def cut_off(primary_exchange: str, closes_at: datetime) -> datetime:
    """The last moment at which the exchange takes an order for this close."""
    return closes_at - (NASDAQ_LEAD if primary_exchange in NASDAQ else LEAD)
