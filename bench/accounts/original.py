"""The original's scheme by its code, at the same gateway: all accounts at once, behind one lock for market data.

Every event is worked on at once. Values and positions are those that the connection brought, which costs no message.
Prices are asked for by one account at a time: its symbols are qualified together, subscribed together, looked at two
seconds later, and unsubscribed. Sizes are rounded to the nearest share. Then one order at a time, in the order of the
targets, is qualified once more and sent. Nobody waits for an acknowledgement or a fill, sales do not go first, and the
cash is not looked at: what commissions, rounding and moved prices take comes out of the reserve.

Nothing of the original's text is in here, and nothing of the application. The model is kinder than the original in
this: it knows what every account holds, where the original reads a list that is filled for one account of a login.
Later versions of the original wait for sales, and ask about every order beforehand for three seconds each.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import ib_insync as ibi

from bench.accounts.bare_gateway import BareGateway, bare_gateway
from bench.portfolios import weights_of
from testbed.portfolios import Portfolio
from testbed.waiting import until

QUOTE_WAIT: Final = 2.0
"""Seconds the original sleeps after asking for an account's quotes."""

RESERVE: Final = 0.01
"""Share of the account that is to stay cash, as in the measurement it is compared with."""

LEAST_CHANGE: Final = 0.5
"""Shares: smaller differences are left alone."""

WORKING: Final = ("PreSubmitted", "Submitted", "PendingSubmit")
FILL_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class OriginalRun:
    """What it took until the last account's last order was sent, with fills still to come.

    ``messages`` has those of connecting too. ``below_reserve``: accounts with less cash than the reserve at the end.
    """

    seconds: float
    messages: int
    by_kind: Mapping[str, int]
    below_reserve: int


async def measure_original(chosen: Sequence[Portfolio]) -> OriginalRun:
    """Rebalance these accounts as the original does."""
    async with bare_gateway(chosen) as gateway:
        scheme = _Scheme(gateway.ib)
        began = time.monotonic()
        await asyncio.gather(*(scheme.rebalance(own) for own in chosen))
        seconds = time.monotonic() - began
        names = [str(each["name"]) for each in await gateway.requests()]
        return OriginalRun(
            seconds=seconds,
            messages=len(names),
            by_kind={name: names.count(name) for name in names},
            below_reserve=await _below_reserve(gateway),
        )


async def _below_reserve(gateway: BareGateway) -> int:
    """How many accounts have less cash than the reserve, once nothing is working any more."""
    trades = gateway.ib.trades
    await until(lambda: not any(trade.orderStatus.status in WORKING for trade in trades()), within=FILL_TIMEOUT)
    accounts = await gateway.control.read("accounts")
    return sum(Decimal(own["cash"]) < Decimal(str(RESERVE)) * Decimal(own["net_liquidation"])
               for own in accounts.values())  # fmt: skip


class _Scheme:
    """One client for all accounts, and the two locks that they share."""

    def __init__(self, ib: ibi.IB) -> None:
        self._ib = ib
        self._market_data = asyncio.Lock()
        self._orders = asyncio.Lock()

    async def rebalance(self, own: Portfolio) -> None:
        """Look at the prices when it is this account's turn, then send what is missing."""
        weights = weights_of(own.strategy)
        held = {each.contract.symbol: each.position for each in self._ib.positions(own.account) if each.position}
        worth = self._net_liquidation(own.account)
        prices = await self._prices(list(dict.fromkeys((*weights, *held))))
        for symbol, shares in _changes(weights, held, prices, worth * (1 - RESERVE)).items():
            await self._place(own.account, symbol, shares)

    def _net_liquidation(self, account: str) -> float:
        values = self._ib.accountValues(account)
        return next(float(each.value) for each in values if each.tag == "NetLiquidation" and each.currency == "USD")

    async def _prices(self, symbols: Sequence[str]) -> dict[str, float]:
        async with self._market_data:
            contracts = await self._ib.qualifyContractsAsync(*(ibi.Stock(name, "SMART", "USD") for name in symbols))
            tickers = {contract.symbol: self._ib.reqMktData(contract) for contract in contracts}
            await asyncio.sleep(QUOTE_WAIT)
            prices = {symbol: ticker.marketPrice() for symbol, ticker in tickers.items()}
            for contract in contracts:
                self._ib.cancelMktData(contract)
            return prices

    async def _place(self, account: str, symbol: str, shares: int) -> None:
        async with self._orders:
            (contract,) = await self._ib.qualifyContractsAsync(ibi.Stock(symbol, "SMART", "USD"))
            order = ibi.MarketOrder("BUY" if shares > 0 else "SELL", abs(shares), account=account, tif="DAY")
            self._ib.placeOrder(contract, order)


def _changes(
    weights: Mapping[str, float], held: Mapping[str, float], prices: Mapping[str, float], invested: float
) -> dict[str, int]:
    """Whole shares to trade by symbol, to the nearest; below zero for sales."""
    astray = {symbol: invested * weights.get(symbol, 0.0) / prices[symbol] - held.get(symbol, 0) for symbol in prices}
    return {symbol: round(shares) for symbol, shares in astray.items() if abs(shares) > LEAST_CHANGE}
