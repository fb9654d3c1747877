"""What the simulated gateway's accounts may carry, and when the money of their sales settles."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.settlement import settlement_day
from tests.simulator.gateway.test_gateway_engine import MONDAY_NOON, SPY, engine_at, move_to, ticket

CASH_ACCOUNT = {"account": "DU1", "cash": "1000", "holdings": {"SPY": 10}, "kind": "cash"}


def figure(values: list[tuple[str, str, str]], tag: str) -> str:
    """One of an account's figures."""
    return next(value for name, value, currency in values if (name, currency) == (tag, "USD"))


@pytest.mark.parametrize(
    ("traded", "settles"),
    [
        (datetime(2026, 11, 23, 12, 0, tzinfo=NEW_YORK), "20261124"),
        (datetime(2026, 11, 27, 12, 0, tzinfo=NEW_YORK), "20261130"),  # a Friday
        (datetime(2026, 11, 25, 15, 59, tzinfo=NEW_YORK), "20261127"),  # the day before Thanksgiving
        (datetime(2026, 12, 31, 12, 0, tzinfo=NEW_YORK), "20270104"),  # before New Year and a weekend
    ],
)
def test_a_trade_settles_on_the_next_business_day(traded: datetime, settles: str) -> None:
    assert settlement_day(traded) == settles


def test_proceeds_are_cash_at_once_and_settled_cash_the_next_day() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON, accounts=[CASH_ACCOUNT])
    engine.place(1, 1, SPY, replace(ticket(10), action="SELL"))
    move_to(engine, clock, MONDAY_NOON + timedelta(minutes=1))
    values = engine.account_values("DU1")
    assert float(figure(values, "TotalCashValue")) > 6000
    assert 990 < float(figure(values, "SettledCash")) <= 1000
    move_to(engine, clock, MONDAY_NOON + timedelta(days=1))
    values = engine.account_values("DU1")
    assert figure(values, "SettledCash") == figure(values, "TotalCashValue")


def test_a_purchase_takes_settled_cash_first_and_may_leave_it_below_zero() -> None:
    engine, clock, _ = engine_at(MONDAY_NOON, accounts=[CASH_ACCOUNT])
    engine.place(1, 1, SPY, replace(ticket(10), action="SELL"))
    move_to(engine, clock, MONDAY_NOON + timedelta(minutes=1))
    engine.place(1, 2, SPY, ticket(5))
    move_to(engine, clock, MONDAY_NOON + timedelta(minutes=2))
    assert float(figure(engine.account_values("DU1"), "SettledCash")) < -1900


def test_margin_of_what_is_not_listed_takes_available_funds() -> None:
    margin = {"account": "DU1", "cash": "100000", "other_margin": "97000"}
    engine, clock, _ = engine_at(MONDAY_NOON, accounts=[margin])
    values = engine.account_values("DU1")
    assert figure(values, "InitMarginReq") == "97000.00"
    assert figure(values, "AvailableFunds") == "3000.00"
    engine.place(1, 1, SPY, ticket(11))
    move_to(engine, clock, MONDAY_NOON + timedelta(minutes=1))
    assert engine.orders[0].status == "Inactive"
