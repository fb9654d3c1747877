"""Unsettled money in cash accounts, as far as IBKR lets one know.

A cash account may buy with the proceeds of a sale that has not settled (T+1), but must not sell that purchase before
the sale settles ("free riding"; IBKR then allows trading with settled cash only for 90 days).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from rebalancing.base import FrozenModel, Instant, Money
from rebalancing.orders.order import Side

SETTLEMENT_ZONE: Final = ZoneInfo("US/Eastern")
"""Trades of one day of this zone settle together, on the next business day."""

ROUNDING: Final = Decimal("0.05")
"""What sums of figures that were each rounded to the cent may be off by."""


class DayTrade(FrozenModel):
    """An execution in US dollars; ``value`` is what was paid or received, before commission."""

    symbol: str
    side: Side
    value: Money
    at: Instant


def bought_unsettled(
    trades: Iterable[DayTrade], cash: Decimal, settled_cash: Decimal | None, now: datetime
) -> tuple[str, ...]:
    """The symbols that a cash account bought today with money that does not settle today; they must not be sold today.

    Today's sales settle on the next business day. What cash there is without them is settled: if that is negative, some
    of what was bought after today's first sale was paid with unsettled proceeds, and nobody can tell which. The
    broker's own ``SettledCash`` may only make it stricter: field reports differ on what it contains.
    """
    today = [trade for trade in trades if _day(trade.at) == _day(now)]
    sales = [trade for trade in today if trade.side is Side.SELL]
    if not sales:
        return ()
    settled = cash - sum((trade.value for trade in sales), Decimal(0))
    if settled_cash is not None:
        settled = min(settled, settled_cash)
    if settled >= -ROUNDING:
        return ()
    first_sale = min(trade.at for trade in sales)
    return tuple(sorted({trade.symbol for trade in today if trade.side is Side.BUY and trade.at >= first_sale}))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(SETTLEMENT_ZONE):%Y%m%d}"
