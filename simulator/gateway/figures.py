"""An account's figures as the API names them: of the whole account in its base currency, and by currency.

Which tags there are, and in which currencies, follows what real gateways told of accounts whose base currency was EUR
or HKD. A currency that an account has never had to do with has no rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from simulator.gateway.ledger import Ledger
from simulator.gateway.market import Market
from simulator.gateway.risk_figures import risk_amounts, risk_ratios
from simulator.gateway.scenario import ToldFigure

AccountValue = tuple[str, str, str]  # tag, value, currency

LEDGER_PREFIX: Final = "$LEDGER-"
"""What gateways from 10.47 on put before the tags of figures by currency ("Prepend $LEDGER-")."""

BASE: Final = "BASE"
"""The pseudo-currency of rows that sum up all currencies."""

NOT_MONEY: Final = frozenset({"Currency", "ExchangeRate"})
"""Rows by currency that cannot be added up."""

_CENT = Decimal("0.01")
_RATE_PLACES = Decimal("0.0000001")
_QUARTER = Decimal("0.25")
_ZERO = Decimal(0)
_TAG_OF: Final = {
    "STK": "StockMarketValue",
    "OPT": "OptionMarketValue",
    "FOP": "FutureOptionValue",
    "FUT": "FuturesPNL",
    "FUND": "FundValue",
    "BOND": "CorporateBondValue",
    "WAR": "WarrantValue",
}


@dataclass(frozen=True)
class Figures:
    """All figures of one account at one moment."""

    whole: tuple[AccountValue, ...]
    by_currency: tuple[AccountValue, ...]

    def told(self, changes: Iterable[ToldFigure]) -> "Figures":
        """The same as clients are told them, where some are told wrong or not at all."""
        told = {(each.tag, each.currency): each.value for each in changes}
        return Figures(tuple(_told(self.whole, told)), tuple(_told(self.by_currency, told)))

    def rows(self, *, prefix: bool) -> list[AccountValue]:
        """Everything, as account updates tell it."""
        return [*self.whole, *(prefixed(row) if prefix else row for row in self.by_currency)]


def prefixed(row: AccountValue) -> AccountValue:
    """A row by currency with ``LEDGER_PREFIX`` before its tag."""
    tag, value, currency = row
    return LEDGER_PREFIX + tag, value, currency


def figures(ledger: Ledger, market: Market) -> Figures:
    """What a gateway would say of these books.

    A real gateway reports the whole account's net liquidation in its base currency and the pseudo-currency BASE only in
    the rows by currency; ``NetLiquidation`` in BASE is carried as well for clients that look for it there.
    """
    return Figures(tuple(_whole(ledger, market)), tuple(_by_currency(ledger, market)))


def _whole(ledger: Ledger, market: Market) -> Iterator[AccountValue]:
    base = ledger.base_currency
    equity, available = ledger.equity(market), ledger.available_funds(market)
    gross, initial = ledger.gross_value(market) + _gross_of_others(ledger, market), ledger.initial_margin(market)
    maintenance = ledger.gross_value(market) * (_QUARTER if ledger.kind == "margin" else 1)
    abroad = sum((cash * market.rate(currency) for currency, cash in ledger.other_cash.items()), _ZERO)
    in_dollars = {
        "NetLiquidation": equity,
        "TotalCashValue": ledger.cash + abroad + _futures(ledger, market),
        "SettledCash": ledger.settled_cash + abroad,
        "AccruedCash": _ZERO,
        "AvailableFunds": available,
        "ExcessLiquidity": equity - maintenance,
        "FullAvailableFunds": available,
        "BuyingPower": max(available, _ZERO) * (4 if ledger.kind == "margin" else 1),
        "InitMarginReq": initial,
        "FullInitMarginReq": initial,
        "MaintMarginReq": maintenance,
        "FullMaintMarginReq": maintenance,
        "EquityWithLoanValue": equity,
        "PreviousDayEquityWithLoanValue": equity,
        "GrossPositionValue": gross,
        **risk_amounts(equity, initial, maintenance),
    }
    yield "AccountCode", ledger.account, ""
    yield "AccountReady", "true", ""
    yield "AccountType", "INDIVIDUAL" if ledger.kind == "margin" else "CASH", ""
    yield from risk_ratios(equity, maintenance, gross)
    yield "NetLiquidation", _money(equity / market.rate(base)), BASE
    for tag, value in in_dollars.items():
        yield tag, _money(value / market.rate(base)), base


def _by_currency(ledger: Ledger, market: Market) -> Iterator[AccountValue]:
    base_rate, sums = market.rate(ledger.base_currency), dict[str, Decimal]()
    rows: list[AccountValue] = []
    for currency in _currencies(ledger):
        rate = market.rate(currency) / base_rate
        amounts = _amounts(ledger, market, currency)
        sums = {tag: sums.get(tag, _ZERO) + amount * rate for tag, amount in amounts.items()}
        rows += _currency_rows(currency, amounts, rate)
    yield from _currency_rows(BASE, sums, Decimal(1))
    yield from rows


def _currencies(ledger: Ledger) -> list[str]:
    """The base currency, and those with cash or holdings now or before."""
    in_dollars = {"USD"} if ledger.cash or ledger.holdings else set[str]()
    others = {each.currency for each in ledger.others}
    return sorted({ledger.base_currency, *in_dollars, *ledger.other_cash, *others})


def _amounts(ledger: Ledger, market: Market, currency: str) -> dict[str, Decimal]:
    """What there is in one currency, in that currency."""
    values = dict.fromkeys(_TAG_OF.values(), _ZERO)
    for other in ledger.others:
        if other.currency == currency and other.sec_type in _TAG_OF:
            values[_TAG_OF[other.sec_type]] += other.value
    cash, unrealized, realized = ledger.other_cash.get(currency, _ZERO), _ZERO, _ZERO
    if currency == "USD":
        cash = ledger.cash
        values["StockMarketValue"] += ledger.stock_value(market)
        unrealized = sum((ledger.unrealized(market, symbol) for symbol in ledger.holdings), _ZERO)
        realized = sum((each.realized for each in ledger.holdings.values()), _ZERO)
    cash += values["FuturesPNL"]  # "cash recognized at the time of trade + futures P&L" (TWS, account window)
    untold = sum((each.value for each in ledger.others if each.currency == currency and each.sec_type == "CFD"), _ZERO)
    return {
        "CashBalance": cash,
        "TotalCashBalance": cash,
        "NetLiquidationByCurrency": cash + sum(values.values(), _ZERO) - values["FuturesPNL"] + untold,
        **values,
        "AccruedCash": _ZERO,
        "NetDividend": _ZERO,
        "UnrealizedPnL": unrealized,
        "RealizedPnL": realized,
    }


def _currency_rows(currency: str, amounts: dict[str, Decimal], rate: Decimal) -> list[AccountValue]:
    told = "1.00" if rate == 1 else str(rate.quantize(_RATE_PLACES))
    rows = [(tag, _money(amount), currency) for tag, amount in amounts.items()]
    return [*rows, ("Currency", currency, currency), ("ExchangeRate", told, currency)]


def _gross_of_others(ledger: Ledger, market: Market) -> Decimal:
    """Futures have no value of their own to count."""
    positions = (each for each in ledger.others if each.sec_type != "FUT")
    return sum((abs(each.value) * market.rate(each.currency) for each in positions), _ZERO)


def _futures(ledger: Ledger, market: Market) -> Decimal:
    futures = (each for each in ledger.others if each.sec_type == "FUT")
    return sum((each.value * market.rate(each.currency) for each in futures), _ZERO)


def _told(rows: Iterable[AccountValue], told: dict[tuple[str, str], str | None]) -> Iterator[AccountValue]:
    for tag, value, currency in rows:
        instead = told.get((tag, currency), value)
        if instead is not None:
            yield tag, instead, currency


def _money(value: Decimal) -> str:
    return str(value.quantize(_CENT))
