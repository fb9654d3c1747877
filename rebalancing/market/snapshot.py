"""What the broker says of one account at one moment."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from pydantic import Field, computed_field

from rebalancing.base import FrozenModel, Instant, Money
from rebalancing.funding.account_kind import AccountKind
from rebalancing.market.trading_hours import DEFAULT_ZONE, TradingSession
from rebalancing.orders.placed_order import PlacedOrder

PRICE_CUSHION = Decimal("0.003")
"""A market order may fill this much above the ask while it travels; buys are sized as if it did (promise P5)."""


class QuoteKind(StrEnum):
    """How fresh a quote is, in IBKR's terms."""

    LIVE = "live"
    DELAYED = "delayed"
    """15 to 20 minutes old: what a login without a market data subscription is shown."""
    CLOSE = "close"
    """The last trade or the last close: no bid and ask."""

    @property
    def cushion(self) -> Decimal:
        """By how much a share may cost more than quoted, as a part of the price; older quotes may be further off."""
        return _CUSHIONS[self]

    def is_as_good_as(self, needed: "QuoteKind") -> bool:
        """Whether a quote of this kind will do where one of the other is needed."""
        order = list(QuoteKind)
        return order.index(self) <= order.index(needed)


_CUSHIONS = {QuoteKind.LIVE: PRICE_CUSHION, QuoteKind.DELAYED: Decimal("0.01"), QuoteKind.CLOSE: Decimal("0.03")}


class Quote(FrozenModel):
    """Prices of one symbol in US dollars. A side without a price is ``None``.

    ``at`` is when the market last said something of it: its last trade, or a later change of bid or ask. ``problem`` is
    the gateway's own word where it gave no quote, with its code. ``is_halted`` says that the exchange halted trading.
    """

    symbol: str
    bid: Money | None = None
    ask: Money | None = None
    last: Money | None = None
    close: Money | None = None
    kind: QuoteKind = QuoteKind.LIVE
    at: Instant
    problem: str = ""
    is_halted: bool = False

    @property
    def price(self) -> Money | None:
        """The price to value a holding at: the midpoint, else the last trade, else the last close."""
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.last if self.last is not None else self.close

    @property
    def buy_price(self) -> Money | None:
        """What a share may cost at worst: the ask, else the price, with the cushion of the quote's kind."""
        basis = self.ask if self.ask is not None else self.price
        return None if basis is None else basis * (1 + self.kind.cushion)

    @property
    def at_close(self) -> "Quote":
        """The same without bid and ask, which mean little while the market is closed."""
        return self.model_copy(update={"bid": None, "ask": None, "kind": QuoteKind.CLOSE})


class ContractDetails(FrozenModel):
    """The stock or ETF behind a symbol, as the broker names it.

    ``time_zone`` is the exchange's, as the zone database names it.
    ``sessions`` are its regular trading hours (``liquidHours``), ``extended_sessions`` those with the time before and
    after them (``tradingHours``). ``hours_problem`` says why either could not be read; then the symbol is not traded.
    """

    symbol: str
    con_id: int
    primary_exchange: str
    min_tick: Money
    time_zone: str = DEFAULT_ZONE
    sessions: tuple[TradingSession, ...] = ()
    extended_sessions: tuple[TradingSession, ...] = ()
    hours_problem: str = ""

    def hours(self, *, extended: bool = False) -> tuple[TradingSession, ...]:
        """When the symbol trades: in regular hours, or in the extended ones too."""
        return self.extended_sessions if extended else self.sessions


class OpenOrder(FrozenModel):
    """A working order of the account. ``is_ours`` says whether this application placed it, and so can cancel it.

    ``order_type`` and ``status`` are the gateway's own words.
    """

    order_id: int
    perm_id: int
    client_id: int
    is_ours: bool = True
    ref: str
    symbol: str
    side: str
    remaining: int
    order_type: str = ""
    status: str = ""


class BrokerFigures(FrozenModel):
    """What the broker says an account is worth, in US dollars, as of its own last refresh.

    ``net_liquidation`` is of the whole account, ``None`` where the account has nothing to do with dollars. ``cash`` and
    ``stocks`` (the market value of all US stocks; ``None`` where it is not told) are what it has in dollars, ``others``
    what is neither. ``in_doubt`` is by how much these may fail to add up. ``untold`` says what is not told and must be.
    """

    net_liquidation: Money | None = None
    cash: Money = Decimal(0)
    stocks: Money | None = None
    others: Money = Decimal(0)
    in_doubt: Money = Decimal(0)
    untold: str = ""


class ReservedIds(FrozenModel):
    """Order ids that nothing else has: ``count`` of them from ``first`` on, reserved on one connection.

    ``trading_day`` is the gateway's date (US Eastern, ``YYYYMMDD``) when they were.
    """

    first: int = Field(gt=0)
    count: int = Field(gt=0)
    trading_day: str


