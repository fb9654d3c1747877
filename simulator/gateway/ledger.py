"""What an account owns: cash, holdings at average cost, realised profit. USD as ``Decimal``, whole shares traded."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from simulator.gateway.market import Market
from simulator.gateway.scenario import OtherPosition

_HALF = Decimal("0.5")
_QUARTER = Decimal("0.25")


class Holding(BaseModel):
    """Shares of one symbol (negative when sold short) and what one of them cost on average."""

    model_config = ConfigDict(extra="forbid")

    quantity: int = 0
    average_cost: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)


class Ledger(BaseModel):
    """One account's books. ``unsettled`` holds the proceeds of sales by the day (``YYYYMMDD``) on which they settle.

    ``cash`` is in US dollars, ``other_cash`` by its currency. ``fractions`` are held besides whole shares and
    ``others`` besides US stocks; neither is traded.
    """

    model_config = ConfigDict(extra="forbid")

    account: str
    cash: Decimal
    kind: str = "margin"
    other_margin: Decimal = Decimal(0)
    model: str = ""
    base_currency: str = "USD"
    other_cash: dict[str, Decimal] = {}
    fractions: dict[str, Decimal] = {}
    others: tuple[OtherPosition, ...] = ()
    holdings: dict[str, Holding] = {}
    unsettled: dict[str, Decimal] = {}

    @property
    def positions(self) -> dict[str, int]:
        """Whole shares per symbol, those held only."""
        return {symbol: each.quantity for symbol, each in self.holdings.items() if each.quantity}

    @property
    def held(self) -> dict[str, int | Decimal]:
        """Shares per symbol with the fractions, those held only."""
        return {symbol: shares for symbol in self.holdings if (shares := self.shares(symbol))}

    def shares(self, symbol: str) -> int | Decimal:
        """Shares of a symbol, a fraction included."""
        quantity = self.holdings[symbol].quantity
        return quantity + self.fractions[symbol] if symbol in self.fractions else quantity

    @property
    def settled_cash(self) -> Decimal:
        """Cash without the proceeds of sales that have not settled; purchases count from the trade on."""
        return self.cash - sum(self.unsettled.values(), Decimal(0))

    def note_sale(self, settles: str, proceeds: Decimal) -> None:
        """The proceeds of a sale are there, and settle on that day."""
        self.unsettled[settles] = self.unsettled.get(settles, Decimal(0)) + proceeds

    def settle(self, today: str) -> None:
        """What was due by today has settled."""
        self.unsettled = {day: proceeds for day, proceeds in self.unsettled.items() if day > today}

    def book(self, symbol: str, signed_quantity: int, price: Decimal, commission: Decimal) -> Decimal | None:
        """Enter a fill (bought shares positive); return the realised profit after commission if it closed anything.

        Commissions become part of the average cost of what is opened, as IBKR keeps it.
        """
        holding = self.holdings.setdefault(symbol, Holding())
        self.cash -= signed_quantity * price + commission
        before, after = holding.quantity, holding.quantity + signed_quantity
        share = price + commission / signed_quantity
        holding.quantity = after
        if before == 0 or (before > 0) == (signed_quantity > 0):
            holding.average_cost = (before * holding.average_cost + signed_quantity * share) / after
            return None
        closed = min(abs(before), abs(signed_quantity)) * (1 if before > 0 else -1)
        realized = closed * (share - holding.average_cost)
        holding.realized += realized
        if after == 0:
            holding.average_cost = Decimal(0)
        elif (after > 0) != (before > 0):
            holding.average_cost = share
        return realized

    def stock_value(self, market: Market) -> Decimal:
        """Market value of all holdings."""
        return sum((market.price(symbol) * shares for symbol, shares in self.held.items()), Decimal(0))

    def gross_value(self, market: Market) -> Decimal:
        """Market value of all holdings, short ones counted as positive."""
        return sum((market.price(symbol) * abs(shares) for symbol, shares in self.held.items()), Decimal(0))

    def unrealized(self, market: Market, symbol: str) -> Decimal:
        """Profit a holding would bring at the present price."""
        return self.shares(symbol) * (market.price(symbol) - self.holdings[symbol].average_cost)

    def initial_margin(self, market: Market) -> Decimal:
        """Half the stock value (Regulation T) in a margin account, all of it in a cash account; plus other margin."""
        return self.gross_value(market) * (_HALF if self.kind == "margin" else 1) + self.other_margin

    def available_funds(self, market: Market) -> Decimal:
        """Equity with loan value less initial margin; in a cash account simply the cash in US dollars."""
        equity = self.equity(market) if self.kind == "margin" else self.cash + self.stock_value(market)
        return equity - self.initial_margin(market)

    def equity(self, market: Market) -> Decimal:
        """What everything is worth in US dollars."""
        abroad = sum((cash * market.rate(currency) for currency, cash in self.other_cash.items()), Decimal(0))
        others = sum((each.value * market.rate(each.currency) for each in self.others), Decimal(0))
        return self.cash + self.stock_value(market) + abroad + others
