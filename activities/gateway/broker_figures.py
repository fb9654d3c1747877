"""What the broker says an account is worth, and how much of that is neither US dollars nor US stocks.

Everything is told by subscriptions; nothing here sends a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from activities.gateway.account_values import BY_CURRENCY, AccountValues
from rebalancing.base import CENT
from rebalancing.market.snapshot import BrokerFigures

DOLLARS: Final = "USD"

BESIDE_STOCKS: Final = (
    "OptionMarketValue",
    "FutureOptionValue",
    "FundValue",
    "CorporateBondValue",
    "TBondValue",
    "TBillValue",
    "WarrantValue",
    "IssuerOptionValue",
    "Cryptocurrency",
)
"""What else has a market value in a currency. Money market and mutual funds are in ``FundValue`` already."""

IN_DOUBT: Final = ("FuturesPNL", "AccruedCash", "NetDividend")
"""Amounts that IBKR's pages count to cash and net liquidation value, or not, according to the page."""

MOST_IN_DOUBT: Final = Decimal("0.1")
"""What they may excuse at most, as a part of the net liquidation value: a wrong figure must not excuse another."""

RATE_ERROR: Final = Decimal("0.001")
"""How far amounts that are converted by ``ExchangeRate`` may be off: of accounts in EUR and HKD, real gateways told
sums and total with up to 0.01 % between them."""

RATES: Final = (Decimal("1e-6"), Decimal("1e6"))
"""Between these lies the rate of any two currencies that IBKR lets one have."""

NOTHING: Final = Decimal(0)


@dataclass(frozen=True)
class FiguresReader:
    """Puts one account's figures together."""

    values: AccountValues

    def are_told(self, account: str, *, plain: bool) -> bool:
        """Whether the gateway told what there is to know of this account, or its own values must be asked for.

        The summary of all accounts tells enough of a ``plain`` account (nothing but US stocks, none of them held out)
        where no account of the login has to do with another currency: its whole cash is then in dollars.
        """
        if self.values.whole(account, "NetLiquidation") is None:
            return False
        return bool(self.values.currencies(account)) or (plain and self._is_all_in_dollars(account))

    def figures(self, account: str) -> BrokerFigures:
        """What the broker says of it now."""
        worth = self.values.whole(account, "NetLiquidation")
        if worth is None:
            return BrokerFigures(untold="the gateway does not tell its NetLiquidation")
        if not self.values.currencies(account):
            return self._without_currencies(account, worth)
        cash = self._dollars(account, "CashBalance", "TotalCashBalance")
        if DOLLARS not in {*self.values.currencies(account), self.values.base_currency(account)}:
            return BrokerFigures(cash=cash)  # never had to do with dollars: there is no rate for them either
        rates = {currency: self._rate(account, currency) for currency in {*self.values.currencies(account), DOLLARS}}
        if untold := sorted(currency for currency, rate in rates.items() if rate is None):
            return BrokerFigures(cash=cash, untold=f"the gateway tells no exchange rate for {', '.join(untold)}")
        return self._in_dollars(account, worth, cash, {currency: rate for currency, rate in rates.items() if rate})

    def _in_dollars(self, account: str, worth: Decimal, cash: Decimal, rates: Mapping[str, Decimal]) -> BrokerFigures:
        """Everything in US dollars; ``rates`` are in the account's base currency."""
        in_dollars = {currency: rate / rates[DOLLARS] for currency, rate in rates.items() if currency != DOLLARS}
        abroad = [self._part(account, currency) * rate for currency, rate in in_dollars.items()]
        net_liquidation = (worth / rates[DOLLARS]).quantize(CENT)
        in_doubt = sum((abs(self._dollars(account, tag)) for tag in IN_DOUBT), NOTHING)
        converted = sum(map(abs, abroad), abs(net_liquidation) if rates[DOLLARS] != 1 else NOTHING)
        return BrokerFigures(
            net_liquidation=net_liquidation,
            cash=cash,
            stocks=self._dollars(account, "StockMarketValue"),
            others=sum(abroad, sum((self._dollars(account, tag) for tag in BESIDE_STOCKS), NOTHING)).quantize(CENT),
            in_doubt=(min(in_doubt, abs(net_liquidation) * MOST_IN_DOUBT) + converted * RATE_ERROR).quantize(CENT),
        )

    def _without_currencies(self, account: str, worth: Decimal) -> BrokerFigures:
        """Where only the whole is told: enough if all of it is in dollars."""
        cash = self.values.whole(account, "TotalCashValue")
        if cash is None or not self._is_all_in_dollars(account):
            return BrokerFigures(untold="the gateway does not tell the account's cash by currency")
        return BrokerFigures(net_liquidation=worth, cash=cash)

    def _is_all_in_dollars(self, account: str) -> bool:
        in_use = {self.values.base_currency(account), *self.values.currencies_of_all()}
        return bool(self.values.currencies_of_all()) and in_use == {DOLLARS}

    def _part(self, account: str, currency: str) -> Decimal:
        """What the account has in a currency, in that currency."""
        return self.values.in_currency(account, BY_CURRENCY, currency) or NOTHING

    def _rate(self, account: str, currency: str) -> Decimal | None:
        """How much of the base currency one of this currency is."""
        if currency == self.values.base_currency(account):
            return Decimal(1)
        rate = self.values.in_currency(account, "ExchangeRate", currency)
        return rate if rate is not None and RATES[0] < rate < RATES[1] else None

    def _dollars(self, account: str, *tags: str) -> Decimal:
        """The first of these amounts that is told in dollars; no row means that there is nothing."""
        amounts = (self.values.in_currency(account, tag, DOLLARS) for tag in tags)
        return next((amount for amount in amounts if amount is not None), NOTHING)
