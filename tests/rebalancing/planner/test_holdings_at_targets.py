"""The sizing problem that holdings and targets come to: what must be done is paid for first, to the cent."""

from decimal import Decimal

from rebalancing.planner.holdings_at_targets import HoldingsAtTargets
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.reasons import Reason
from rebalancing.planner.sizing_problem import Line, SizingProblem


def holdings(**changes: object) -> HoldingsAtTargets:
    """Worth 1,650 USD: 165 of it the reserve. OLD must go, and what is short of SHT and ONE must be covered."""
    values: dict[str, object] = {
        "cash": "1000",
        "positions": {"AAA": 73, "OLD": 5, "ONE": -1, "SHT": -3},
        "prices": {"AAA": "10", "OLD": "20", "ONE": "30", "SHT": "50"},
        "buy_prices": {"AAA": "10.50", "OLD": "21", "ONE": "33", "SHT": "51"},
        "targets": {"AAA": "0.5", "SHT": "0.2"},
        "lots": {"AAA": 10, "SHT": 4},
        "reserve_percent": "10",
        "commission_per_order": "2",
        "minimum_order_value": "150",
        "maximum_turnover_percent": "100",
        "traded_value": "40",
    }
    return HoldingsAtTargets(PlanRequest.model_validate(values | changes))


def test_what_is_left_to_decide_is_what_the_compulsory_orders_leave() -> None:
    """Five OLD bring 100 at their price; covering costs 3 × 51 and 33 at worst; three commissions are paid."""
    assert holdings().problem() == SizingProblem(
        lines={
            "AAA": Line(
                symbol="AAA",
                price=Decimal(100),
                buy_price=Decimal(105),
                held=7,
                target_value=Decimal("712.5"),  # three shares are no lot and stay
                smallest=2,
            ),
            "SHT": Line(
                symbol="SHT",
                price=Decimal(200),
                buy_price=Decimal(204),
                held=0,
                target_value=Decimal(297),
                is_ordered=True,
            ),
        },
        spendable=Decimal(1000 - 165 - (-100 + 153 + 33) - 6),
        surplus=1000 - 165 - (-100 + 150 + 30) - Decimal("445.5"),
        commission=Decimal(2),
        turnover=Decimal(1485 - 40 - 100 - 150 - 30),
    )
    assert {s: entry.fixed for s, entry in holdings().entries.items() if entry.fixed} == {
        "OLD": Reason.NOT_IN_TARGETS,
        "ONE": Reason.SHORT,
    }


def test_a_rule_for_one_symbol_stops_its_compulsory_order_and_no_other() -> None:
    stopped = holdings(never_buy=["ONE"], never_sell=["OLD"])
    told = {s: (entry.compulsory, entry.fixed) for s, entry in stopped.entries.items()}
    assert told == {
        "AAA": (0, None),
        "OLD": (0, Reason.NEVER_SOLD),
        "ONE": (0, Reason.NEVER_BOUGHT),
        "SHT": (3, None),
    }


def test_the_target_of_what_is_held_out_is_told_as_it_is_scaled() -> None:
    scaled = holdings(targets={"AAA": "0.91", "OLD": "0.10"}, held_out=["OLD"])
    assert scaled.notes == [
        "the targets add up to 1.01 and were scaled to 1",
        "OLD is held out of management: its target of 0.0990 stays cash",
    ]
