"""Which quotes nobody should trade by: missing, not live, halted, old, crossed, one-sided, far from the last close.

A wrong price makes a wrong number of shares, and selling and buying it costs money; not trading only costs time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from rebalancing import failures
from rebalancing.failures import AccountFailure
from rebalancing.market.snapshot import Quote, QuoteKind
from rebalancing.settings import QuoteSettings

DELAY: Final = timedelta(minutes=20)
"""How much older delayed quotes are than live ones, at most (IBKR: 10 to 20 minutes)."""


@dataclass(frozen=True)
class QuoteProblem:
    """What is wrong with one symbol's quote, with the figures and what to do; ``failure`` is what a run ends with."""

    failure: type[AccountFailure]
    symbol: str
    words: str

    @property
    def may_pass(self) -> bool:
        """Whether waiting a little can help: subscriptions do not come by themselves."""
        return self.failure is not failures.QuoteNotLive

    def __str__(self) -> str:
        return f"{self.symbol}: {self.words}"


def quote_problems(
    quotes: Iterable[Quote], now: datetime, settings: QuoteSettings, needed: QuoteKind, closed: frozenset[str]
) -> tuple[QuoteProblem, ...]:
    """What is wrong with these quotes, one problem for each symbol at most; no problem means they may be traded by.

    ``needed`` is the least fresh kind that will do. Symbols in ``closed`` do not trade at ``now``: only that they have
    some price, and that the login is shown what is needed, is asked of them.
    """
    found = (_problem(quote, now, settings, needed, is_closed=quote.symbol in closed) for quote in quotes)
    return tuple(problem for problem in found if problem is not None)


def is_old(quote: Quote, now: datetime, settings: QuoteSettings) -> bool:
    """Whether the market has said nothing of the symbol for too long; a closing price has no age."""
    return quote.kind is not QuoteKind.CLOSE and now - quote.at > allowed_age(quote.kind, settings)


def allowed_age(kind: QuoteKind, settings: QuoteSettings) -> timedelta:
    """How long ago the market may have spoken last."""
    return timedelta(seconds=settings.max_age) + (DELAY if kind is QuoteKind.DELAYED else timedelta())


def _problem(
    quote: Quote, now: datetime, settings: QuoteSettings, needed: QuoteKind, *, is_closed: bool
) -> QuoteProblem | None:
    if quote.price is None:
        why = f" ({quote.problem})" if quote.problem else ""
        words = f"no price{why}, neither live, delayed nor of the last close; check the login's market data"
        return QuoteProblem(failures.QuoteMissing, quote.symbol, words)
    if quote.kind is QuoteKind.DELAYED and not quote.kind.is_as_good_as(needed):
        words = (
            f"the quote is {quote.kind}, but {needed} ones are needed; subscribe to the exchange's market "
            "data, or allow others for this account (quotes_needed)"
        )
        return QuoteProblem(failures.QuoteNotLive, quote.symbol, words)
    if is_closed:
        return None
    if quote.is_halted:
        return QuoteProblem(failures.QuoteHalted, quote.symbol, "its exchange has halted trading")
    return _sides(quote, needed) or _age(quote, now, settings) or _move(quote, settings)


def _sides(quote: Quote, needed: QuoteKind) -> QuoteProblem | None:
    if quote.bid is None or quote.ask is None:
        if needed is QuoteKind.CLOSE:
            return None
        side = "bid and no ask" if quote.bid is None and quote.ask is None else "bid" if quote.bid is None else "ask"
        words = f"there is no {side} while its market is open (bid {_shown(quote.bid)}, ask {_shown(quote.ask)})"
        more = f"; {quote.problem}" if quote.problem else ""
        return QuoteProblem(failures.QuoteOneSided, quote.symbol, words + more)
    if quote.bid > quote.ask:
        words = f"the bid of {quote.bid} is above the ask of {quote.ask}"
        return QuoteProblem(failures.QuoteCrossed, quote.symbol, words)
    return None


def _age(quote: Quote, now: datetime, settings: QuoteSettings) -> QuoteProblem | None:
    age, allowed = now - quote.at, allowed_age(quote.kind, settings)
    if not is_old(quote, now, settings):
        return None
    words = (
        f"the market last said something {age.total_seconds():,.0f} s ago, at {quote.at:%Y-%m-%d %H:%M:%S} UTC; "
        f"{allowed.total_seconds():,.0f} s are allowed (quotes.max_age)"
    )
    return QuoteProblem(failures.QuoteStale, quote.symbol, words)


def _move(quote: Quote, settings: QuoteSettings) -> QuoteProblem | None:
    if quote.close is None:
        if not settings.close_needed:
            return None
        words = (
            "there is no last close that its quote could be held against; look at the symbol in TWS, or allow such "
            "symbols (quotes.close_needed)"
        )
        return QuoteProblem(failures.QuoteWithoutClose, quote.symbol, words)
    for name, price in (("bid", quote.bid), ("ask", quote.ask), ("price", quote.price)):
        if price is None:
            continue
        move = 100 * (price / quote.close - 1)
        if abs(move) > settings.max_move_percent:
            words = (
                f"the {name} of {price} is {move:+.1f} % from the last close of {quote.close}; "
                f"{settings.max_move_percent.normalize():f} % are allowed (quotes.max_move_percent)"
            )
            return QuoteProblem(failures.QuoteTooFar, quote.symbol, words)
    return None


def _shown(price: Decimal | None) -> str:
    return "none" if price is None else str(price)
