"""The margin check before the first order: what IBKR says a plan would do to a margin account (what-if orders)."""

from collections.abc import Iterable
from decimal import Decimal

from pydantic import Field

from rebalancing.base import FrozenModel, Money
from rebalancing.orders.order import Side

FUNDS_WORDS = ("AVAILABLE FUNDS", "INITIAL MARGIN", "EQUITY WITH LOAN", "INSUFFICIENT", "CASH")
"""Words of refusals that are about money. Of a buy that sells go before, they say nothing: it is paid by those."""


class WhatIfOrder(FrozenModel):
    """One order of a plan to ask about."""

    symbol: str
    con_id: int
    side: Side
    quantity: int = Field(gt=0)


class MarginRequest(FrozenModel):
    """Asks what all these orders would do to the account; ``permit`` is the asking run's, where seals are required.

    ``connection`` is the one on which they were sized; empty where that is not one and the same.
    """

    account: str
    orders: tuple[WhatIfOrder, ...]
    permit: str = ""
    connection: str = ""


class MarginQuestions(FrozenModel):
    """The questions that were sent, with the number of each on the connection they were sent on."""

    account: str
    orders: tuple[WhatIfOrder, ...]
    ids: tuple[int, ...]


class WhatIfAnswer(FrozenModel):
    """IBKR's answer for one order, in the account's base currency.

    ``None`` is what it gave no number for, ``refusal`` why it would refuse the order. ``margin_before`` and
    ``equity_before`` are the account's initial margin and equity with loan value now.
    """

    order: WhatIfOrder
    margin_before: Money | None = None
    margin_change: Money | None = None
    equity_before: Money | None = None
    equity_change: Money | None = None
    commission: Money | None = None
    refusal: str = ""


class MarginPreview(FrozenModel):
    """All answers together. Each tells of its order alone; their changes are added up.

    ``currency`` is the account's base currency, which all amounts but the commissions are in.
    """

    answers: tuple[WhatIfAnswer, ...]
    currency: str = "USD"

    @property
    def margin_after(self) -> Decimal | None:
        """Initial margin after the whole plan; ``None`` if IBKR told it of no order."""
        return _after((each.margin_before, each.margin_change) for each in self.answers)

    @property
    def equity_after(self) -> Decimal | None:
        """Equity with loan value after the whole plan."""
        return _after((each.equity_before, each.equity_change) for each in self.answers)

    @property
    def commissions(self) -> Decimal:
        """The commissions that were told."""
        return sum((each.commission for each in self.answers if each.commission is not None), Decimal(0))

    @property
    def shortfall(self) -> str:
        """In words, if the initial margin would be above the equity with loan value; else empty."""
        margin, equity = self.margin_after, self.equity_after
        if margin is None or equity is None or margin <= equity:
            return ""
        return (
            f"initial margin would be {margin:,.2f} {self.currency}, more than the equity with loan value of "
            f"{equity:,.2f} {self.currency}"
        )

    @property
    def refusals(self) -> tuple[str, ...]:
        """Which orders IBKR would refuse, and why; a buy's lack of money does not count where sells go before it."""
        has_sells = any(each.order.side is Side.SELL for each in self.answers)
        return tuple(
            f"{each.order.side} {each.order.quantity} {each.order.symbol}: {each.refusal}"
            for each in self.answers
            if each.refusal and not (has_sells and each.order.side is Side.BUY and _is_about_funds(each.refusal))
        )

    @property
    def note(self) -> str:
        """What was found, for the outcome."""
        silent = ", ".join(each.order.symbol for each in self.answers if each.margin_change is None)
        if self.margin_after is None or self.equity_after is None:
            return f"margin check: IBKR told no margin for {silent}"
        rest = f"; no margin was told for {silent}" if silent else ""
        return (
            f"margin check: initial margin after the plan {self.margin_after:,.2f} {self.currency} of "
            f"{self.equity_after:,.2f} {self.currency} equity with loan value, "
            f"commissions {self.commissions:,.2f} USD{rest}"
        )


def _is_about_funds(refusal: str) -> bool:
    return any(word in refusal.upper() for word in FUNDS_WORDS)


def _after(pairs: Iterable[tuple[Decimal | None, Decimal | None]]) -> Decimal | None:
    told = [(before, change) for before, change in pairs if before is not None and change is not None]
    if not told:
        return None
    return told[0][0] + sum((change for _, change in told), Decimal(0))
