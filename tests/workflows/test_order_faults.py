"""What the gateway does to orders, and what a rebalance makes of it (promise P3)."""

import asyncio

import pytest

from activities.gateway import order_desk
from contract.messages import Resolution
from rebalancing.orders.order import OrderState
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.waiting import until
from tests.faults.cell import CLIENT_ID, leave_an_order
from tests.house import Holding, House, house, phase_reached, quick_settings
from workflows.rebalance_account import RebalanceAccount

FIRST_ORDER = FaultMatch(request="placeOrder")


@pytest.fixture(autouse=True)
def quick_acknowledgements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing acknowledgement is noticed sooner than in real life."""
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)


def placed_once_each(own: House) -> bool:
    """Whether the gateway accepted every order ref at most once."""
    refs = [order.ref for order in own.gateway.engine.orders]
    return len(refs) == len(set(refs))


@pytest.mark.parametrize("action", ["mute_order", "drop_ack", "close_before", "close_after", "half_open"])
async def test_an_order_whose_answer_is_lost_is_adopted_or_sent_again_but_never_doubled(action: str) -> None:
    rule = FaultRule.model_validate({"action": action, "match": FIRST_ORDER, "seconds": 0.2})
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(rule)
        result = await (await own.trigger("DU1")).result()
        assert placed_once_each(own)
        assert result.outcome is not None
        assert {order.state for order in result.outcome.orders} == {OrderState.FILLED}
        assert own.gateway.engine.accounts["DU1"].positions == {o.symbol: o.filled for o in result.outcome.orders}


async def test_an_order_swallowed_without_a_trace_is_planned_anew_under_a_higher_id() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FIRST_ORDER, roll_back=True))
        result = await (await own.trigger("DU1")).result()
        first, second = [request for request in own.gateway.requests if request.name == "placeOrder"]
        assert (second.order_id or 0) > (first.order_id or 0) > 0
        assert second.order_ref != first.order_ref
        assert placed_once_each(own)
        assert result.outcome is not None
        assert any("planned for anew" in note for note in result.outcome.notes)


async def test_an_order_that_used_its_id_up_and_is_nowhere_waits_for_the_operator() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "1"}), "DU2": Holding()}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FIRST_ORDER))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        other = await (await own.trigger("DU2")).result()
        assert other.outcome is not None
        status = await handle.query(RebalanceAccount.status)
        assert "Look for it in TWS" in status.detail
        await handle.execute_update(RebalanceAccount.resolve, Resolution(ref=status.orders[0].ref))
        result = await handle.result()
        assert result.outcome is not None
        assert [gap.symbol for gap in result.outcome.gaps if gap.symbol != "CASH"] == ["QQQ"]
        assert own.accepted_orders("DU1") == []


async def test_what_an_earlier_run_left_working_is_cancelled_before_the_plan_is_made() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "1"})}, latency={"fill": (60, 60)}) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.BUYING)
        await until(lambda: own.accepted_orders("DU1"))
        await handle.terminate("an operator")
        again = await own.trigger("DU1", "second")
        await until(lambda: len(own.accepted_orders("DU1")) >= 2)
        left, new = own.accepted_orders("DU1")
        assert left.status == "Cancelled"
        assert new.placed_at >= left.completed_at
        await again.cancel()
        await asyncio.gather(again.result(), return_exceptions=True)


async def test_an_order_that_somebody_is_cancelling_already_is_seen_to_end() -> None:
    """The gateway refuses our cancel (10148), of which ``ib_insync`` concludes the very status that is told later."""
    latency: dict[str, object] = {"ack": 0.4, "fill": (0.01, 0.02)}
    settings = quick_settings(cancel_timeout=4)
    async with house({"DU1": Holding(weights={"QQQ": "1"})}, workers=0, settings=settings, latency=latency) as own:
        leave_an_order(own.gateway)
        await until(lambda: own.gateway.engine.orders[0].status == "Submitted")
        async with own.working():
            handle = await own.trigger("DU1")
            await until(lambda: any(request.name == "cancelOrder" for request in own.gateway.requests))
            own.gateway.engine.cancel(CLIENT_ID, 1)
            result = await handle.result()
        assert result.outcome is not None
        assert own.accepted_orders("DU1")[0].status == "Cancelled"


async def test_a_cancel_that_is_never_confirmed_stops_the_buy_leg() -> None:
    settings = quick_settings(cancel_timeout=0.3).model_copy(update={"fill_timeout": 0.3})
    account = Holding(cash="1000", holdings={"SPY": 100})
    async with house({"DU1": account}, settings=settings, latency={"fill": (60, 60)}) as own:
        own.gateway.add_fault(FaultRule(action="stall", match=FaultMatch(request="cancelOrder"), count=None))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        assert {order.action for order in own.accepted_orders("DU1")} == {"SELL"}
        assert "did not confirm" in (await handle.query(RebalanceAccount.status)).detail


async def test_a_filled_order_whose_commission_is_never_reported_still_counts_as_filled() -> None:
    settings = quick_settings(cancel_timeout=0.3).model_copy(update={"fill_timeout": 1})
    latency = {"fill": (0.01, 0.02), "commission": 60}
    async with house({"DU1": Holding(weights={"QQQ": "1"})}, settings=settings, latency=latency) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert [order.state for order in result.outcome.orders] == [OrderState.FILLED]
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": result.outcome.orders[0].filled}
