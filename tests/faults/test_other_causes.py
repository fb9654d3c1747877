"""The rest of the matrix: the allocations API goes wrong, or the worker's process is killed (promises P3, P7)."""

import asyncio
from pathlib import Path

import pytest

from rebalancing.orders.order import OrderState
from simulator.allocations.server import SimulatedAllocations
from simulator.allocations.strategies import Fault
from tests.faults.cell import leave_an_order
from tests.faults.ledger_checks import never_overspent, placed_at_most_once, reported_as_it_is
from tests.faults.steps import ACCOUNT, HOLDINGS, STEPS, WEIGHTS, Step, reached
from tests.house import Holding, failure_of, house
from tests.workflows.test_killed_worker import worker_desk

pytestmark = pytest.mark.faults

CASH = "1000"
SOUND = {symbol: float(weight) for symbol, weight in WEIGHTS.items()}
TOO_MUCH = '{"status": "success", "data": {"allocations": [{"symbol": "QQQ", "allocation": 1.2}]}}'

API_FAULTS = {
    "api_500": (Fault(status=500, times=3), None),
    "api_429": (Fault(status=429, times=2), None),
    "api_slow": (Fault(delay=1.5), None),
    "api_401": (Fault(status=401, times=None), "AllocationsRefused"),
    "api_404": (Fault(status=404, times=None), "AllocationsRefused"),
    "api_no_json": (Fault(body="<!doctype html>", times=None), "AllocationsInvalid"),
    "api_wrong_weights": (Fault(body=TOO_MUCH, times=None), "AllocationsInvalid"),
    "api_empty": (Fault(body="", times=None), "AllocationsInvalid"),
}
"""What goes wrong with the API, and the error it fails with, if it does."""

KILLED_AT = (
    "read-quotes",
    "cancel-open",
    "sell-prepare",
    "sell-place-first",
    "sell-place",
    "sell-await",
    "re-read",
    "buy-prepare",
    "buy-place",
    "buy-await",
    "verify",
)

ACCOUNTS_FILE = """\
accounts:
  - account_id: DU1
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.5}, {symbol: BND, allocation: 0.5}]
concurrency: {settling_period: 0}
retry: {base_delay: 0.1, max_delay: 0.5}
"""


@pytest.mark.parametrize(("fault", "error"), API_FAULTS.values(), ids=[f"read-targets:{name}" for name in API_FAULTS])
async def test_the_allocations_api_goes_wrong(fault: Fault, error: str | None) -> None:
    async with SimulatedAllocations({"shaky": SOUND}) as api:
        api.script("shaky", fault)
        account = Holding(cash=CASH, holdings=HOLDINGS, weights=None, url=f"{api.base_url}/shaky/allocations")
        async with house({ACCOUNT: account}, api=api, latency={"fill": (0.05, 0.1)}) as own:
            handle = await own.trigger(ACCOUNT)
            if error is not None:
                assert (await failure_of(handle)).type == error
                assert own.accepted_orders(ACCOUNT) == []
                return
            outcome = (await handle.result()).outcome
            assert outcome is not None
            assert {order.state for order in outcome.orders} == {OrderState.FILLED}
            reported_as_it_is(own.gateway.engine, ACCOUNT, HOLDINGS, outcome.orders)


@pytest.mark.parametrize(
    "step", [step for step in STEPS if step.name in KILLED_AT], ids=[f"{name}:worker_killed" for name in KILLED_AT]
)
async def test_the_workers_process_is_killed(step: Step, tmp_path: Path) -> None:
    account = Holding(cash=CASH, holdings=HOLDINGS, weights=WEIGHTS)
    async with house({ACCOUNT: account}, workers=0, latency={"ack": 0.05, "fill": (0.3, 0.6)}) as own:
        if step.left_order:
            leave_an_order(own.gateway)
        processes = worker_desk(tmp_path, own, ACCOUNTS_FILE)
        async with processes.until_killed("worker"):
            handle = await own.trigger(ACCOUNT)
            await reached(step.under_way, own, handle)
        async with processes.until_killed("worker"), asyncio.timeout(60):
            outcome = (await handle.result()).outcome
        assert outcome is not None
        assert [order.state for order in outcome.orders] == [OrderState.FILLED] * 4
        placed_at_most_once(own.gateway.engine)
        never_overspent(own.gateway.engine, ACCOUNT, CASH)
        reported_as_it_is(own.gateway.engine, ACCOUNT, HOLDINGS, outcome.orders)
