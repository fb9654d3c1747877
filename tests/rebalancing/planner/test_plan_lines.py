"""What a plan says of each symbol: a whole plan in full, and why a line was left as it is."""

from dataclasses import replace
from decimal import Decimal

import pytest

from rebalancing.planner.holdings_at_targets import HoldingsAtTargets, share_changes
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.plan_lines import Explainer
from rebalancing.planner.reasons import Reason
from rebalancing.planner.sizing_problem import smallest_change
from tests.rebalancing.planner.patient_planner import make_plan

FREE = {"reserve_percent": "0", "commission_per_order": "0"}


def test_a_plan_in_full() -> None:
    """Worth 10,125 USD, of which 202.50 are the reserve: 2,000 and 100 come in, 1,450 and three commissions go out."""
    plan = make_plan(
        PlanRequest.model_validate(
            {
                "cash": "1500",
                "positions": {"AAA": 70, "BBB": 30, "OLD": 5, "KEEP": 2},
                "fractions": {"BBB": "0.5", "KEEP": "0.25"},
                "prices": {"AAA": "100", "BBB": "50", "OLD": "20", "KEEP": "7"},
                "buy_prices": {"AAA": "101", "BBB": "50.5", "OLD": "21"},
                "quote_kinds": {"AAA": "delayed", "BBB": "delayed", "OLD": "close"},
                "targets": {"AAA": "0.5", "BBB": "0.3", "KEEP": "0.1", "CASH": "0.1"},
                "held_out": {"KEEP"},
                "replaced": {"OLD": "AAA", "GONE": "BBB"},
                "reserve_percent": "2",
                "commission_per_order": "1",
            }
        )
    )
    too_much, too_little = "70.55 % held, 50.00 % targeted", "15.37 % held, 30.00 % targeted"
    assert plan.model_dump(mode="json") == {
        "orders": [
            _order("SELL", 20, "AAA", "2000.00", f"over target: {too_much}"),
            _order("SELL", 5, "OLD", "100.00", "replaced: by AAA"),
            _order("BUY", 29, "BBB", "1450.00", f"under target: {too_little}"),
        ],
        "base": "9922.50",
        "reserve": "202.50",
        "targets": {"AAA": "0.500000", "BBB": "0.300000"},
        "after": {
            "cash": "2147.00",
            "idle_cash": "-40.00",
            "weights": {"AAA": "0.503905", "BBB": "0.299824", "OLD": "0.000000"},
            "drift": "0.4056",
        },
        "lines": [
            _line("AAA", 70, "over target", -20, ("0.500000", "0.705467", "0.503905"), too_much, quote="delayed"),
            _line(
                "BBB",
                30,
                "under target",
                29,
                ("0.300000", "0.153691", "0.299824"),
                too_little,
                fraction="0.5",
                quote="delayed",
            ),
            _line("GONE", 0, "replaced", details="by BBB"),
            _line("KEEP", 2, "held out", fraction="0.25"),
            _line("OLD", 5, "replaced", -5, ("0.000000", "0.010078", "0.000000"), "by AAA", quote="close"),
        ],
        "is_optimal": True,
        "notes": [
            "KEEP is held out of management: its target of 0.1000 stays cash",
            "BBB: 0.5 of a share stays, because the API refuses to trade fractions (error 10243); close it in TWS or "
            "Client Portal",
            "prices are delayed by up to 20 minutes: AAA, BBB",
            "prices are those of the last trade or the last close: OLD",
        ],
    }
    assert plan.plan_hash == "f4e985c8d74a"
    assert (plan.cash_after.cash, plan.cash_after.target) == (Decimal(2147), Decimal("1984.5"))


def _order(side: str, quantity: int, symbol: str, value: str, reason: str) -> dict[str, object]:
    return {"symbol": symbol, "side": side, "quantity": quantity, "estimated_value": value, "reason": reason}


def _line(
    symbol: str,
    held: int,
    reason: str,
    change: int = 0,
    weights: tuple[str | None, str | None, str | None] = (None, None, None),
    details: str = "",
    fraction: str = "0",
    quote: str = "live",
) -> dict[str, object]:
    target, before, after = weights
    return {
        "symbol": symbol,
        "held": held,
        "fraction": fraction,
        "change": change,
        "target": target,
        "before": before,
        "after": after,
        "reason": reason,
        "details": details,
        "quote": quote,
    }


