"""What an account owns: cash, holdings at average cost, realised profit. USD as ``Decimal``, whole shares."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from simulator.gateway.market import Market

AccountValue = tuple[str, str, str]  # tag, value, currency

_CENT = Decimal("0.01")
_HALF = Decimal("0.5")
_QUARTER = Decimal("0.25")


class Holding(BaseModel):
    """Shares of one symbol (negative when sold short) and what one of them cost on average."""

    model_config = ConfigDict(extra="forbid")

    quantity: int = 0
    average_cost: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)


class Ledger(BaseModel):
    """One account's books. ``unsettled`` holds the proceeds of sales by the day (``YYYYMMDD``) on which they settle."""

    model_config = ConfigDict(extra="forbid")

    account: str
    cash: Decimal
    kind: str = "margin"
    other_margin: Decimal = Decimal(0)
    model: str = ""
    holdings: dict[str, Holding] = {}
    unsettled: dict[str, Decimal] = {}

    @property
    def positions(self) -> dict[str, int]:
        """Whole shares per symbol, those held only."""
        return {symbol: each.quantity for symbol, each in self.holdings.items() if each.quantity}

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
        return sum((market.price(s) * each.quantity for s, each in self.holdings.items()), Decimal(0))

    def gross_value(self, market: Market) -> Decimal:
        """Market value of all holdings, short ones counted as positive."""
        return sum((market.price(s) * abs(each.quantity) for s, each in self.holdings.items()), Decimal(0))

    def unrealized(self, market: Market, symbol: str) -> Decimal:
        """Profit a holding would bring at the present price."""
        holding = self.holdings[symbol]
        return holding.quantity * (market.price(symbol) - holding.average_cost)

    def initial_margin(self, market: Market) -> Decimal:
        """Half the stock value (Regulation T) in a margin account, all of it in a cash account; plus other margin."""
        return self.gross_value(market) * (_HALF if self.kind == "margin" else 1) + self.other_margin

    def available_funds(self, market: Market) -> Decimal:
        """Equity with loan value less initial margin; in a cash account simply the cash."""
        return self.cash + self.stock_value(market) - self.initial_margin(market)

    def values(self, market: Market) -> list[AccountValue]:
        """The account's figures as the API names them: tag, value, currency.

        A real gateway reports the whole account's net liquidation in its base currency and the pseudo-currency BASE
        only in the ledger rows; ``NetLiquidation`` in BASE is carried as well for clients that look for it there.
        """
        stock, gross, cash = self.stock_value(market), self.gross_value(market), self.cash
        equity, available = cash + stock, self.available_funds(market)
        initial = self.initial_margin(market)
        maintenance = gross * (_QUARTER if self.kind == "margin" else 1)
        unrealized = sum((self.unrealized(market, s) for s in self.holdings), Decimal(0))
        realized = sum((each.realized for each in self.holdings.values()), Decimal(0))
        whole = {
            "NetLiquidation": equity,
            "TotalCashValue": cash,
            "SettledCash": self.settled_cash,
            "AccruedCash": Decimal(0),
            "AvailableFunds": available,
            "ExcessLiquidity": equity - maintenance,
            "FullAvailableFunds": available,
            "BuyingPower": max(available, Decimal(0)) * (4 if self.kind == "margin" else 1),
            "InitMarginReq": initial,
            "FullInitMarginReq": initial,
            "MaintMarginReq": maintenance,
            "FullMaintMarginReq": maintenance,
            "EquityWithLoanValue": equity,
            "PreviousDayEquityWithLoanValue": equity,
            "GrossPositionValue": gross,
        }
        per_currency = {
            "CashBalance": cash,
            "TotalCashBalance": cash,
            "NetLiquidationByCurrency": equity,
            "StockMarketValue": stock,
            "AccruedDividend": Decimal(0),
            "UnrealizedPnL": unrealized,
            "RealizedPnL": realized,
        }
        kind = "INDIVIDUAL" if self.kind == "margin" else "CASH"
        rows: list[AccountValue] = [
            ("AccountCode", self.account, ""),
            ("AccountReady", "true", ""),
            ("AccountType", kind, ""),
            ("NetLiquidation", _money(equity), "BASE"),
        ]
        rows += [(tag, _money(value), "USD") for tag, value in whole.items()]
        for currency in ("BASE", "USD"):
            rows += [(tag, _money(value), currency) for tag, value in per_currency.items()]
            rows += [("Currency", currency, currency), ("ExchangeRate", "1.00", currency)]
        return rows


def _money(value: Decimal) -> str:
    return str(value.quantize(_CENT))
