"""Limit prices on the contract's price grid.

The grid: a contract's ``minTick`` is the finest increment at any price and on any exchange (TWS API, "Minimum Price
Increment"). US stocks trade no finer than one cent from one dollar upwards (SEC Regulation NMS, rule 612), so a finer
``minTick`` counts below a dollar only; a coarser one counts everywhere.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from rebalancing.base import CENT, FrozenModel, Money
from rebalancing.market.snapshot import Quote, QuoteKind
from rebalancing.orders.order_policy import LimitAt

ONE_DOLLAR: Final = Decimal(1)


class LimitRule(FrozenModel):
    """How an order's limit price is found, at first and at every repricing; in history before the order is sent.

    ``cushion_percent`` is in percent of the price. ``min_tick`` is the contract's. ``worst_price`` is what the buy was
    sized with: whatever the market does, its limit never goes beyond (promise P5). Sells have none. ``quotes_needed``
    is the least fresh kind of quote that a repricing may go by.
    """

    at: LimitAt
    cushion_percent: Money
    min_tick: Money
    worst_price: Money | None = None
    quotes_needed: QuoteKind = QuoteKind.LIVE

    def price(self, quote: Quote, *, is_buy: bool) -> Decimal | None:
        """The limit price for this quote, on the grid; ``None`` if the quote has no price to go by.

        A marketable limit is rounded away from the market, so that it stays marketable; a midpoint towards one's own
        side, so that it never pays more than the midpoint.
        """
        basis = self._basis(quote, is_buy=is_buy)
        if basis is None:
            return None
        is_marketable = self.at is LimitAt.CUSHION
        price = on_grid(basis, self.min_tick, upwards=is_buy == is_marketable)
        if is_buy and self.worst_price is not None:
            price = min(price, on_grid(self.worst_price, self.min_tick, upwards=False))
        return price if price > 0 else None

    def _basis(self, quote: Quote, *, is_buy: bool) -> Decimal | None:
        if self.at is LimitAt.MIDPOINT:
            return quote.price
        side = quote.ask if is_buy else quote.bid
        basis = side if side is not None else quote.price
        cushion = self.cushion_percent / 100
        return None if basis is None else basis * (1 + cushion if is_buy else 1 - cushion)


def on_grid(price: Decimal, min_tick: Decimal, *, upwards: bool) -> Decimal:
    """The nearest price on the grid that is not below (``upwards``) or not above the given one."""
    tick = max(min_tick, CENT) if price >= ONE_DOLLAR else min_tick
    steps = (price / tick).to_integral_value(ROUND_CEILING if upwards else ROUND_FLOOR)
    return steps * tick
