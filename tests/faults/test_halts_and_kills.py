"""A halt while workers and the server are killed and frozen around it: from its return on no order goes out."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.halts import HALT_ID
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.halt import HaltSet, hold, resume
from starter.desk.latest_run import handle_of, query_status
from starter.desk.trigger import deliver, requested
from testbed.gateway_control import GatewayControl
from testbed.installation import REBALANCER, TEMPORAL, Installation
from testbed.portfolios import Portfolio, write_accounts, write_allocations, write_scenario
from testbed.waiting import until
from tests.workflows.test_halts import is_held_or_over

WORKERS: Final = ("worker-1", "worker-2")

PORTFOLIOS: Final = tuple(
    Portfolio(f"DU{n}", "blend", Decimal(2000), {"SPY": 100 + n, "EDC": 40 + n}) for n in range(1, 7)
)

PRICES: Final = {symbol: Decimal(price) for symbol, price in {"SPY": 670, "EDC": 50, "QQQ": 600, "BND": 75}.items()}

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@dataclass
class Processes:
    """Everything as processes of their own."""

    installation: Installation
    control: GatewayControl
    client: Client

    async def placed(self) -> int:
        """How many orders reached the gateway, what-if orders too."""
        return len([each for each in await self.control.read("requests") if each["name"] == "placeOrder"])

    async def has_begun(self) -> bool:
        """Whether there is a gateway by now, and an order at it."""
        with suppress(httpx.HTTPError):
            return await self.placed() > 0
        return False

    async def strike(self, chance: random.Random) -> None:
        """Kill, freeze or end something, and have it there again."""
        what = chance.choice((*WORKERS, "frozen", TEMPORAL))
        child = self.installation.children[chance.choice(WORKERS) if what == "frozen" else what]
        if what == "frozen":
            child.freeze()
            await asyncio.sleep(chance.uniform(3, 14))
            child.thaw()
            return
        await child.kill()
        await asyncio.sleep(chance.uniform(0, 1))
        await child.start()

    async def is_held_or_over(self, account: str) -> bool:
        """Whether the account's rebalance waits for the end of the halt, or had ended before it."""
        status = await query_status(handle_of(self.client, account))
        return status is not None and is_held_or_over(status)


@asynccontextmanager
async def processes() -> AsyncGenerator[Processes]:
    """A server with a database, two workers, and a gateway."""
    folder = Path(tempfile.mkdtemp(prefix="rebalancer-halts-"))
    weights = [{"symbol": "QQQ", "allocation": 0.6}, {"symbol": "BND", "allocation": 0.4}]
    accounts = [{"account_id": own.account, "strategy_name": "blend", "allocations": weights} for own in PORTFOLIOS]
    write_accounts(folder / "accounts.yaml", accounts, {"concurrency": {"settling_period": 1}})
    write_scenario(folder / "gateway.yaml", PORTFOLIOS, PRICES, latency={"ack": 0.05, "fill": [0.2, 0.8]})
    write_allocations(folder / "allocations.json", {"blend": {"QQQ": 0.6, "BND": 0.4}})
    commands = {name: [REBALANCER, "worker"] for name in WORKERS}
    installation = Installation(folder, commands, database="temporal.db")
    try:
        client = await installation.start()
        async with httpx.AsyncClient() as http:
            yield Processes(installation, GatewayControl(http, installation.gateways[None].control), client)
    finally:
        await installation.stop()
        shutil.rmtree(folder)


async def halted(own: Processes) -> HaltSet:
    """What an operator does whose command fails: the same again."""
    while True:
        with suppress(RPCError, RuntimeError):
            return await hold(own.client, HALT_ID, "test", "")
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("seed", range(6))
async def test_no_order_goes_out_after_a_halt_returned_whatever_was_killed_around_it(seed: int) -> None:
    chance = random.Random(seed)
    async with processes() as own:
        for each in PORTFOLIOS:
            await deliver(own.client, requested(each.account, ExecutionMode.REBALANCE, "event-1"))
        await until(own.has_begun)
        await asyncio.sleep(chance.uniform(0, 2))  # the moment is what is tried here
        striking = asyncio.create_task(own.strike(chance))
        await asyncio.sleep(chance.uniform(0, 1))
        await halted(own)
        before = await own.placed()
        await striking
        for each in PORTFOLIOS:
            await until(lambda account=each.account: own.is_held_or_over(account))
        assert await own.placed() == before
        await resume(own.client, HALT_ID, "test", "")
        results: list[Any] = [await handle_of(own.client, each.account).result() for each in PORTFOLIOS]
        assert [result.outcome.phase for result in results] == [Phase.COMPLETED] * len(PORTFOLIOS)
        refs = [order["ref"] for order in await own.control.read("orders")]
        assert len(refs) == len(set(refs))
