"""What the broker says of one account at one moment."""

from decimal import Decimal
from enum import StrEnum

from rebalancing.base import FrozenModel, Instant, Money

PRICE_CUSHION = Decimal("0.003")
"""A market order may fill this much above the ask while it travels; buys are sized as if it did (promise P5)."""


class QuoteKind(StrEnum):
    """How fresh a quote is, in IBKR's terms."""

    LIVE = "live"
    DELAYED = "delayed"
    CLOSE = "close"


class Quote(FrozenModel):
    """Prices of one symbol in US dollars. A side without a price is ``None``."""

    symbol: str
    bid: Money | None = None
    ask: Money | None = None
    last: Money | None = None
    close: Money | None = None
    kind: QuoteKind = QuoteKind.LIVE
    at: Instant

    @property
    def price(self) -> Money | None:
        """The price to value a holding at: the midpoint, else the last trade, else the last close."""
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.last if self.last is not None else self.close

    @property
    def buy_price(self) -> Money | None:
        """What a share may cost at worst: the ask, else the price, with the cushion."""
        basis = self.ask if self.ask is not None else self.price
        return None if basis is None else basis * (1 + PRICE_CUSHION)


class Session(FrozenModel):
    """One span of regular trading hours."""

    opens_at: Instant
    closes_at: Instant


class ContractDetails(FrozenModel):
    """The stock or ETF behind a symbol, as the broker names it."""

    symbol: str
    con_id: int
    primary_exchange: str
    min_tick: Money
    sessions: tuple[Session, ...] = ()

    def is_open(self, at: Instant) -> bool:
        """Whether the symbol trades in regular hours at this moment."""
        return any(session.opens_at <= at < session.closes_at for session in self.sessions)

    def next_open(self, at: Instant) -> Instant | None:
        """When regular trading begins next; now if it is under way, ``None`` if the broker's calendar ends before."""
        upcoming = [max(session.opens_at, at) for session in self.sessions if session.closes_at > at]
        return min(upcoming, default=None)


class OpenOrder(FrozenModel):
    """A working order of the account. ``is_ours`` says whether this application placed it, and so can cancel it."""

    order_id: int
    perm_id: int
    client_id: int
    is_ours: bool = True
    ref: str
    symbol: str
    side: str
    remaining: int


class AccountSnapshot(FrozenModel):
    """Cash, holdings, working orders, contracts and quotes of one account, read in one slot visit.

    ``cash`` is the broker's figure, corrected by the fills it may not contain yet; where fills from before the
    connection make that impossible, ``cash_is_settled`` is false. ``positions`` holds the managed ones (stocks and ETFs
    in USD, whole shares), ``fractions`` what there is of them besides; ``unmanaged`` describes the rest.
    """

    account: str
    taken_at: Instant
    net_liquidation: Money
    cash: Money
    cash_is_settled: bool = True
    positions: dict[str, int]
    fractions: dict[str, Money] = {}
    unmanaged: tuple[str, ...] = ()
    open_orders: tuple[OpenOrder, ...] = ()
    contracts: dict[str, ContractDetails] = {}
    quotes: dict[str, Quote] = {}

    @property
    def prices(self) -> dict[str, Money]:
        """The valuation price of every symbol that has one."""
        return {symbol: price for symbol, quote in self.quotes.items() if (price := quote.price) is not None}

    @property
    def buy_prices(self) -> dict[str, Money]:
        """What a share of each symbol may cost at worst."""
        return {symbol: price for symbol, quote in self.quotes.items() if (price := quote.buy_price) is not None}
