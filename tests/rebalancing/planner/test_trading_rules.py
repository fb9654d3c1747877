"""The rules of an account's plans: bands, minimum, turnover, sides, lots; what is replaced, short or a fraction.

Every case begins with 10,000 USD in AAA at 100 and BBB at 50, aimed at 60 % and 40 %, without costs.
"""

from decimal import Decimal

import pytest

from rebalancing.orders.order import Side
from rebalancing.planner import planning
from rebalancing.planner.plan import Plan, PlanImpossible, PlanRequest
from rebalancing.planner.reasons import Reason
from rebalancing.planner.trading_rules import TradingRules
from tests.rebalancing.planner.patient_planner import make_plan, size_buys

Orders = list[tuple[str, str, int]]


def request(**changes: object) -> PlanRequest:
    values: dict[str, object] = {
        "cash": "0",
        "positions": {"AAA": 60, "BBB": 80},
        "prices": {"AAA": "100", "BBB": "50", "OLD": "20"},
        "buy_prices": {"AAA": "100", "BBB": "50", "OLD": "20"},
        "targets": {"AAA": "0.6", "BBB": "0.4"},
        "reserve_percent": "0",
        "commission_per_order": "0",
    }
    return PlanRequest.model_validate(values | changes)


def brief(plan: Plan) -> Orders:
    return [(order.symbol, order.side.value, order.quantity) for order in plan.orders]


def reasons(plan: Plan) -> dict[str, Reason]:
    return {line.symbol: line.reason for line in plan.lines}


TOO_MUCH_AAA = {"AAA": 66, "BBB": 68}
"""66 % and 34 %: AAA is six points (a tenth of its target) too heavy, BBB fifteen percent of its target too light."""

BACK: Orders = [("AAA", "SELL", 6), ("BBB", "BUY", 12)]


@pytest.mark.parametrize(("percent", "expected"), [("5.99", BACK), ("6", [])])
def test_an_absolute_band_is_counted_in_points_of_the_base(percent: str, expected: Orders) -> None:
    plan = make_plan(request(positions=TOO_MUCH_AAA, tolerance_percent=percent))
    assert brief(plan) == expected
    if not expected:
        assert reasons(plan) == {"AAA": Reason.WITHIN_BAND, "BBB": Reason.WITHIN_BAND}
        assert any("within the tolerance band" in note for note in plan.notes)


@pytest.mark.parametrize(("percent", "expected"), [("9.9", BACK), ("15", [])])
def test_a_relative_band_is_counted_in_percent_of_the_target(percent: str, expected: Orders) -> None:
    assert brief(make_plan(request(positions=TOO_MUCH_AAA, relative_tolerance_percent=percent))) == expected


def test_of_two_bands_the_narrower_counts() -> None:
    both = {"tolerance_percent": "7", "relative_tolerance_percent": "9"}
    assert brief(make_plan(request(positions=TOO_MUCH_AAA, **both))) == BACK


def test_line_by_line_only_what_left_its_band_is_traded() -> None:
    # BBB has left its relative band of a twelfth, AAA has not; so the cash that BBB would need is not raised.
    plan = make_plan(request(cash="300", positions={"AAA": 63, "BBB": 68}, relative_tolerance_percent="12"))
    assert brief(plan) == [("BBB", "BUY", 6)]
    assert reasons(plan)["AAA"] is Reason.WITHIN_BAND


def test_with_the_whole_account_everything_is_traded_once_one_line_has_left_its_band() -> None:
    whole = {"tolerance_scope": "account", "relative_tolerance_percent": "12"}
    assert brief(make_plan(request(cash="300", positions={"AAA": 63, "BBB": 68}, **whole))) == [
        ("AAA", "SELL", 3),
        ("BBB", "BUY", 12),
    ]


def test_with_the_whole_account_nothing_is_traded_while_all_lines_are_within_their_bands() -> None:
    assert brief(make_plan(request(positions=TOO_MUCH_AAA, tolerance_scope="account", tolerance_percent="6"))) == []


def test_with_the_whole_account_too_much_cash_is_reason_enough() -> None:
    rich = request(cash="700", positions={"AAA": 57, "BBB": 72}, tolerance_scope="account", tolerance_percent="6")
    assert brief(make_plan(rich)) == [("BBB", "BUY", 8), ("AAA", "BUY", 3)]


