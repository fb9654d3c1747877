"""The trading engine alone: time stands still until the test moves it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.gateway.clock import NEW_YORK, ManualClock
from simulator.gateway.engine import Engine
from simulator.gateway.events import CommissionReported, Event, OrderMessage, OrderReported
from simulator.gateway.ledger import Ledger
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import Latency, Scenario, parse_scenario
from simulator.gateway.trading_hours import TradingHours

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=NEW_YORK)
SPY = ContractQuery(symbol="SPY", sec_type="STK")


def engine_at(start: datetime, **changes: object) -> tuple[Engine, ManualClock, list[Event]]:
    """An engine during a regular New York session, its clock and everything it tells."""
    base = parse_scenario(
        'accounts: [{account: DU1, cash: "100000"}]\ninstruments: [{symbol: SPY, price: "600.00", spread: "0.02"}]\n'
    )
    scenario = Scenario.model_validate({**base.model_dump(), **changes})
    clock = ManualClock(start)
    engine = Engine(scenario, clock)
    events: list[Event] = []
    engine.listen(events.append)
    return engine, clock, events


def ticket(quantity: int = 10, order_type: str = "MKT", tif: str = "DAY", limit: str | None = None) -> OrderTicket:
    """A buy order of DU1."""
    return OrderTicket(
        account="DU1",
        action="BUY",
        quantity=Decimal(quantity),
        order_type=order_type,
        tif=tif,
        limit_price=None if limit is None else Decimal(limit),
        order_ref="ref",
    )


def move_to(engine: Engine, clock: ManualClock, moment: datetime) -> None:
    """Let everything happen that is due until a moment, each at its own time."""
    while engine.next_due and engine.next_due <= moment:
        clock.advance((engine.next_due - clock.now()).total_seconds())
        engine.run_due()
    clock.advance((moment - clock.now()).total_seconds())


def test_nothing_happens_before_its_time() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON, latency=Latency(ack=1, fill=(2, 2), commission=1).model_dump())
    engine.place(1, 1, SPY, ticket())
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=0.9))
    assert (engine.orders[0].status, engine.open_orders()) == ("PendingSubmit", [])
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=1))
    assert engine.orders[0].status == "Submitted"
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=3))
    assert engine.orders[0].status == "Filled"
    assert engine.accounts["DU1"].cash == Decimal("100000") - 10 * Decimal("600.01") - 1


def test_the_commission_is_told_after_the_order_is_filled() -> None:
    engine, clock, events = engine_at(MONDAY_NOON, latency=Latency(commission=1).model_dump())
    engine.place(1, 1, SPY, ticket())
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=5))
    kinds = [type(each) for each in events]
    assert kinds.index(CommissionReported) > max(n for n, kind in enumerate(kinds) if kind is OrderReported)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_gives_the_same_fills(seed: int) -> None:
    def fills() -> list[tuple[int, Decimal, datetime]]:
        engine, clock, _ = engine_at(MONDAY_NOON, seed=seed, latency=Latency(fill=(0.3, 1.5)).model_dump())
        for number in range(1, 6):
            engine.place(1, number, SPY, ticket(5))
        move_to(engine, clock, MONDAY_NOON + timedelta(seconds=5))
        return [(each.quantity, each.price, each.time) for each in engine.executions]

    assert fills() == fills()
    assert sum(quantity for quantity, _, _ in fills()) == 25


def test_a_day_order_expires_at_the_close_and_one_till_cancelled_trades_the_next_day() -> None:
    engine, clock, events = engine_at(MONDAY_NOON)
    engine.place(1, 1, SPY, ticket(1, "LMT", "DAY", "500.00"))
    engine.place(1, 2, SPY, ticket(1, "LMT", "GTC", "500.00"))
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=5))
    day, till_cancelled = engine.orders
    assert (day.status, till_cancelled.status) == ("Cancelled", "PreSubmitted")
    assert [each.code for each in events if isinstance(each, OrderMessage)] == [202]
    engine.move_price("SPY", Decimal("490.00"))
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=6))
    assert till_cancelled.filled == 0, "the market is closed"
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=22))
    assert till_cancelled.status == "Filled"


def test_a_market_on_close_order_fills_at_the_close() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON)
    engine.place(1, 1, SPY, ticket(3, "MOC"))
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=3, minutes=59))
    assert engine.orders[0].status == "Submitted"
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=4))
    assert engine.orders[0].status == "Filled"
    assert engine.executions[0].time.astimezone(NEW_YORK).hour == 16


def test_an_order_placed_on_sunday_trades_on_monday_morning() -> None:
    engine, clock, events = engine_at(MONDAY_NOON - timedelta(days=1))
    engine.place(1, 1, SPY, ticket())
    move_to(engine, clock, MONDAY_NOON - timedelta(hours=3))
    assert engine.orders[0].status == "PreSubmitted"
    assert [each.code for each in events if isinstance(each, OrderMessage)] == [399]
    move_to(engine, clock, MONDAY_NOON)
    assert engine.executions[0].time.astimezone(NEW_YORK) == MONDAY_NOON.replace(hour=9, minute=30)


def test_the_day_after_the_gateway_has_forgotten_orders_and_fills_but_not_ids() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON)
    engine.place(1, 40, SPY, ticket())
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=1))
    assert len(engine.completed_orders()) == len({each.perm_id for each in engine.executions_today()}) == 1
    move_to(engine, clock, MONDAY_NOON + timedelta(days=1))
    assert engine.completed_orders() == engine.executions_today() == []
    assert engine.executions, "the permanent trade log remains"
    assert engine.next_order_id(1) == 41


def test_a_fill_that_overtakes_a_cancel_wins() -> None:
    engine, clock, events = engine_at(MONDAY_NOON, latency=Latency(ack=1, fill=(1.5, 1.5)).model_dump())
    engine.place(1, 1, SPY, ticket(1))
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=2))
    engine.cancel(1, 1)
    assert engine.orders[0].status == "PendingCancel"
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=9))
    assert engine.orders[0].status == "Filled"
    assert [each.code for each in events if isinstance(each, OrderMessage)] == [10148]


def test_working_buys_reserve_their_money() -> None:
    engine, clock, events = engine_at(MONDAY_NOON)
    engine.place(1, 1, SPY, ticket(300, "LMT", limit="500.00"))
    engine.place(1, 2, SPY, ticket(300, "LMT", limit="500.00"))
    move_to(engine, clock, MONDAY_NOON + timedelta(seconds=1))
    assert [each.status for each in engine.orders] == ["Submitted", "Inactive"]
    assert [each.code for each in events if isinstance(each, OrderMessage)] == [201]


def test_a_restored_day_order_of_yesterday_has_expired() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON)
    engine.place(1, 1, SPY, ticket(1, "LMT", limit="500.00"))
    move_to(engine, clock, MONDAY_NOON + timedelta(hours=1))
    clock.advance(24 * 3600)
    restored = Engine(engine.scenario, clock, engine.state())
    assert restored.orders[0].status == "Cancelled"


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), min_size=1, max_size=20))
def test_cash_holdings_and_profit_always_add_up(fills: list[tuple[int, int]]) -> None:
    ledger = Ledger(account="DU1", cash=Decimal(10_000))
    for quantity, price in fills:
        ledger.book("SPY", quantity, Decimal(price), Decimal(1))
    holding = ledger.holdings["SPY"]
    assert holding.quantity == sum(quantity for quantity, _ in fills)
    invested = holding.quantity * holding.average_cost
    assert ledger.cash + invested == pytest.approx(Decimal(10_000) + holding.realized, abs=Decimal("1e-15"))


def test_average_cost_includes_commissions_and_selling_realises_the_difference() -> None:
    ledger = Ledger(account="DU1", cash=Decimal(1000))
    assert ledger.book("SPY", 10, Decimal(10), Decimal(1)) is None
    assert ledger.holdings["SPY"].average_cost == Decimal("10.1")
    assert ledger.book("SPY", -10, Decimal(12), Decimal(1)) == Decimal(18)
    assert (ledger.cash, ledger.positions) == (Decimal(1018), {})


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 11, 24), "20261124:0930-20261124:1600"),
        (date(2026, 11, 26), "20261126:CLOSED"),
        (date(2026, 11, 27), "20261127:0930-20261127:1300"),
        (date(2026, 11, 28), "20261128:CLOSED"),
    ],
)
def test_the_calendar_knows_weekends_holidays_and_half_days(day: date, hours: str) -> None:
    moment = datetime(day.year, day.month, day.day, 8, tzinfo=NEW_YORK)
    assert TradingHours("us_stocks").regular_text(moment).split(";")[0] == hours


def test_a_market_that_never_closes_has_no_gap_at_midnight() -> None:
    hours = TradingHours("always_open")
    midnight = datetime(2026, 11, 25, tzinfo=NEW_YORK)
    assert hours.is_open(midnight)
    assert hours.is_open(midnight - timedelta(microseconds=1))
    assert hours.next_close(midnight) is None
    assert hours.regular_text(midnight).startswith("20261125:0000-20261126:0000;20261126:0000-")
