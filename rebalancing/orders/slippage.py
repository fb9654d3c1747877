"""What fills cost beside the prices a plan was made with: the implementation shortfall of the orders, fees apart.

The arrival price of a symbol is the valuation price in the quote of the plan: the midpoint, where there is one. So half
the spread is part of the slippage, and so is what the price moved while the sell leg filled.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rebalancing.base import CENT, FrozenModel, Money
from rebalancing.orders.order import OrderReport, Side

_TENTH = Decimal("0.1")


class Slippage(FrozenModel):
    """What all fills together cost (negative: saved), in US dollars and in basis points of ``traded``.

    ``traded`` is the value of all fills at their arrival prices, in US dollars.
    """

    amount: Money
    traded: Money
    basis_points: Decimal


def slippage_of(report: OrderReport, arrival_price: Money) -> Money:
    """What the fills of one order cost beside its arrival price, in US dollars; negative if they saved something."""
    per_share = report.average_price - arrival_price
    return report.filled * (per_share if report.side is Side.BUY else -per_share)


def in_basis_points(amount: Money, traded: Money) -> Decimal:
    """An amount as a part of what was traded, in hundredths of a percent; 0 where nothing was."""
    return (10_000 * amount / traded).quantize(_TENTH) if traded else Decimal(0)


def total_slippage(reports: Iterable[OrderReport], arrival_prices: Mapping[str, Money]) -> Slippage | None:
    """The slippage of all fills whose arrival price is known; ``None`` if there are none."""
    known = [(report, arrival_prices[report.symbol]) for report in reports if report.symbol in arrival_prices]
    traded = sum((report.filled * price for report, price in known), Decimal(0))
    if not traded:
        return None
    amount = sum((slippage_of(report, price) for report, price in known), Decimal(0))
    return Slippage(
        amount=amount.quantize(CENT), traded=traded.quantize(CENT), basis_points=in_basis_points(amount, traded)
    )