def test_a_symbol_to_be_sold_breaks_the_calm_of_the_whole_account() -> None:
    band = {"tolerance_scope": "account", "tolerance_percent": "20"}
    plan = make_plan(request(positions=TOO_MUCH_AAA | {"OLD": 5}, **band))
    assert {order.symbol for order in plan.orders} >= {"OLD", "AAA"}


def test_the_buy_leg_of_a_whole_account_is_not_stopped_by_its_band() -> None:
    after_sells = request(
        cash="600", positions={"AAA": 60, "BBB": 68}, tolerance_scope="account", tolerance_percent="20"
    )
    assert [(order.symbol, order.quantity) for order in size_buys(after_sells)] == [("BBB", 12)]


def test_no_order_is_smaller_than_the_minimum_value() -> None:
    plan = make_plan(request(cash="500", positions={"AAA": 59, "BBB": 72}, minimum_order_value="300"))
    assert brief(plan) == [("BBB", "BUY", 8)]
    assert reasons(plan)["AAA"] is Reason.BELOW_MINIMUM
    assert any("AAA" in note and "minimum" in note for note in plan.notes)


def test_an_order_is_not_made_larger_to_reach_the_minimum() -> None:
    assert brief(make_plan(request(cash="100", positions={"AAA": 59, "BBB": 80}, minimum_order_value="500"))) == []


def test_the_turnover_is_spent_where_it_brings_the_account_closest() -> None:
    plan = make_plan(request(positions={"AAA": 80, "BBB": 40}, maximum_turnover_percent="20"))
    assert brief(plan) == [("AAA", "SELL", 10), ("BBB", "BUY", 20)]
    assert sum(order.estimated_value for order in plan.orders) == 2000


def test_a_line_that_the_turnover_leaves_alone_says_so() -> None:
    plan = make_plan(request(cash="2000", positions={"AAA": 50, "BBB": 60}, maximum_turnover_percent="0.4"))
    assert brief(plan) == []
    assert set(reasons(plan).values()) == {Reason.TURNOVER}


def test_what_must_go_is_sold_whatever_the_turnover_and_counts_towards_it() -> None:
    held = {"AAA": 50, "BBB": 60, "OLD": 100}
    plan = make_plan(request(positions=held, maximum_turnover_percent="30"))
    assert ("OLD", "SELL", 100) in brief(plan)
    assert sum(order.estimated_value for order in plan.buys) == 1000


def test_what_the_sell_leg_traded_counts_towards_the_turnover_of_the_buys() -> None:
    after_sells = request(cash="2000", positions={"AAA": 60, "BBB": 40}, maximum_turnover_percent="25")
    bought = size_buys(after_sells.model_copy(update={"traded_value": Decimal(2000)}))
    assert [(order.symbol, order.quantity) for order in bought] == [("BBB", 10)]


@pytest.mark.parametrize(
    ("rules", "expected", "told"),
    [
        ({"trading": "buy_only"}, [("BBB", "BUY", 2)], {"AAA": Reason.NEVER_SOLD, "OLD": Reason.NEVER_SOLD}),
        ({"never_sell": ["AAA"]}, [("OLD", "SELL", 5), ("BBB", "BUY", 4)], {"AAA": Reason.NEVER_SOLD}),
        ({"trading": "sell_only"}, [("OLD", "SELL", 5)], {"BBB": Reason.NEVER_BOUGHT, "AAA": Reason.ONLY_CASH}),
        ({"never_buy": ["BBB"]}, [("OLD", "SELL", 5)], {"BBB": Reason.NEVER_BOUGHT, "AAA": Reason.ONLY_CASH}),
    ],
)
def test_sides_that_may_not_be_traded_are_not(
    rules: dict[str, object], expected: Orders, told: dict[str, Reason]
) -> None:
    plan = make_plan(request(cash="100", positions={"AAA": 66, "BBB": 64, "OLD": 5}, **rules))
    assert brief(plan) == expected
    assert reasons(plan).items() >= told.items()