class AccountSnapshot(FrozenModel):
    """Cash, holdings, working orders, contracts and quotes of one account.

    It is read in one slot visit, unless it has so many symbols that others would wait for it: ``unread`` are then those
    whose contracts and quotes another visit must read.

    ``cash`` is the broker's figure, corrected by the fills it may not contain yet; where fills from before the
    connection make that impossible, ``cash_is_settled`` is false, and ``unsettled_refs`` are the refs of their orders
    (empty for one without a ref). ``figures`` is what the broker itself says it all comes to
    (``rebalancing.figure_checks``). ``clock_ahead`` is by how many seconds at least the worker's clock is ahead of the
    gateway's (negative: behind), 0 where both may agree. ``positions`` holds the managed ones (stocks and ETFs in USD,
    whole shares), ``fractions`` what there is of them besides; ``unmanaged`` describes the rest.
    ``bought_unsettled`` names what a cash account must not sell today (``rebalancing.funding.settlement``).
    ``connection`` names the connection it was read on; it is empty where that is not one and the same. ``order_ids``
    are reserved on it for a leg that is sized by this very reading, where they were asked for, as ``average_costs`` are
    told: what one share was bought for, by the broker. ``placed_orders`` are those of today with refs of ours that the
    request did not name, where it asked for them.
    """

    account: str
    taken_at: Instant
    connection: str = ""
    order_ids: ReservedIds | None = None
    cash: Money
    cash_is_settled: bool = True
    unsettled_refs: tuple[str, ...] = ()
    figures: BrokerFigures = BrokerFigures()
    clock_ahead: float = 0
    positions: dict[str, int]
    fractions: dict[str, Money] = {}
    unmanaged: tuple[str, ...] = ()
    kind: AccountKind = AccountKind.UNKNOWN
    bought_unsettled: tuple[str, ...] = ()
    open_orders: tuple[OpenOrder, ...] = ()
    contracts: dict[str, ContractDetails] = {}
    quotes: dict[str, Quote] = {}
    unread: tuple[str, ...] = ()
    average_costs: dict[str, Money] = {}
    placed_orders: tuple[PlacedOrder, ...] = ()

    def after(self, earlier: "AccountSnapshot") -> "AccountSnapshot":
        """The same with the contracts and quotes that an earlier visit of the same reading read; as old as that."""
        return self.model_copy(
            update={
                "taken_at": min(self.taken_at, earlier.taken_at),
                "connection": self.connection if self.connection == earlier.connection else "",
                "contracts": {**earlier.contracts, **self.contracts},
                "quotes": {**earlier.quotes, **self.quotes},
            }
        )

    def closed_at(self, symbols: Iterable[str]) -> "AccountSnapshot":
        """The same with the closing prices of these symbols."""
        closed = set(symbols)
        quotes = {symbol: quote.at_close if symbol in closed else quote for symbol, quote in self.quotes.items()}
        return self.model_copy(update={"quotes": quotes})

    def with_prices_of(self, earlier: "AccountSnapshot") -> "AccountSnapshot":
        """The same with an earlier snapshot's quotes where there is no price now."""
        return self.model_copy(
            update={"quotes": {**earlier.quotes, **{s: quote for s, quote in self.quotes.items() if quote.price}}}
        )

    @computed_field
    @property
    def net_liquidation(self) -> Money | None:
        """What the whole account is worth in US dollars, by the broker."""
        return self.figures.net_liquidation

    @property
    def shares(self) -> dict[str, Decimal]:
        """What is held of every US stock, fractions of a share included."""
        none = Decimal(0)
        return {
            symbol: self.positions.get(symbol, 0) + self.fractions.get(symbol, none)
            for symbol in {**self.positions, **self.fractions}
        }

    @property
    def is_without_dollars(self) -> bool:
        """Whether there is nothing at all that could be invested."""
        return not (self.positions or self.fractions or self.cash > 0)

    def as_fills_left_it(self, positions: dict[str, int]) -> "AccountSnapshot":
        """The same with the holdings that the fills explain: those that the broker tells may lag behind."""
        return self.model_copy(update={"positions": positions})

    @property
    def funding_notes(self) -> tuple[str, ...]:
        """Why symbols are not sold today, and that nothing can be bought, for the outcome."""
        if self.is_without_dollars:
            return ("the account holds neither US dollars nor US stocks: there is nothing to invest",)
        return tuple(
            f"{symbol} was bought today with money that has not settled: a cash account must not sell it before"
            for symbol in self.bought_unsettled
        )

    @property
    def prices(self) -> dict[str, Money]:
        """The valuation price of every symbol that has one."""
        return {symbol: price for symbol, quote in self.quotes.items() if (price := quote.price) is not None}

    @property
    def quote_kinds(self) -> dict[str, QuoteKind]:
        """How fresh the quote of every symbol is."""
        return {symbol: quote.kind for symbol, quote in self.quotes.items()}

    @property
    def buy_prices(self) -> dict[str, Money]:
        """What a share of each symbol may cost at worst."""
        return {symbol: price for symbol, quote in self.quotes.items() if (price := quote.buy_price) is not None}
