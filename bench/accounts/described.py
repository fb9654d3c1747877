"""What the original's documents describe: one account after the other, two seconds a quote, one order at a time.

A small script of its own on ``ib_insync``, without Temporal and without anything of the application. It reads values
and positions, waits two seconds for the quote of each symbol, then places one market order after the other, the sales
first, and waits for each to fill. The original's code does otherwise: see ``bench.accounts.original``.
"""

import asyncio
import time
from typing import Final

import ib_insync as ibi

from bench.accounts.bare_gateway import bare_gateway
from bench.portfolios import portfolios, weights_of
from testbed.portfolios import Portfolio

QUOTE_WAIT: Final = 2.0
"""Seconds to wait after asking for a quote."""

TOLERANCE: Final = 0.01
"""Drifts below this share of the account are left alone, as in the measurement it is compared with."""


async def measure_described(count: int, seed: int) -> float:
    """Seconds to rebalance so many accounts one after the other, with orders as many as ours."""
    chosen = portfolios(count, seed)
    async with bare_gateway(chosen) as gateway:
        began = time.monotonic()
        for own in chosen:
            await _rebalance(gateway.ib, own)
        return time.monotonic() - began


async def _rebalance(ib: ibi.IB, own: Portfolio) -> None:
    await ib.accountSummaryAsync(own.account)
    held = {position.contract.symbol: int(position.position) for position in await ib.reqPositionsAsync()
            if position.account == own.account}  # fmt: skip
    weights = weights_of(own.strategy)
    contracts = {symbol: ibi.Stock(symbol, "SMART", "USD") for symbol in {*weights, *held}}
    prices: dict[str, float] = {}
    for symbol, contract in contracts.items():
        await ib.qualifyContractsAsync(contract)
        ticker = ib.reqMktData(contract)
        await asyncio.sleep(QUOTE_WAIT)
        prices[symbol] = ticker.marketPrice()
        ib.cancelMktData(contract)
    worth = float(own.cash) + sum(prices[symbol] * shares for symbol, shares in held.items())
    wanted = {symbol: int(worth * 0.99 * weights.get(symbol, 0.0) / prices[symbol]) for symbol in contracts}
    changes = {symbol: wanted[symbol] - held.get(symbol, 0) for symbol in contracts}
    traded = [symbol for symbol, change in changes.items() if abs(change) * prices[symbol] > TOLERANCE * worth]
    for symbol in sorted(traded, key=lambda symbol: changes[symbol]):
        await _trade(ib, own.account, contracts[symbol], changes[symbol])


async def _trade(ib: ibi.IB, account: str, contract: ibi.Contract, change: int) -> None:
    order = ibi.MarketOrder("BUY" if change > 0 else "SELL", abs(change), account=account)
    trade = ib.placeOrder(contract, order)
    while not trade.isDone():
        await asyncio.wait_for(trade.statusEvent, 60)
