"""What clients are told of a symbol's prices, which need not be what orders are filled at: entitlement and faults."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from simulator.gateway.market import Market, Quote
from simulator.gateway.scenario import InstrumentSetup, MarketDataMode, Price, QuoteFault, Scenario

NO_DATA = Decimal(-1)
"""The protocol's word for a price that there is not."""

TINY = Decimal("0.0001")
"""A price that nothing trades at."""

STALE_FOR = timedelta(hours=1)
"""How long ago the last trade of a stale symbol was."""

NOT_SUBSCRIBED = 354
COMPETING_SESSION = 10197
REFUSALS: dict[MarketDataMode, tuple[int, str]] = {
    "none": (NOT_SUBSCRIBED, "Requested market data is not subscribed."),
    "competing": (COMPETING_SESSION, "No market data during competing live session"),
}
"""The error that a request for quotes gets instead of them."""


class QuotingChange(BaseModel):
    """A change of what clients are told of one symbol; what is left out stays, ``null`` is as at the start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    market_data: MarketDataMode | None = None
    fault: QuoteFault | None = None
    last_close: Price | None = None


@dataclass(frozen=True)
class Quoting:
    """How one symbol is quoted now."""

    market_data: MarketDataMode
    fault: QuoteFault | None
    last_close: Decimal

    @property
    def refusal(self) -> tuple[int, str] | None:
        """Code and text of the error that comes instead of quotes."""
        return REFUSALS.get(self.market_data)


class Quotations:
    """All symbols' quotes as they are told; ``changed`` is called with a symbol of which something else is told now."""

    def __init__(self, scenario: Scenario, market: Market, changed: Callable[[str], None]) -> None:
        self._market = market
        self._changed = changed
        self._at_start = {each.symbol: _quoting(each, scenario) for each in scenario.instruments}
        self._now = dict(self._at_start)

    def of(self, symbol: str) -> Quoting:
        """How a symbol is quoted."""
        return self._now[symbol]

    def change(self, symbol: str, change: QuotingChange) -> None:
        """Quote a symbol differently from now on. Raises `KeyError` for an unknown one."""
        start = self._at_start[symbol]
        given = {
            name: getattr(change, name) if getattr(change, name) is not None else getattr(start, name)
            for name in change.model_fields_set
        }
        self._now[symbol] = replace(self._now[symbol], **given)
        self._changed(symbol)

    def told(self, symbol: str) -> Quote | None:
        """The prices clients are told; `None` where no price tick comes at all."""
        quoting = self._now[symbol]
        quote = replace(self._market.quote(symbol), close=quoting.last_close)
        tick = self._market.instruments[symbol].min_tick
        match quoting.fault:
            case "silent":
                return None
            case "crossed":
                return replace(quote, bid=quote.ask + tick, ask=quote.bid)
            case "zero":
                return replace(quote, bid=Decimal(0), ask=Decimal(0))
            case "one_sided":
                return replace(quote, ask=NO_DATA)
            case "closing":
                return replace(quote, bid=NO_DATA, ask=NO_DATA)
            case "absent":
                return Quote(*[NO_DATA] * 7)
            case "no_close":
                return replace(quote, close=NO_DATA)
            case "tiny":
                return Quote(*[TINY] * 7)
            case _:
                return quote

    def traded_at(self, symbol: str, now: datetime) -> datetime:
        """When clients are told the symbol traded last."""
        return now - STALE_FOR if self._now[symbol].fault == "stale" else now


def _quoting(setup: InstrumentSetup, scenario: Scenario) -> Quoting:
    return Quoting(setup.market_data or scenario.market_data, setup.quote_fault, setup.last_close or setup.price)