def test_with_sales_alone_a_cash_target_is_reached() -> None:
    plan = make_plan(request(targets={"AAA": "0.5", "BBB": "0.4"}, trading="sell_only"))
    assert brief(plan) == [("AAA", "SELL", 10)]


def test_with_buys_alone_an_account_in_debt_trades_nothing_and_says_why() -> None:
    plan = make_plan(request(cash="-500", positions={"AAA": 65, "BBB": 80}, trading="buy_only"))
    assert brief(plan) == []
    assert any("below the reserve" in note for note in plan.notes)


def test_shares_are_traded_in_lots_and_an_odd_rest_stays() -> None:
    plan = make_plan(request(positions={"AAA": 73, "BBB": 54}, lots={"AAA": 10, "BBB": 10}))
    assert brief(plan) == [("AAA", "SELL", 10), ("BBB", "BUY", 20)]


def test_a_symbol_that_leaves_the_targets_is_sold_with_its_odd_rest() -> None:
    plan = make_plan(request(positions={"AAA": 60, "BBB": 73, "OLD": 17}, lots={"OLD": 10}))
    assert ("OLD", "SELL", 17) in brief(plan)


def test_no_lot_is_bought_that_the_cash_does_not_reach_for() -> None:
    plan = make_plan(request(cash="900", positions={}, targets={"AAA": "1"}, lots={"AAA": 10}))
    assert brief(plan) == []
    assert reasons(plan) == {"AAA": Reason.NO_WHOLE_SHARE}


def test_held_out_symbols_are_listed_and_left_out_of_everything_else() -> None:
    plan = make_plan(request(positions={"AAA": 60, "BBB": 80, "KEEP": 9}, held_out={"KEEP"}))
    assert brief(plan) == []
    assert reasons(plan)["KEEP"] is Reason.HELD_OUT
    assert plan.base == 10000


def test_a_replaced_symbol_that_is_held_is_sold_and_named() -> None:
    plan = make_plan(request(positions={"OLD": 500}, replaced={"OLD": "AAA", "GONE": "BBB"}))
    assert brief(plan)[0] == ("OLD", "SELL", 500)
    told = {line.symbol: line.explanation for line in plan.lines}
    assert told["OLD"] == "replaced: by AAA"
    assert told["GONE"] == "replaced: by BBB"


def test_a_short_position_in_a_target_is_covered_and_bought() -> None:
    plan = make_plan(request(cash="11000", positions={"AAA": -10}))
    assert brief(plan) == [("AAA", "BUY", 70), ("BBB", "BUY", 80)]
    assert reasons(plan)["AAA"] is Reason.SHORT


def test_a_short_position_that_may_not_be_bought_is_left_and_told() -> None:
    plan = make_plan(request(cash="11000", positions={"AAA": -10}, trading="sell_only"))
    assert brief(plan) == []
    assert reasons(plan)["AAA"] is Reason.NEVER_BOUGHT


def test_the_whole_part_of_a_fractional_holding_is_traded_and_the_rest_reported_with_the_error_code() -> None:
    plan = make_plan(request(positions={"AAA": 60, "BBB": 80, "OLD": 3}, fractions={"OLD": "0.25"}))
    assert ("OLD", "SELL", 3) in brief(plan)
    assert plan.after.weights["OLD"] > 0
    assert any("0.25 of a share" in note and "10243" in note for note in plan.notes)


def test_a_fraction_alone_is_not_traded_and_says_why() -> None:
    plan = make_plan(request(fractions={"OLD": "0.75"}))
    assert all(order.symbol != "OLD" for order in plan.orders)
    assert reasons(plan)["OLD"] is Reason.FRACTION
    assert "10243" in Reason.FRACTION.value


def test_a_fraction_counts_as_part_of_its_holding() -> None:
    plan = make_plan(request(cash="25", positions={"AAA": 60, "BBB": 79}, fractions={"BBB": "0.5"}))
    assert brief(plan) == []
    assert plan.after.drift == Decimal("0.2500")


