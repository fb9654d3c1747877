"""How long an order is worked, and when its limit follows the market."""

from datetime import timedelta
from typing import Any

from rebalancing.freshness import Figures
from rebalancing.orders.order import Intent, OrderType, Side
from rebalancing.orders.order_course import Course, course_of
from rebalancing.orders.order_policy import OrderPolicy, Remainder
from tests.rebalancing.orders.order_builders import CLOSE, FRESHNESS, NOON, SESSIONS


def course(policy: dict[str, Any], order_type: OrderType) -> Course:
    """The course of an order of this type, placed at noon."""
    intent = Intent(
        ref="r",
        account="DU1",
        symbol="SPY",
        con_id=1,
        side=Side.BUY,
        quantity=1,
        order_type=order_type,
        figures=Figures(connection="c", taken_at=NOON, fresh_until=NOON + FRESHNESS, position=0),
        order_id=1,
        trading_day="20261123",
    )
    return course_of(intent, OrderPolicy.model_validate(policy), NOON, timedelta(seconds=120), SESSIONS)


def test_a_limit_order_is_repriced_every_so_often_and_worked_one_interval_more() -> None:
    own = course({"type": "LMT", "reprice_every": 30, "reprice_times": 2}, OrderType.LIMIT)
    assert own.reprice_at == (NOON + timedelta(seconds=30), NOON + timedelta(seconds=60))
    assert (own.ends_at, own.then) == (NOON + timedelta(seconds=90), Remainder.MARKET)
    later = own.after(NOON + timedelta(seconds=45))
    assert later.next_at == NOON + timedelta(seconds=60)
    assert later.after(NOON + timedelta(hours=1)).next_at == own.ends_at


def test_an_order_on_the_close_is_waited_for_until_the_close() -> None:
    assert course({"type": "MOC"}, OrderType.MARKET_ON_CLOSE).ends_at == CLOSE + timedelta(seconds=120)


def test_a_market_order_has_the_ordinary_time_whatever_the_policy_of_its_symbol() -> None:
    own = course({"type": "LMT"}, OrderType.MARKET)
    assert own.is_plain
    assert own.ends_at == NOON + timedelta(seconds=120)
