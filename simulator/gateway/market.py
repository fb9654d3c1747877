"""Instruments and their prices: catalogue, quotes around a moving price, bars. Prices in USD as ``Decimal``."""

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.requests import ContractQuery
from simulator.gateway.scenario import InstrumentSetup, Scenario, ToldHours
from simulator.gateway.trading_hours import Session, TradingHours

_EXCHANGES = ("SMART", "ARCA", "NASDAQ", "NYSE", "BATS", "IEX", "ISLAND", "AMEX")

_OLDEST_BAR = timedelta(days=25 * 366)
"""Where a list of sessions is all there is, so many bars as are asked for may never come together."""


def exchange_of(name: str) -> str:
    """An exchange by its present name: ISLAND is what Nasdaq was called, and what the API still takes for it."""
    return "NASDAQ" if name == "ISLAND" else name


@dataclass(frozen=True)
class Instrument:
    """One stock or ETF as the catalogue knows it."""

    symbol: str
    con_id: int
    name: str
    primary_exchange: str
    min_tick: Decimal
    spread: Decimal
    stock_type: str
    hours: TradingHours
    told_hours: ToldHours | None = None
    depth: int | None = None
    currency: str = "USD"

    @property
    def trading_class(self) -> str:
        """IB names the trading class of NASDAQ-listed securities NMS, of others like the symbol."""
        return "NMS" if self.primary_exchange == "NASDAQ" else self.symbol

    def matches(self, query: ContractQuery) -> bool:
        """Whether everything the query says fits this instrument."""
        if query.derivative or query.exchange not in ("", *_EXCHANGES):
            return False
        if query.con_id:
            return query.con_id == self.con_id and query.sec_type in ("", "STK")
        return (
            query.symbol.upper() in ("", self.symbol)
            and (query.symbol or query.local_symbol) != ""
            and query.local_symbol in ("", self.symbol)
            and query.sec_type == "STK"
            and query.currency in ("", self.currency)
            and exchange_of(query.primary_exchange) in ("", exchange_of(self.primary_exchange))
            and query.trading_class in ("", self.trading_class)
        )


@dataclass(frozen=True)
class Quote:
    """Best bid and ask, the last trade, and the day's figures."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True)
class Bar:
    """One price bar; ``date`` as the protocol writes it."""

    date: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def con_id_of(name: str) -> int:
    """A contract's number: a checksum keeps it the same from run to run, whatever else the scenario lists."""
    return 100_000_000 + zlib.crc32(name.encode()) % 600_000_000


def _instrument(setup: InstrumentSetup, scenario: Scenario) -> Instrument:
    return Instrument(
        symbol=setup.symbol,
        con_id=setup.con_id or con_id_of(setup.symbol),
        name=setup.name or setup.symbol,
        primary_exchange=setup.primary_exchange,
        min_tick=setup.min_tick,
        spread=setup.spread,
        stock_type=setup.stock_type,
        hours=_hours(setup, scenario),
        told_hours=setup.told_hours,
        depth=setup.depth,
    )


def _hours(setup: InstrumentSetup, scenario: Scenario) -> TradingHours:
    sessions = tuple(Session(each.opens, each.closes) for each in scenario.sessions)
    extended = tuple(Session(each.opens, each.closes) for each in scenario.extended_sessions)
    return TradingHours(setup.hours or scenario.hours, sessions, extended or sessions)


