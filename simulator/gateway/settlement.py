"""When a sale's money settles: on the business day after the trade (T+1), as US stocks have settled since May 2024."""

from datetime import datetime, timedelta

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.trading_hours import TradingHours

_LONGEST_BREAK = 7
_EXCHANGE_DAYS = TradingHours(kind="us_stocks")


def settlement_day(moment: datetime) -> str:
    """The day (``YYYYMMDD``, New York) on which what is traded at this moment settles."""
    day = moment.astimezone(NEW_YORK).date()
    following = (day + timedelta(days=number) for number in range(1, _LONGEST_BREAK + 1))
    return next(f"{each:%Y%m%d}" for each in following if _EXCHANGE_DAYS.sessions_on(each))
