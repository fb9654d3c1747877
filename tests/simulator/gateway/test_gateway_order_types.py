"""Order types of the simulated gateway: limits that rest and fill in parts, the close, extended hours, algorithms."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_insync import IB, Order, TagValue

from simulator.gateway.clock import NEW_YORK, ManualClock
from simulator.gateway.engine import Engine
from simulator.gateway.events import Event, OrderMessage
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import Scenario, parse_scenario
from simulator.gateway.server import SimulatedGateway
from simulator.gateway.trading_hours import TradingHours
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, filled, limit_order, stock, until

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=NEW_YORK)
HALF_DAY = datetime(2026, 11, 27, 12, 0, tzinfo=NEW_YORK)
MARKET = """
accounts: [{account: DU1, cash: "1000000", holdings: {QQQ: 100}}]
instruments:
  - {symbol: SPY, price: "600.00", spread: "0.02"}
  - {symbol: QQQ, price: "500.00", spread: "0.02", primary_exchange: NASDAQ}
  - {symbol: THIN, price: "10.00", spread: "0.02", depth: 30, min_tick: "0.01"}
"""


class Floor:
    """An engine, its clock, and what it says about orders."""

    def __init__(self, start: datetime = NOON, **changes: object) -> None:
        scenario = Scenario.model_validate({**parse_scenario(MARKET).model_dump(), **changes})
        self.clock = ManualClock(start)
        self.engine = Engine(scenario, self.clock)
        self.codes: list[int] = []
        self.engine.listen(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, OrderMessage):
            self.codes.append(event.code)

    def place(self, order_id: int, symbol: str = "SPY", quantity: int = 10, **terms: Any) -> None:
        """A buy order of DU1, or a change of one."""
        given: dict[str, Any] = {"account": "DU1", "action": "BUY", "order_type": "MKT", "tif": "DAY", **terms}
        ticket = OrderTicket(quantity=Decimal(quantity), **given)
        self.engine.place(1, order_id, ContractQuery(symbol=symbol, sec_type="STK"), ticket)
        self.engine.run_due()

    def at(self, moment: datetime) -> None:
        """Let everything happen that is due until a moment, each at its own time."""
        while self.engine.next_due and self.engine.next_due <= moment:
            self.clock.advance((self.engine.next_due - self.clock.now()).total_seconds())
            self.engine.run_due()
        self.clock.advance((moment - self.clock.now()).total_seconds())


def test_a_limit_order_rests_until_the_market_comes_to_it() -> None:
    floor = Floor()
    floor.place(1, order_type="LMT", limit_price=Decimal("599.00"))
    (order,) = floor.engine.orders
    assert (order.status, order.filled) == ("Submitted", 0)
    floor.engine.move_price("SPY", Decimal("598.00"))
    floor.engine.run_due()
    assert (order.status, order.average_price) == ("Filled", Decimal("598.01"))


def test_limit_orders_find_so_many_shares_at_a_price_and_new_ones_when_it_moves() -> None:
    floor = Floor()
    floor.place(1, "THIN", 80, order_type="LMT", limit_price=Decimal("10.05"))
    (order,) = floor.engine.orders
    assert order.filled == 30
    floor.engine.move_price("THIN", Decimal("10.01"))
    floor.engine.run_due()
    assert order.filled == 60
    floor.place(2, "THIN", 50)
    assert floor.engine.orders[1].status == "Filled", "a market order takes what there is at other prices"


def test_a_change_of_price_lets_a_resting_order_fill_once() -> None:
    floor = Floor()
    floor.place(1, order_type="LMT", limit_price=Decimal("599.00"))
    floor.place(1, order_type="LMT", limit_price=Decimal("600.01"))
    (order,) = floor.engine.orders
    assert (order.status, order.filled) == ("Filled", 10)
    floor.place(1, order_type="LMT", limit_price=Decimal("600.02"))
    assert floor.codes == [104]


def test_a_change_off_the_price_grid_is_refused_and_the_order_keeps_its_price() -> None:
    floor = Floor()
    floor.place(1, order_type="LMT", limit_price=Decimal("599.00"))
    floor.place(1, order_type="LMT", limit_price=Decimal("599.005"))
    (order,) = floor.engine.orders
    assert floor.codes == [110]
    assert (order.status, order.limit_price) == ("Submitted", Decimal("599.00"))


@pytest.mark.parametrize(
    ("symbol", "start", "taken", "refused"),
    [
        ("SPY", NOON, "15:49", "15:50"),
        ("QQQ", NOON, "15:54", "15:55"),
        ("SPY", HALF_DAY, "12:49", "12:50"),
        ("QQQ", HALF_DAY, "12:54", "12:55"),
    ],
)
def test_the_exchange_takes_orders_for_the_close_until_its_cut_off(
    symbol: str, start: datetime, taken: str, refused: str
) -> None:
    def on(clock_time: str) -> datetime:
        hour, minute = clock_time.split(":")
        return start.replace(hour=int(hour), minute=int(minute))

    floor = Floor(start)
    floor.at(on(taken))
    floor.place(1, symbol, order_type="MOC")
    floor.at(on(refused))
    floor.place(2, symbol, order_type="MOC")
    assert floor.codes == [201]
    floor.at(start + timedelta(hours=5))
    (order,) = floor.engine.orders
    assert order.status == "Filled"
    assert order.completed_at == TradingHours("us_stocks").next_close(start)


def test_an_order_for_the_close_cannot_be_taken_back_in_the_last_ten_minutes() -> None:
    floor = Floor()
    floor.place(1, "QQQ", order_type="MOC")
    floor.at(NOON + timedelta(hours=3, minutes=50))
    floor.engine.cancel(1, 1)
    assert floor.codes == [10148]
    assert floor.engine.orders[0].status == "Submitted"


@pytest.mark.parametrize(("outside_rth", "filled_shares"), [(True, 10), (False, 0)])
def test_only_a_limit_order_that_says_so_trades_before_the_opening(outside_rth: bool, filled_shares: int) -> None:
    floor = Floor(NOON - timedelta(hours=5))
    floor.place(1, order_type="LMT", limit_price=Decimal("600.05"), outside_rth=outside_rth)
    assert floor.engine.orders[0].filled == filled_shares
    assert floor.codes == ([] if outside_rth else [399])


def test_a_market_order_loses_its_wish_to_trade_outside_regular_hours() -> None:
    floor = Floor(NOON - timedelta(hours=5))
    floor.place(1, outside_rth=True)
    (order,) = floor.engine.orders
    assert (order.outside_rth, order.filled) == (False, 0)
    assert floor.codes == [2109, 399]


def test_the_twenty_first_working_order_on_a_side_of_a_contract_is_refused() -> None:
    floor = Floor()
    for number in range(1, 22):
        floor.place(number, quantity=1, order_type="LMT", limit_price=Decimal("500.00"))
    assert floor.codes == [201]
    assert [order.status for order in floor.engine.orders] == ["Submitted"] * 20 + ["Inactive"]
    floor.place(22, "QQQ", 1, order_type="LMT", limit_price=Decimal("400.00"))
    floor.place(23, "SPY", 1, action="SELL", order_type="LMT", limit_price=Decimal("700.00"))
    assert [order.status for order in floor.engine.orders[21:]] == ["Submitted", "Submitted"]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"algo_strategy": "Adaptive", "algo_params": (("adaptivePriority", "Urgent"),)}, None),
        ({"algo_strategy": "Adaptive"}, None),
        ({"algo_strategy": "Nonesuch"}, 439),
        ({"algo_strategy": "Adaptive", "algo_params": (("adaptivePriority", "urgent"),)}, 441),
        ({"algo_strategy": "Adaptive", "order_type": "MOC"}, 442),
        ({"algo_strategy": "Adaptive", "algo_params": (("startTime", "10:00:00"),)}, 441),
    ],
)
def test_the_adaptive_algorithm_is_taken_and_a_wrong_use_of_it_refused(terms: dict[str, Any], code: int | None) -> None:
    floor = Floor()
    floor.place(1, **terms)
    assert floor.codes == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("symbol", "limit", "quantity", "tif", "filled_shares", "status"),
    [
        ("SPY", "600.05", 10, "IOC", 10, "Filled"),
        ("SPY", "599.00", 10, "IOC", 0, "Cancelled"),
        ("THIN", "10.05", 80, "IOC", 30, "Cancelled"),
        ("SPY", "600.05", 10, "FOK", 10, "Filled"),
        ("SPY", "599.00", 10, "FOK", 0, "Cancelled"),
        ("THIN", "10.05", 80, "FOK", 0, "Cancelled"),
        ("THIN", "10.05", 30, "FOK", 30, "Filled"),
    ],
)
def test_what_is_to_be_had_at_once_or_not_at_all_never_rests(
    symbol: str, limit: str, quantity: int, tif: str, filled_shares: int, status: str
) -> None:
    floor = Floor()
    floor.place(1, symbol, quantity, order_type="LMT", limit_price=Decimal(limit), tif=tif)
    (order,) = floor.engine.orders
    assert (order.filled, order.status, order.tif) == (filled_shares, status, tif)
    assert floor.codes == ([202] if status == "Cancelled" else [])
    assert order.completed_at is not None
    floor.engine.move_price(symbol, Decimal("9.00"))
    floor.engine.run_due()
    assert order.filled == filled_shares


@pytest.mark.parametrize(("tif", "least"), [("IOC", 1), ("FOK", 0)])
def test_what_the_price_runs_away_from_while_it_fills_is_cancelled(tif: str, least: int) -> None:
    floor = Floor(latency={"fill": (10, 10)}, max_fill_parts=20)
    floor.place(1, quantity=1000, order_type="LMT", limit_price=Decimal("600.05"), tif=tif)
    floor.at(NOON + timedelta(seconds=8))
    floor.engine.move_price("SPY", Decimal("610.00"))
    floor.at(NOON + timedelta(seconds=20))
    (order,) = floor.engine.orders
    assert order.status == "Cancelled"
    assert least <= order.filled < 1000
    if tif == "FOK":
        assert order.filled == 0


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_outside_trading_hours_there_is_nothing_at_once(tif: str) -> None:
    floor = Floor(NOON - timedelta(hours=5))
    floor.place(1, order_type="LMT", limit_price=Decimal("600.05"), tif=tif)
    assert floor.engine.orders[0].status == "Cancelled"
    floor.at(NOON)
    assert floor.engine.orders[0].filled == 0


def test_prices_move_when_the_scenario_says_so() -> None:
    floor = Floor(moves=[{"after": 5, "symbol": "SPY", "price": "590.00"}])
    floor.at(NOON + timedelta(seconds=4))
    assert floor.engine.market.price("SPY") == 600
    floor.at(NOON + timedelta(seconds=5))
    assert floor.engine.market.price("SPY") == 590


def test_listed_sessions_are_told_by_the_minute_and_no_other_is_known() -> None:
    night = {"opens": "2026-11-23T22:00-05:00", "closes": "2026-11-24T02:30-05:00"}
    floor = Floor(NOON, hours="listed", sessions=[night])
    hours = floor.engine.market.instruments["SPY"].hours
    assert "20261123:2200-20261124:0230" in hours.regular_text(NOON).split(";")
    assert not hours.is_open(NOON)
    assert hours.next_open(NOON) == NOON.replace(hour=22)
    assert hours.is_open(NOON + timedelta(hours=13))


def test_a_day_may_have_several_listed_sessions_and_one_may_last_for_days() -> None:
    sessions = [
        {"opens": "2026-11-20T09:30-05:00", "closes": "2026-11-23T11:00-05:00"},
        {"opens": "2026-11-23T11:30-05:00", "closes": "2026-11-23T13:00-05:00"},
        {"opens": "2026-11-23T13:30-05:00", "closes": "2026-11-24T13:00-05:00"},
    ]
    hours = Floor(NOON, hours="listed", sessions=sessions[::-1]).engine.market.instruments["SPY"].hours
    assert hours.next_close(NOON) == NOON.replace(hour=13)
    pause = NOON.replace(hour=13, minute=10)
    assert not hours.is_open(pause)
    assert hours.next_open(pause) == NOON.replace(hour=13, minute=30)
    assert "20261123:1130-20261123:1300;20261123:1330-20261124:1300" in hours.regular_text(NOON)
    morning = NOON.replace(hour=10)
    assert hours.is_open(morning)
    assert hours.regular_text(morning).startswith("20261120:0930-20261123:1100;")


def test_an_order_keeps_what_it_met_when_it_came_in() -> None:
    floor = Floor(latency={"ack": 1, "fill": [1, 1]})
    floor.place(1, quantity=10)
    floor.place(2, "QQQ", quantity=5)
    floor.engine.move_price("SPY", Decimal("610.00"))
    floor.place(3, "QQQ", action="SELL", quantity=2)
    first, second, third = (order.arrival for order in floor.engine.orders)
    assert first is not None
    assert (first.price, first.cash, first.committed) == (Decimal("600.01"), Decimal(1000000), Decimal(0))
    assert second is not None
    assert (second.committed, second.net_liquidation) == (Decimal("6000.10"), Decimal(1050000))
    assert third is not None
    assert (third.price, third.committed) == (Decimal("499.99"), 10 * Decimal("610.01") + 5 * Decimal("500.01"))
    floor.at(NOON + timedelta(seconds=10))
    assert floor.engine.orders[0].status == "Filled"
    assert floor.engine.orders[0].arrival == first


async def test_an_order_keeps_when_its_connection_was_opened(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 5, 500.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    (order,) = gateway.engine.orders
    (connection,) = gateway.connections
    assert order.arrival is not None
    assert order.arrival.connected_at is not None
    assert connection.opened <= order.arrival.connected_at <= order.placed_at


async def test_the_client_sees_the_algorithm_of_a_working_order_and_fills_it(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    order = limit_order("BUY", 5, 500.0)
    order.algoStrategy, order.algoParams = "Adaptive", [TagValue("adaptivePriority", "Patient")]
    trade = ib.placeOrder(stock("SPY"), order)
    await until(lambda: trade.orderStatus.status == "Submitted")
    other: IB = await connect(gateway, client_id=2)
    (seen,) = await other.reqAllOpenOrdersAsync()
    assert seen.order.algoStrategy == "Adaptive"
    assert seen.order.algoParams == [TagValue("adaptivePriority", "Patient")]
    gateway.engine.move_price("SPY", Decimal("499.00"))
    gateway.wake()
    await filled(trade)
    assert [completed.order.algoStrategy for completed in await other.reqCompletedOrdersAsync(False)] == ["Adaptive"]


async def test_the_client_changes_the_price_of_a_working_order(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 5, 500.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    changed: Order = limit_order("BUY", 5, 600.05)
    changed.orderId = trade.order.orderId
    ib.client.placeOrder(trade.order.orderId, stock("SPY"), changed)
    await filled(trade)
    assert trade.order.lmtPrice == 600.05
    assert [code for code in errors.codes if code < 2100] == []
    assert len(gateway.engine.orders) == 1