def test_without_time_for_the_solver_the_plan_is_greedy_and_says_so() -> None:
    crowded = request(cash="11781", positions={}, targets={"AAA": "0.5", "BBB": "0.5"})
    hurried = planning.make_plan(crowded, solver_seconds=0)
    assert not hurried.is_optimal
    assert hurried.notes == (
        "the solver's time was up: shares are rounded and the rest is spent greedily, which may be a little "
        "further from the targets than need be",
    )
    assert hurried.after.cash >= hurried.reserve
    patient = make_plan(crowded)
    assert patient.is_optimal
    assert patient.after.drift <= hurried.after.drift


def test_every_order_carries_the_reason_of_its_line() -> None:
    plan = make_plan(request(positions=TOO_MUCH_AAA | {"OLD": 5}))
    assert {(o.symbol, o.side, o.reason.split(":")[0]) for o in plan.orders} == {
        ("AAA", Side.SELL, Reason.OVER_TARGET),
        ("BBB", Side.BUY, Reason.UNDER_TARGET),
        ("OLD", Side.SELL, Reason.NOT_IN_TARGETS),
    }


def test_a_line_on_target_says_so() -> None:
    assert set(reasons(make_plan(request())).values()) == {Reason.ON_TARGET}


# --- what is worth its costs ------------------------------------------------------------------------------------------

ONE_MORE: Orders = [("BBB", "BUY", 1)]


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        # A share of BBB brings the account 50 closer; two commissions for each of two symbols are held against it.
        ({"commission_per_order": "12.49"}, ONE_MORE),
        ({"commission_per_order": "12.50"}, []),
        # What it may cost above its price comes on top of that.
        ({"commission_per_order": "12.24", "buy_prices": {"BBB": "51"}}, ONE_MORE),
        ({"commission_per_order": "12.25", "buy_prices": {"BBB": "51"}}, []),
    ],
)
def test_a_drift_is_mended_if_that_brings_more_than_it_may_cost(costs: dict[str, object], expected: Orders) -> None:
    plan = make_plan(request(cash="70", positions={"AAA": 60, "BBB": 78}, **costs))
    assert brief(plan) == expected
    is_told = "the remaining drift is smaller than what mending it may cost" in plan.notes
    assert is_told is (not expected)
    assert (reasons(plan)["BBB"] is Reason.NOT_WORTH_IT) is (not expected)


@pytest.mark.parametrize(("price", "expected"), [("1.0", []), ("1.1", [("CENT", "BUY", 1)])])
def test_what_comes_closer_by_a_ten_thousandth_of_the_base_is_worth_no_order(price: str, expected: Orders) -> None:
    """Of 10,000 USD, all but the price of one share is where it should be."""
    rest = Decimal(10_000) - Decimal(price)
    plan = make_plan(
        request(
            cash=price,
            positions={"AAA": 1},
            prices={"AAA": rest, "CENT": price},
            buy_prices={"AAA": rest, "CENT": price},
            targets={"AAA": rest / 10_000, "CENT": Decimal(price) / 10_000},
        )
    )
    assert brief(plan) == expected


@pytest.mark.parametrize("cash", ["0", "0.50"])
def test_cash_that_is_not_below_the_reserve_is_nothing_to_tell(cash: str) -> None:
    assert make_plan(request(cash=cash)).notes == ()


def test_cash_below_the_reserve_by_a_cent_is_told_where_no_sale_restores_it() -> None:
    plan = make_plan(request(cash="-0.01", trading="buy_only"))
    assert plan.notes == ("cash is below the reserve and no sale is due that would restore it",)


def test_an_account_hands_its_rules_alone_to_the_planner_as_it_has_them() -> None:
    rules = TradingRules(never_buy=frozenset({"AAA"}), lots={"BBB": 10}, tolerance_percent=Decimal("1.5"))
    assert rules.trading_rules == dict(rules)
    assert rules.trading_rules.keys() == TradingRules.model_fields.keys()


def test_weights_beyond_the_whole_are_refused_with_what_is_allowed() -> None:
    with pytest.raises(PlanImpossible, match=r"add up to 1\.02; at most 1\.01 is allowed"):
        PlanRequest.model_validate(
            {
                "cash": "100",
                "positions": {},
                "prices": {"AAA": "1", "BBB": "1"},
                "targets": {"AAA": "0.5", "BBB": "0.52"},
            }
        )
