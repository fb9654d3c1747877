"""kill -9 of the worker in the middle of a leg: the rebalance goes on, and nothing is ordered twice."""

import asyncio
from pathlib import Path

import pytest

from rebalancing.outcomes import Phase
from testbed.addresses import gateway_at
from testbed.waiting import until
from tests.cli.command import Desk, desk
from tests.house import Holding, House, house, phase_reached

ACCOUNTS = """\
accounts:
  - account_id: DU1
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.6}, {symbol: BND, allocation: 0.4}]
concurrency: {settling_period: 0}
"""


def worker_desk(folder: Path, own: House, accounts: str = ACCOUNTS) -> Desk:
    """Where worker processes are started that belong to this house."""
    return desk(folder, accounts, **own.variables, **gateway_at(own.gateway.port))


async def kill(worker: asyncio.subprocess.Process) -> None:
    """kill -9, and the pipes read to their end."""
    worker.kill()
    await worker.communicate()


@pytest.mark.parametrize("standby_waits", [True, False], ids=["standby", "restart"])
async def test_a_worker_killed_in_the_sell_leg_is_replaced_and_the_rebalance_ends_as_if_nothing_had_happened(
    tmp_path: Path, standby_waits: bool
) -> None:
    account = Holding(cash="1000", holdings={"SPY": 60, "GLD": 60})
    async with house({"DU1": account}, workers=0, latency={"fill": (1.5, 2.5)}) as own:
        processes = worker_desk(tmp_path, own)
        first = await processes.start("worker")
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.SELLING)
        await until(lambda: len(own.accepted_orders("DU1")) >= 2)
        second = await processes.start("worker") if standby_waits else None
        await kill(first)
        second = second or await processes.start("worker")
        try:
            result = await handle.result()
        finally:
            await kill(second)
        refs = [order.ref for order in own.gateway.engine.orders]
        assert len(refs) == len(set(refs)) == 4
        assert result.outcome is not None
        assert result.outcome.gaps == ()
        assert own.gateway.engine.accounts["DU1"].positions == {
            order.symbol: order.filled for order in result.outcome.orders if order.side == "BUY"
        }
