"""What goes wrong while a limit order gets a new price: it stays one order, and every fill counts once (promise P3)."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from activities.gateway import intent_judge, order_desk, repricing
from rebalancing.orders.order import OrderState
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.waiting import until
from tests.house import Holding, House, house
from tests.workflows.test_killed_worker import worker_desk

POLICY: dict[str, Any] = {
    "type": "LMT",
    "limit_at": "midpoint",
    "reprice_every": 1,
    "reprice_times": 60,
    "then": "give_up",
}
ACCOUNT = Holding(weights={"QQQ": "1"}, more={"order_policy": POLICY})
CHANGE: dict[str, Any] = {"match": FaultMatch(request="placeOrder"), "after": 1}
"""The second time an order is sent is the change of its price."""


@pytest.fixture(autouse=True)
def quick_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is noticed sooner than in real life."""
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    monkeypatch.setattr(intent_judge, "QUIET_PERIOD", timedelta(seconds=0.5))
    monkeypatch.setattr(repricing, "ANSWER_TIMEOUT", 0.5)


def move(own: House, price: str) -> None:
    """Another price, as the control port would set it."""
    own.gateway.engine.move_price("QQQ", Decimal(price))
    own.gateway.wake()


def sent(own: House) -> list[Any]:
    """Everything that was sent as placeOrder."""
    return [request for request in own.gateway.requests if request.name == "placeOrder"]


async def resting(own: House) -> Any:
    """The order, working at its first price."""
    await until(lambda: [order for order in own.accepted_orders("DU1") if order.status == "Submitted"])
    return own.accepted_orders("DU1")[0]


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "close_before"},
        {"action": "close_after"},
        {"action": "half_open", "seconds": 0.2},
        {"action": "stall"},
        {"action": "drop_ack"},
        {"action": "mute_order"},
        {"action": "notice", "code": 1100},
    ],
    ids=lambda fault: fault.get("code", fault["action"]),
)
async def test_a_change_whose_answer_is_lost_leaves_one_order_whose_fills_count_once(fault: dict[str, Any]) -> None:
    async with house({"DU1": ACCOUNT}) as own:
        own.gateway.add_fault(FaultRule.model_validate({**CHANGE, **fault}))
        handle = await own.trigger("DU1")
        order = await resting(own)
        move(own, "600.50")
        await until(lambda: own.gateway.faults.rules[0][1])
        if fault.get("code") == 1100:
            own.gateway.notify_all(1102, "restored")
        await until(lambda: order.limit_price == Decimal("600.5"))
        move(own, "600.30")
        result = await handle.result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.filled) == (OrderState.FILLED, order.quantity)
        assert len(own.gateway.engine.orders) == 1
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}
        assert len({(request.order_id, request.order_ref, request.quantity) for request in sent(own)}) == 1


@pytest.mark.parametrize("code", [105, 110, 161, 201, 2102])
async def test_a_change_that_is_refused_leaves_the_order_as_it_was(code: int) -> None:
    """The gateway answers with the code and the change never takes effect; the order works on."""
    async with house({"DU1": ACCOUNT}) as own:
        own.gateway.add_fault(FaultRule.model_validate({**CHANGE, "action": "notice", "code": code, "text": "no"}))
        own.gateway.add_fault(FaultRule.model_validate({**CHANGE, "action": "swallow"}))
        handle = await own.trigger("DU1")
        order = await resting(own)
        move(own, "600.50")
        await until(lambda: order.limit_price == Decimal("600.5"))  # the next repricing tries again
        move(own, "600.30")
        result = await handle.result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.filled) == (OrderState.FILLED, order.quantity)
        assert len(own.gateway.engine.orders) == 1


async def test_an_order_that_fills_while_its_change_is_under_way_counts_once() -> None:
    async with house({"DU1": ACCOUNT}) as own:
        own.gateway.add_fault(FaultRule.model_validate({**CHANGE, "action": "delay", "seconds": 1}))
        handle = await own.trigger("DU1")
        order = await resting(own)
        move(own, "600.50")
        await until(lambda: len(sent(own)) == 2)
        move(own, "599.00")
        result = await handle.result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.filled) == (OrderState.FILLED, order.quantity)
        assert order.limit_price == Decimal("600")
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}


async def test_an_order_that_somebody_cancels_is_not_brought_back_by_a_repricing() -> None:
    async with house({"DU1": ACCOUNT}) as own:
        handle = await own.trigger("DU1")
        order = await resting(own)
        own.gateway.engine.cancel(order.client_id, order.order_id)
        own.gateway.wake()
        move(own, "600.50")
        result = await handle.result()
        assert result.outcome is not None
        assert [report.state for report in result.outcome.orders] == [OrderState.CANCELLED]
        assert len(own.gateway.engine.orders) == len(sent(own)) == 1


ACCOUNTS = """\
accounts:
  - account_id: DU1
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 1}]
    order_policy: {type: LMT, limit_at: midpoint, reprice_every: 1, reprice_times: 60, then: give_up}
concurrency: {settling_period: 0}
"""


async def test_a_worker_killed_while_it_changes_a_price_is_replaced_and_the_order_stays_one(tmp_path: Path) -> None:
    async with house({"DU1": ACCOUNT}, workers=0) as own:
        processes = worker_desk(tmp_path, own, ACCOUNTS)
        own.gateway.add_fault(FaultRule.model_validate({**CHANGE, "action": "stall"}))
        async with processes.until_killed("worker"):
            handle = await own.trigger("DU1")
            order = await resting(own)
            move(own, "600.50")
            await until(lambda: len(sent(own)) == 2)  # the change was sent, its answer never comes
        async with processes.until_killed("worker"):
            await until(lambda: order.limit_price == Decimal("600.5"))
            move(own, "600.30")
            result = await handle.result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.filled) == (OrderState.FILLED, order.quantity)
        assert len(own.gateway.engine.orders) == 1
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}
