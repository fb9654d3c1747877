"""Whether what was read of an account comes to what the broker itself says it is worth, by clocks that agree.

A wrong figure for cash or for a price makes orders of any size. So both are held against the broker's net liquidation
value, less what is not managed; where they do not come together nothing is traded. What a rebalance does moves the net
liquidation value by costs alone, so that the broker's figures need not be as new as the fills for that.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from rebalancing.market.snapshot import AccountSnapshot, BrokerFigures
from rebalancing.settings import FiguresSettings

ROUNDING: Final = Decimal(1)
"""US dollars by which amounts that were each rounded may fail to add up."""

NOTHING: Final = Decimal(0)


def figures_problem(snapshot: AccountSnapshot, settings: FiguresSettings) -> str:
    """What does not agree, in words with the figures; empty if everything does.

    Of US stocks that nothing is asked about (held out) only the broker knows the value, and that together with all
    others. Then its figures are held against each other, and the managed holdings against the sum they are part of.
    """
    if impossible := _impossible_price(snapshot):
        return impossible
    figures = snapshot.figures
    if figures.untold:
        return f"what the broker says of its worth cannot be told: {figures.untold}"
    if figures.net_liquidation is None:
        return "" if snapshot.is_without_dollars else "the broker does not say what it is worth in US dollars"
    return next(_contradictions(snapshot, figures, figures.net_liquidation, settings.tolerance_percent), "")


def clock_problem(snapshot: AccountSnapshot, tolerance: float) -> str:
    """In words, if the worker's clock is further from the gateway's than this many seconds; else empty."""
    ahead = snapshot.clock_ahead
    if abs(ahead) <= tolerance:
        return ""
    direction = "ahead of" if ahead > 0 else "behind"
    return (
        f"the worker's clock is at least {abs(ahead):.1f} s {direction} the gateway's; {tolerance:g} s are allowed "
        "(clock_tolerance). Have both machines set their clocks by a time server (NTP)"
    )


def _impossible_price(snapshot: AccountSnapshot) -> str:
    """What nothing is held of, no value of the broker's tells of; but no price is less than the least step of it."""
    for symbol, contract in sorted(snapshot.contracts.items()):
        price = snapshot.prices.get(symbol)
        if price is not None and price < contract.min_tick:
            return f"{symbol} is said to cost {price} USD, less than the least step of its price ({contract.min_tick})"
    return ""


def _contradictions(
    snapshot: AccountSnapshot, figures: BrokerFigures, net_liquidation: Decimal, percent: Decimal
) -> Iterator[str]:
    prices = snapshot.prices
    values = {symbol: prices[symbol] * shares for symbol, shares in snapshot.shares.items() if symbol in prices}
    managed, gross = sum(values.values(), NOTHING), sum(map(abs, values.values()), NOTHING)
    unpriced = [shares for symbol, shares in snapshot.shares.items() if symbol not in values]
    cash, stocks = (snapshot.cash, managed) if not unpriced else (figures.cash, figures.stocks)
    if stocks is None:
        yield "the broker does not say what its stocks are worth, of which some are held out"
        return
    expected = net_liquidation - figures.others
    allowed = ROUNDING + figures.in_doubt + max(abs(expected), gross) * percent / 100
    if abs(cash + stocks - expected) > allowed:
        yield (
            f"cash of {cash:,.2f} USD and stocks of {stocks:,.2f} USD come to {cash + stocks:,.2f} USD, where the "
            f"broker's net liquidation value leaves {expected:,.2f} USD for them ({net_liquidation:,.2f} USD less "
            f"{figures.others:,.2f} USD of what is not managed); {_allowed(percent)}"
        )
    is_part = [shares > 0 for shares in unpriced]
    beyond = managed - stocks
    if unpriced and ((all(is_part) and beyond > allowed) or (not any(is_part) and -beyond > allowed)):
        yield (
            f"the managed stocks come to {managed:,.2f} USD, where the broker says {stocks:,.2f} USD of all stocks "
            f"together with those held out; {_allowed(percent)}"
        )


def _allowed(percent: Decimal) -> str:
    return f"{percent.normalize():f} % are allowed (figures.tolerance_percent)"