# --- why a line is left as it is --------------------------------------------------------------------------------------


def reason_to_leave(
    cash: str, target: str = "1", price: str = "100", *, worth_it: bool = True, bought: int = 0, **more: object
) -> Reason:
    """What is said of ten shares of AAA that are left as they are; ``bought`` shares of BBB at 50 are not.

    What is no rule of a request is put in the place of what the problem would have.
    """
    means = {name: more.pop(name) for name in ("spendable", "surplus", "turnover") if name in more}
    request = PlanRequest.model_validate(
        {
            "cash": cash,
            "positions": {"AAA": 10},
            "prices": {"AAA": price, "BBB": "50"},
            "buy_prices": {"AAA": price, "BBB": "50"},
            "targets": {"AAA": target, **({"BBB": "0.01"} if bought else {})},
            **FREE,
            **more,
        }
    )
    holdings = HoldingsAtTargets(request)
    problem = replace(holdings.problem(), **{name: Decimal(str(value)) for name, value in means.items()})
    steps = problem.unchanged | ({"BBB": bought} if bought else {})
    explainer = Explainer(request, holdings, problem, steps, worth_it)
    return next(line.reason for line in explainer.lines(share_changes(holdings, steps)) if line.symbol == "AAA")


@pytest.mark.parametrize(
    ("cash", "target", "rules", "reason"),
    [
        ("0", "1", {}, Reason.ON_TARGET),
        ("0.30", "1", {"never_buy": ["AAA"]}, Reason.NEVER_BOUGHT),
        ("0.30", "1", {"never_sell": ["AAA"]}, Reason.NO_WHOLE_SHARE),
        ("0", "0.9997", {"never_sell": ["AAA"]}, Reason.NEVER_SOLD),
        ("0", "0.9997", {"never_buy": ["AAA"]}, Reason.NO_WHOLE_SHARE),
        ("99.99", "1", {}, Reason.NO_WHOLE_SHARE),
        ("199.99", "1", {"minimum_order_value": "200"}, Reason.BELOW_MINIMUM),
        ("200", "1", {"minimum_order_value": "200", "worth_it": False}, Reason.NOT_WORTH_IT),
        ("0", "0.85", {"minimum_order_value": "200", "worth_it": False}, Reason.BELOW_MINIMUM),
        ("0", "0.80", {"minimum_order_value": "200", "worth_it": False}, Reason.NOT_WORTH_IT),
    ],
)
def test_the_first_limit_that_stands_in_the_way_is_told(
    cash: str, target: str, rules: dict[str, object], reason: Reason
) -> None:
    assert reason_to_leave(cash, target, **rules) is reason  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        ({"turnover": "199.99"}, Reason.TURNOVER),
        ({"turnover": "150"}, Reason.TURNOVER),
        ({"turnover": "200"}, Reason.NO_WHOLE_SHARE),
        ({"turnover": "299.99", "bought": 2}, Reason.TURNOVER),
        ({"turnover": "300", "bought": 2}, Reason.NO_WHOLE_SHARE),
        ({"spendable": "199.99"}, Reason.NO_CASH),
        ({"spendable": "150"}, Reason.NO_CASH),
        ({"spendable": "200"}, Reason.NO_WHOLE_SHARE),
        ({"spendable": "299.99", "bought": 2}, Reason.NO_CASH),
    ],
)
def test_what_the_smallest_order_would_take_is_held_against_what_is_left_of_turnover_and_cash(
    means: dict[str, object], reason: Reason
) -> None:
    found = reason_to_leave("500", minimum_order_value="200", **means)  # pyright: ignore[reportArgumentType]
    assert found is reason


@pytest.mark.parametrize(
    ("surplus", "reason"), [("-0.01", Reason.NO_WHOLE_SHARE), ("0", Reason.ONLY_CASH), ("0.5", Reason.ONLY_CASH)]
)
def test_a_line_above_its_target_is_left_where_a_sale_would_only_bring_cash_that_nothing_needs(
    surplus: str, reason: Reason
) -> None:
    assert reason_to_leave("0", "0.8", surplus=surplus, spendable="0") is reason


