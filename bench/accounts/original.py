"""The original's scheme at the same gateway: one account after the other, two seconds a quote, one order at a time.

A small script of its own on ``ib_insync``, without Temporal and without anything of the application. It connects, reads
values and positions, waits two seconds for the quote of each symbol, then places one market order after the other, the
sales first, and waits for each to fill.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import ib_insync as ibi

from bench.accounts.portfolios import LATENCY, Portfolio, portfolios, weights_of, write_scenario
from bench.accounts.stage import REBALANCER
from chaos.processes import ChildProcess
from chaos.stage import clean_environment
from chaos.stand_ins import GatewayControl
from worker.free_ports import free_ports

QUOTE_WAIT: Final = 2.0
"""Seconds the original sleeps after asking for a quote."""

CLIENT_ID: Final = 8
TOLERANCE: Final = 0.01
"""Drifts below this share of the account are left alone, as in the measurement it is compared with."""


MOST_ACCOUNTS: Final = 50
"""IBKR does not tell the positions of a login with more accounts the way the original asks for them."""


async def measure_original(count: int, seed: int) -> float:
    """Seconds to rebalance so many accounts one after the other, with orders as many as ours."""
    chosen = portfolios(count, seed)
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-original-") as temporary:
        folder = Path(temporary)
        write_scenario(folder / "scenario.yaml", chosen)
        port, control = free_ports(2)
        command = [REBALANCER, "simulate", "gateway", "--port", str(port), "--control-port", str(control),
                   "--scenario", "scenario.yaml"]  # fmt: skip
        gateway = ChildProcess("gateway", command, folder, clean_environment())
        await gateway.start()
        try:
            return await _rebalance_all(chosen, port, control)
        finally:
            await gateway.kill()


async def _rebalance_all(chosen: Sequence[Portfolio], port: int, control: int) -> float:
    await _listening(control)
    ib = ibi.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=CLIENT_ID, timeout=30)
    try:
        began = time.monotonic()
        for own in chosen:
            await _rebalance(ib, own)
        return time.monotonic() - began
    finally:
        ib.disconnect()
        await asyncio.sleep(LATENCY_OF_LEAVING)


LATENCY_OF_LEAVING: Final = float(str(LATENCY["request"]))


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


async def _listening(control: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        gateway = GatewayControl(http, control)
        while True:
            try:
                await gateway.read("connections")
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return
