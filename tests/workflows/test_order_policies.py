"""How orders are sent, by the account's policy, through the whole application."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rebalancing.orders.order import OrderState, OrderType
from rebalancing.outcomes import Phase
from simulator.gateway.clock import RealClock
from simulator.gateway.requests import ContractQuery, OrderTicket
from testbed.waiting import until
from tests.house import PRICES, TRADING, Holding, House, failure_of, house, phase_reached, quick_settings
from workflows.rebalance_account import RebalanceAccount

MIDPOINT: dict[str, Any] = {"type": "LMT", "limit_at": "midpoint", "reprice_every": 1, "reprice_times": 2}


def by_policy(policy: dict[str, Any], **more: Any) -> Holding:
    """An account with cash that buys QQQ by this policy."""
    return Holding(weights={"QQQ": "1"}, more={"order_policy": policy, **more})


def instruments(**changes: Any) -> dict[str, dict[str, Any]]:
    """These changes for every instrument of the market."""
    return dict.fromkeys(PRICES, changes)


def sent(own: House) -> list[Any]:
    """Everything that was sent as placeOrder: new orders and changes."""
    return [request for request in own.gateway.requests if request.name == "placeOrder"]


async def until_working(own: House, account: str = "DU1") -> Any:
    """The account's first order, once it works at the gateway."""
    await until(lambda: [order for order in own.accepted_orders(account) if order.status == "Submitted"])
    return own.accepted_orders(account)[0]


def move(own: House, price: str, symbol: str = "QQQ") -> None:
    """Another price, as the control port would set it."""
    own.gateway.engine.move_price(symbol, Decimal(price))
    own.gateway.wake()


class MovableClock(RealClock):
    """The computer's clock, which can be set forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The present moment, and what it was set forward by."""
        return super().now() + self.ahead


