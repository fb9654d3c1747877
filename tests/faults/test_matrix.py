"""Every step of a rebalance under every kind of fault, one by one (promises P3, P5 and P7)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from activities.gateway import intent_judge, order_desk, reading
from contract.messages import Resolution
from rebalancing.orders.order import OrderReport, OrderState
from rebalancing.outcomes import Phase
from tests.faults.cell import Cell
from tests.faults.kinds import CELLS, Ending, Kind, ending_of
from tests.faults.ledger_checks import never_overspent, placed_at_most_once, reported_as_it_is
from tests.faults.steps import ACCOUNT, HOLDINGS, WEIGHTS, Handle, Step
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings
from workflows.rebalance_account import RebalanceAccount

pytestmark = pytest.mark.faults

CASH = "1000"
PLANNED_ORDERS = 4
"""Two sells, and two buys with what they bring."""

LONGEST = 40
"""Seconds a cell may take; most take two."""
PACE = {"request": 0.001, "ack": 0.005, "fill": (0.15, 0.3), "commission": 0.005}


@pytest.fixture(autouse=True)
def quick_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds in real life takes less here; every reading asks for the open orders."""
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    monkeypatch.setattr(intent_judge, "QUIET_PERIOD", timedelta(seconds=0.5))
    monkeypatch.setattr(reading, "OPEN_ORDERS_LIFETIME", timedelta(0))


@pytest.mark.parametrize(("step", "kind"), CELLS.values(), ids=CELLS.keys())
async def test_a_rebalance_survives(step: Step, kind: Kind) -> None:
    settings = quick_settings(cancel_timeout=1, request_timeout=1, connection_check_interval=0.3)
    account = Holding(cash=CASH, holdings=HOLDINGS, weights=WEIGHTS)
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(house({ACCOUNT: account}, settings=settings, workers=0, latency=PACE))
        cell = Cell(own, step, kind, await stack.enter_async_context(AsyncExitStack()))
        try:
            async with asyncio.timeout(LONGEST):
                await ends_as_expected(own, await cell.play(), ending_of(step, kind))
        except TimeoutError:
            pytest.fail(await what_it_waits_for(own))
        finally:
            await cell.end()
        assert cell.has_struck, "the fault never met its step: this cell shows nothing"
        never_overspent(own.gateway.engine, ACCOUNT, CASH)
        placed_at_most_once(own.gateway.engine)


async def what_it_waits_for(own: House) -> str:
    """Phase and activities of a rebalance that does not end."""
    handle = own.handle(ACCOUNT)
    status = await handle.query(RebalanceAccount.status)
    pending = (await handle.describe()).raw_description.pending_activities
    activities = [f"{each.activity_type.name} attempt {each.attempt}: {each}" for each in pending]
    connections = [f"{each.opened:%H:%M:%S}-{each.closed}" for each in own.gateway.connections]
    return f"stuck for {LONGEST} s in phase {status.phase} ({status.detail}): {activities}; connections {connections}"


async def ends_as_expected(own: House, handle: Handle, expected: Ending) -> None:
    """Wait for the end, resolving as an operator would, and compare it with the gateway's ledger."""
    if expected.how not in ("completed", "needs operator"):
        assert (await failure_of(handle)).type == expected.how
        assert own.gateway.engine.executions == []
        return
    if expected.how == "needs operator":
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        await resolve_as_the_ledger_says(own, handle)
    outcome = (await handle.result()).outcome
    assert outcome is not None
    reported_as_it_is(own.gateway.engine, ACCOUNT, HOLDINGS, outcome.orders)
    unfilled = [order for order in outcome.orders if order.state is not OrderState.FILLED]
    assert len(unfilled) == expected.gaps
    assert len(outcome.orders) == PLANNED_ORDERS - expected.unfunded
    bought_nothing = set(WEIGHTS) - {order.symbol for order in outcome.orders}
    assert bought_nothing <= {gap.symbol for gap in outcome.gaps}


async def resolve_as_the_ledger_says(own: House, handle: Handle) -> None:
    """The operator looks at the broker and says that the order was never placed."""
    orders: tuple[OrderReport, ...] = (await handle.query(RebalanceAccount.status)).orders
    for order in orders:
        if order.state is OrderState.UNKNOWN:
            assert order.ref not in {accepted.ref for accepted in own.gateway.engine.orders}
            await handle.execute_update(RebalanceAccount.resolve, Resolution(ref=order.ref))