def test_cheap_shares_are_told_of_as_dear_ones_are() -> None:
    """A gap of a dollar or less may be two shares."""
    assert reason_to_leave("1", price="0.50", spendable="0") is Reason.NO_CASH
    assert reason_to_leave("0.99", price="0.50") is Reason.NO_WHOLE_SHARE


def test_in_an_account_with_nothing_to_invest_no_line_has_a_weight() -> None:
    plan = make_plan(PlanRequest.model_validate({"cash": "0", "positions": {}, "prices": {"AAA": "1"},
                                                 "targets": {"AAA": "1"}}))  # fmt: skip
    assert [(line.target, line.before, line.after) for line in plan.lines] == [(0, 0, 0)]
    assert plan.after.drift == 0


# --- bands and minimum, to the cent -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cash", "shares", "is_calm"),
    [("3340", (431, 47), True), ("3350", (430, 47), False), ("2260", (474, 60), True), ("2250", (475, 60), False)],
)
def test_the_cash_of_a_calm_account_is_within_its_band_above_the_reserve_and_around_its_target(
    cash: str, shares: tuple[int, int], is_calm: bool
) -> None:
    """10,000 USD: a reserve of 1,000, a cash target of 1,800, and a band of 6 % of 9,000."""
    plan = make_plan(
        PlanRequest.model_validate(
            {
                "cash": cash,
                "positions": dict(zip(("AAA", "BBB"), shares, strict=True)),
                "prices": {"AAA": "10", "BBB": "50"},
                "targets": {"AAA": "0.5", "BBB": "0.3"},
                "tolerance_percent": "6",
                "tolerance_scope": "account",
                "reserve_percent": "10",
                "commission_per_order": "0",
            }
        )
    )
    assert (plan.orders == ()) is is_calm


@pytest.mark.parametrize(("minimum", "steps"), [("0", 1), ("99.99", 1), ("200", 2), ("200.01", 3), ("240", 3)])
def test_the_smallest_change_comes_to_the_minimum_at_least(minimum: str, steps: int) -> None:
    assert smallest_change(Decimal(minimum), Decimal(100)) == steps


# --- why a line is traded ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "cash", "traded_to", "reason"),
    [
        (6, "400", 5, Reason.OVER_TARGET),
        (5, "500", 4, Reason.PAYS_FOR_ANOTHER),  # on its target
        (4, "600", 3, Reason.PAYS_FOR_ANOTHER),  # below it
        (4, "600", 5, Reason.UNDER_TARGET),  # by a single share
        (0, "1000", 5, Reason.UNDER_TARGET),
        (-3, "1300", 5, Reason.SHORT),
    ],
)
def test_what_is_traded_says_why(held: int, cash: str, traded_to: int, reason: Reason) -> None:
    """AAA at 100 USD is to be half of 1,000 USD."""
    request = PlanRequest.model_validate(
        {"cash": cash, "positions": {"AAA": held}, "prices": {"AAA": "100"}, "targets": {"AAA": "0.5"}, **FREE}
    )
    holdings = HoldingsAtTargets(request)
    steps = {"AAA": traded_to}
    explainer = Explainer(request, holdings, holdings.problem(), steps, True)
    (line,) = explainer.lines(share_changes(holdings, steps))
    assert (line.reason, line.change) == (reason, traded_to - held)


def test_a_symbol_that_is_held_out_and_not_held_is_told_as_none() -> None:
    plan = make_plan(
        PlanRequest.model_validate(
            {
                "cash": "1000",
                "positions": {},
                "prices": {"AAA": "100", "KEEP": "7"},
                "targets": {"AAA": "0.9", "KEEP": "0.1"},
                "held_out": {"KEEP"},
                **FREE,
            }
        )
    )
    assert [(line.symbol, line.held, line.reason) for line in plan.lines if line.symbol == "KEEP"] == [
        ("KEEP", 0, Reason.HELD_OUT)
    ]