def session(opens_in: timedelta, closes_in: timedelta) -> dict[str, datetime]:
    """A trading session by its distance from now, at full minutes."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"opens": now + opens_in, "closes": now + closes_in}


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_a_marketable_limit_fills_at_once_and_never_above_its_price() -> None:
    async with house({"DU1": by_policy({"type": "LMT", "cushion_percent": "0.2"})}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        (order,) = own.accepted_orders("DU1")
        assert (order.order_type, order.tif, order.limit_price) == ("LMT", "DAY", Decimal("601.22"))
        assert [report.state for report in result.outcome.orders] == [OrderState.FILLED]
        assert own.gateway.engine.accounts["DU1"].cash >= 1000


async def test_limits_lie_on_the_contracts_price_grid() -> None:
    account = Holding(cash="1000", holdings={"SPY": 100}, weights={"QQQ": "1"}, more={"order_policy": {"type": "LMT"}})
    async with house({"DU1": account}, instruments=instruments(min_tick="0.05", spread="0.10")) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert {report.state for report in result.outcome.orders} == {OrderState.FILLED}
        limits = {order.symbol: order.limit_price for order in own.accepted_orders("DU1")}
        assert limits == {"SPY": Decimal("669.25"), "QQQ": Decimal("600.70")}  # 669.28 and 600.65, outwards


async def test_a_limit_that_follows_the_market_stays_the_same_order() -> None:
    policy = {**MIDPOINT, "reprice_times": 20}
    async with house({"DU1": by_policy(policy)}) as own:
        handle = await own.trigger("DU1")
        order = await until_working(own)
        move(own, "600.50")
        await until(lambda: order.limit_price == Decimal("600.5"))
        move(own, "600.40")
        result = await handle.result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.limit_price) == (OrderState.FILLED, Decimal("600.5"))
        assert [request.limit_price for request in sent(own)] == [Decimal("600"), Decimal("600.5")]
        assert len({(request.order_id, request.order_ref) for request in sent(own)}) == 1
        assert len(own.gateway.engine.orders) == 1
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": report.filled}


async def test_no_repricing_takes_a_buy_above_the_price_it_was_sized_with() -> None:
    async with house({"DU1": by_policy({**MIDPOINT, "then": "give_up"})}) as own:
        handle = await own.trigger("DU1")
        await until_working(own)
        move(own, "700")
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.orders[0].filled == 0
        assert max(request.limit_price for request in sent(own)) == Decimal("601.81")  # 600.01 and the cushion of 0.3 %
        assert own.gateway.engine.accounts["DU1"].cash == 100_000


async def test_by_a_quote_that_nobody_trades_by_no_price_is_changed_and_no_rest_is_traded() -> None:
    async with house({"DU1": by_policy({**MIDPOINT, "then": "market"})}) as own:
        handle = await own.trigger("DU1")
        await until_working(own)
        move(own, "800")  # a third above the last close
        result = await handle.result()
        assert result.outcome is not None
        assert [report.filled for report in result.outcome.orders] == [0]
        assert [request.limit_price for request in sent(own)] == [Decimal("600")]
        assert any("not traded at market: QQQ" in note for note in result.outcome.notes)


async def test_what_the_limit_has_not_filled_is_traded_at_market_by_a_new_order_for_the_rest() -> None:
    policy = {"type": "LMT", "reprice_every": 1, "reprice_times": 1, "then": "market"}
    async with house({"DU1": by_policy(policy)}, instruments=instruments(depth=30)) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        limit, market = result.outcome.orders
        assert (limit.order_type, limit.state, limit.filled) == (OrderType.LIMIT, OrderState.CANCELLED, 30)
        assert (market.order_type, market.state, market.filled) == (
            OrderType.MARKET,
            OrderState.FILLED,
            limit.quantity - 30,
        )
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": limit.quantity}
        assert not [gap for gap in result.outcome.gaps if "filled" in gap.reason]
        first, second = own.accepted_orders("DU1")
        assert second.placed_at >= first.completed_at, "the rest is known before it is ordered"


async def test_a_rest_that_became_dearer_is_bought_with_no_more_than_was_set_aside() -> None:
    async with house({"DU1": by_policy({**MIDPOINT, "reprice_times": 0, "then": "market"})}) as own:
        handle = await own.trigger("DU1")
        await until_working(own)
        move(own, "700")
        result = await handle.result()
        assert result.outcome is not None
        limit, market = result.outcome.orders
        assert (limit.filled, market.state) == (0, OrderState.FILLED)
        assert market.quantity < limit.quantity
        assert own.gateway.engine.accounts["DU1"].cash >= 1000, "the reserve"


async def test_what_is_given_up_is_cancelled_and_the_outcome_says_so() -> None:
    policy = {"type": "LMT", "reprice_every": 1, "reprice_times": 1, "then": "give_up"}
    async with house({"DU1": by_policy(policy)}, instruments=instruments(depth=30)) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        (report,) = result.outcome.orders
        assert (report.state, report.filled) == (OrderState.CANCELLED, 30)
        assert any(f"30 of {report.quantity} shares filled" in note for note in result.outcome.notes)
        (gap,) = [gap for gap in result.outcome.gaps if gap.symbol == "QQQ"]
        assert "30 of" in gap.reason
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": 30}


async def test_both_legs_are_worked_and_the_buys_wait_for_the_sells() -> None:
    account = Holding(cash="1000", holdings={"SPY": 100}, weights={"QQQ": "0.5", "BND": "0.5"}, more={
        "order_policy": {**MIDPOINT, "then": "market"}, "symbol_order_policies": {"BND": {"type": "MKT"}},
    })  # fmt: skip
    async with house({"DU1": account}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        types = [(order.action, order.symbol, order.order_type) for order in own.accepted_orders("DU1")]
        assert types[:2] == [("SELL", "SPY", "LMT"), ("SELL", "SPY", "MKT")]
        assert sorted(types[2:]) == [("BUY", "BND", "MKT"), ("BUY", "QQQ", "LMT"), ("BUY", "QQQ", "MKT")]
        assert result.outcome.gaps == ()
        assert own.gateway.engine.accounts["DU1"].cash >= 0


async def test_the_time_of_repricing_is_not_counted_as_work_and_is_shown_as_the_leg() -> None:
    settings = quick_settings(operation_timeout=6)
    account = by_policy({**MIDPOINT, "reprice_every": 4, "reprice_times": 1})
    async with house({"DU1": account}, settings=settings) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        result = await handle.result()
        assert result.outcome is not None
        assert (result.outcome.finished_at - result.outcome.started_at).total_seconds() > 8
        assert result.outcome.orders[-1].state is OrderState.FILLED


async def test_a_cancel_during_repricing_cancels_the_order_and_tells_what_had_filled() -> None:
    policy = {"type": "LMT", "reprice_every": 2, "reprice_times": 50}
    async with house({"DU1": by_policy(policy)}, instruments=instruments(depth=30)) as own:
        handle = await own.trigger("DU1")
        order = await until_working(own)
        await until(lambda: order.filled >= 30)
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)
        assert (order.status, order.filled) == ("Cancelled", 30)
        status = await handle.query(RebalanceAccount.status)
        assert "30/" in status.events.records[-1].summary


# --- the close -------------------------------------------------------------------------------------------------------


async def test_an_order_on_the_close_is_waited_for_until_the_close() -> None:
    clock = MovableClock()
    hours: dict[str, Any] = {"hours": "listed", "sessions": (session(-HOUR, 2 * HOUR),)}
    settings = quick_settings(operation_timeout=6).model_copy(update={"fill_timeout": 1, "clock_tolerance": 86_400})
    account = by_policy({"type": "MOC"})
    async with house({"DU1": account}, settings=settings, gateway_clock=clock, **hours) as own:
        handle = await own.trigger("DU1")
        order = await until_working(own)
        await asyncio.sleep(8)  # longer than a leg and a rebalance may take otherwise
        assert order.status == "Submitted"
        clock.ahead = 3 * HOUR
        own.gateway.wake()
        result = await handle.result()
        assert result.outcome is not None
        assert (order.order_type, order.tif, order.status) == ("MOC", "DAY", "Filled")
        assert [report.state for report in result.outcome.orders] == [OrderState.FILLED]
        assert own.gateway.engine.accounts["DU1"].positions["QQQ"] < 164, "sized for a price that rises until then"


async def test_a_run_after_the_cut_off_is_refused_before_anything_is_traded() -> None:
    hours: dict[str, Any] = {"hours": "listed", "sessions": (session(-HOUR, 8 * MINUTE),)}
    async with house({"DU1": by_policy({"type": "MOC"})}, **hours) as own:
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "CutOffPassed"
        assert "after_cut_off: market" in failure.message
        assert not [request for request in own.gateway.requests if request.name in TRADING]


async def test_after_the_cut_off_a_run_trades_at_market_where_the_policy_says_so() -> None:
    hours: dict[str, Any] = {"hours": "listed", "sessions": (session(-HOUR, 8 * MINUTE),)}
    async with house({"DU1": by_policy({"type": "MOC", "after_cut_off": "market"})}, **hours) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert [order.order_type for order in own.accepted_orders("DU1")] == ["MKT"]
        assert [report.state for report in result.outcome.orders] == [OrderState.FILLED]


async def test_a_nasdaq_stock_is_taken_until_five_minutes_before_the_close() -> None:
    hours: dict[str, Any] = {"hours": "listed", "sessions": (session(-HOUR, 8 * MINUTE),)}
    clock, settings = MovableClock(), quick_settings().model_copy(update={"clock_tolerance": 86_400})
    own_market: dict[str, Any] = {**hours, "instruments": instruments(primary_exchange="NASDAQ")}
    account = by_policy({"type": "MOC"})
    async with house({"DU1": account}, settings=settings, gateway_clock=clock, **own_market) as own:
        handle = await own.trigger("DU1")
        order = await until_working(own)
        clock.ahead = 10 * MINUTE
        own.gateway.wake()
        await handle.result()
        assert order.status == "Filled"


# --- Adaptive, extended hours, the number of orders ------------------------------------------------------------------


async def test_an_adaptive_order_goes_out_with_its_algorithm_and_priority() -> None:
    async with house({"DU1": by_policy({"type": "ADAPTIVE", "adaptive_priority": "urgent"})}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        (order,) = own.accepted_orders("DU1")
        assert (order.order_type, order.tif, order.algo_strategy) == ("MKT", "DAY", "Adaptive")
        assert order.algo_params == (("adaptivePriority", "Urgent"),)
        assert [report.state for report in result.outcome.orders] == [OrderState.FILLED]


EXTENDED: dict[str, Any] = {
    "hours": "listed",
    "sessions": (session(5 * HOUR, 11 * HOUR),),
    "extended_sessions": (session(-HOUR, 15 * HOUR),),
}


async def test_limit_orders_of_extended_hours_trade_before_the_opening_and_others_wait() -> None:
    early = by_policy({"type": "LMT", "then": "give_up", "extended_hours": True})
    async with house({"DU1": early, "DU2": by_policy({"type": "LMT"})}, **EXTENDED) as own:
        waiting = await own.trigger("DU2")
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        (order,) = own.accepted_orders("DU1")
        assert (order.outside_rth, order.status) == (True, "Filled")
        await phase_reached(waiting, Phase.WAITING_FOR_MARKET)
        assert own.accepted_orders("DU2") == []
        await waiting.cancel()
        await asyncio.gather(waiting.result(), return_exceptions=True)


async def test_a_contract_with_twenty_working_orders_of_others_is_refused_before_anything_is_traded() -> None:
    account = by_policy({}, foreign_orders="ignore")
    async with house({"DU1": account}) as own:
        for number in range(1, 21):
            ticket = OrderTicket(
                account="DU1", action="BUY", quantity=Decimal(1), order_type="LMT", limit_price=Decimal(500), tif="DAY"
            )
            own.gateway.engine.place(99, number, ContractQuery(symbol="QQQ", sec_type="STK"), ticket)
        own.gateway.wake()
        await until(lambda: len(own.gateway.engine.open_orders(99)) >= 20)
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "TooManyWorkingOrders"
        assert not [request for request in own.gateway.requests if request.name in TRADING]