class Market:
    """All instruments with their present prices."""

    def __init__(self, scenario: Scenario, prices: Mapping[str, Decimal] | None = None) -> None:
        self._seed = scenario.seed
        self._volatility = scenario.price_volatility
        self._random = random.Random(f"prices {scenario.seed}")
        self._breath = random.Random(f"breath {scenario.seed}")
        self._rates = {**scenario.exchange_rates, "USD": Decimal(1)}
        self.instruments = {each.symbol: _instrument(each, scenario) for each in scenario.instruments}
        self._usual_hours = {symbol: each.hours for symbol, each in self.instruments.items()}
        self._opening = {each.symbol: each.price for each in scenario.instruments}
        self._price = {**self._opening, **{s: p for s, p in (prices or {}).items() if s in self._opening}}
        self._set = dict(self._price)
        self._high = dict(self._price)
        self._low = dict(self._price)

    @property
    def prices(self) -> dict[str, Decimal]:
        """The present price of every symbol."""
        return dict(self._price)

    def price(self, symbol: str) -> Decimal:
        """The present price: the middle of the spread."""
        return self._price[symbol]

    def rate(self, currency: str) -> Decimal:
        """US dollars for one of this currency."""
        return self._rates[currency]

    def move(self, symbol: str, price: Decimal) -> None:
        """Set a price; raise `KeyError` for an unknown symbol and `ValueError` for a price that is none."""
        if symbol not in self._price:
            raise KeyError(symbol)
        if not price.is_finite() or price <= 0:
            raise ValueError(f"{symbol}: a price is a positive number, not {price}")
        self._set[symbol] = price
        self._note(symbol, price)

    def keep_sessions(self, sessions: Sequence[Session]) -> None:
        """Trade everything in these sessions and no others, until told otherwise; in none: as the scenario says.

        Orders that were accepted before are not looked at again: a day order still expires at the close it was
        accepted under.
        """
        listed = tuple(sessions)
        for symbol, usual in self._usual_hours.items():
            hours = TradingHours("listed", listed, listed) if listed else usual
            self.instruments[symbol] = replace(self.instruments[symbol], hours=hours)

    def wander(self) -> list[str]:
        """One step of a random walk for every price; returns the symbols that moved."""
        if not self._volatility:
            return []
        for symbol, price in list(self._price.items()):
            step = Decimal(str(round(1 + self._random.gauss(0, self._volatility), 6)))
            self.move(symbol, max(price * max(step, Decimal("0.5")), Decimal("0.01")).quantize(Decimal("0.01")))
        return list(self._price)

    def breathe(self) -> list[str]:
        """One step of a walk that never leaves the spread around the price that was set; returns what moved."""
        moved: list[str] = []
        for symbol, instrument in self.instruments.items():
            half, step = instrument.spread / 2, instrument.min_tick * self._breath.choice((-1, 1))
            lowest, highest = max(self._set[symbol] - half, instrument.min_tick), self._set[symbol] + half
            price = min(max(self._price[symbol] + step, lowest), highest)
            if price != self._price[symbol]:
                self._note(symbol, price)
                moved.append(symbol)
        return moved

    def _note(self, symbol: str, price: Decimal) -> None:
        self._price[symbol] = price
        self._high[symbol] = max(self._high[symbol], price)
        self._low[symbol] = min(self._low[symbol], price)

    def quote(self, symbol: str) -> Quote:
        """Bid and ask around the present price, on the tick grid, and the day's figures."""
        instrument = self.instruments[symbol]
        price = self._price[symbol]
        half = instrument.spread / 2
        bid = _on_grid(price - half, instrument.min_tick)
        return Quote(
            bid=max(bid, instrument.min_tick),
            ask=max(_on_grid(price + half, instrument.min_tick), bid),
            last=_on_grid(price, instrument.min_tick),
            open=self._opening[symbol],
            high=self._high[symbol],
            low=self._low[symbol],
            close=self._opening[symbol],
        )

    def find(self, query: ContractQuery) -> list[Instrument]:
        """Every instrument the query fits: none for an unknown one."""
        return [each for each in self.instruments.values() if each.matches(query)]

    def bars(self, symbol: str, count: int, *, hourly: bool, now: datetime) -> list[Bar]:
        """The last ``count`` daily or hourly bars, ending at the present price; the same for the same seed."""
        walk = random.Random(f"bars {self._seed} {symbol} {hourly}")
        price = self._price[symbol]
        bars: list[Bar] = []
        for label in _bar_dates(self.instruments[symbol].hours, count, hourly=hourly, now=now):
            before = _on_grid(price / Decimal(str(round(1 + walk.gauss(0.0004, 0.009), 6))), Decimal("0.01"))
            edge = abs(price - before) / 2 + Decimal("0.01")
            high = _on_grid(max(price, before) + edge, Decimal("0.01"))
            low = _on_grid(max(min(price, before) - edge, Decimal("0.01")), Decimal("0.01"))
            bars.append(Bar(label, before, high, low, _on_grid(price, Decimal("0.01")), walk.randrange(10**5, 10**7)))
            price = before
        return bars[::-1]


def _bar_dates(hours: TradingHours, count: int, *, hourly: bool, now: datetime) -> list[str]:
    """Labels of the newest bars, newest first: a day, or the seconds since the epoch at which an hour starts."""
    labels: list[str] = []
    day = now.astimezone(NEW_YORK).date()
    first = day - _OLDEST_BAR
    while len(labels) < count and day > first:
        session = next(iter(hours.sessions_on(day)), None)
        if session and session.opens <= now:
            if hourly:
                starts: list[datetime] = []
                start = session.opens
                while start < min(session.closes, now):
                    starts.append(start)
                    start += timedelta(hours=1)
                labels += [str(int(each.timestamp())) for each in reversed(starts)]
            else:
                labels.append(f"{day:%Y%m%d}")
        day -= timedelta(days=1)
    return labels[:count]


def _on_grid(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).quantize(Decimal(1), ROUND_HALF_UP) * tick
