"""Target weights: what is accepted, and that everything else is refused with a message that helps."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.targets import (
    AllocationsInvalid,
    Replacement,
    Targets,
    apply_replacements,
    check_allocations,
    parse_allocations,
)

DEMO = {"EDC": 0.2141, "QLD": 0.1779, "QQQ": 0.1410, "BTAL": 0.2817, "SPXL": 0.0368, "TQQQ": 0.1475}


def answer(allocations: object, **data: object) -> str:
    return json.dumps({"status": "success", "data": {"allocations": allocations, **data}})


def listed(weights: dict[str, object]) -> list[dict[str, object]]:
    return [{"symbol": symbol, "allocation": weight} for symbol, weight in weights.items()]


def parse(payload: bytes | str) -> Targets:
    return parse_allocations("etf-blend", payload)


def test_weights_are_read_exactly() -> None:
    targets = parse(answer(listed(dict(DEMO)), name="ETF Blend", as_of="2025-06-02T14:30:00Z"))
    assert targets.weights == {symbol: Decimal(str(weight)) for symbol, weight in DEMO.items()}
    assert sum(targets.weights.values()) == Decimal("0.9990")
    assert targets.as_of == datetime(2025, 6, 2, 14, 30, tzinfo=UTC)


def test_symbols_are_stripped_and_upper_cased() -> None:
    assert parse(answer(listed({" qqq ": 0.5, "brk b": 0.5}))).weights.keys() == {"QQQ", "BRK B"}


def test_cash_counts_in_the_sum() -> None:
    assert parse(answer(listed({"QQQ": 0.6, "cash": 0.4}))).weights["CASH"] == Decimal("0.4")


def test_numbers_in_quotes_are_understood() -> None:
    assert parse(answer(listed({"QQQ": "0.6", "SPY": "0.4"}))).weights["QQQ"] == Decimal("0.6")


def test_bytes_with_a_byte_order_mark_are_understood() -> None:
    assert parse(b"\xef\xbb\xbf" + answer(listed({"QQQ": 1})).encode()).weights == {"QQQ": Decimal(1)}


@pytest.mark.parametrize("total", ["0.99", "1.01"])
def test_a_sum_just_within_the_tolerance_is_accepted(total: str) -> None:
    rest = str(Decimal(total) - Decimal("0.5"))
    assert sum(check_allocations("s", listed({"QQQ": "0.5", "SPY": rest})).values()) == Decimal(total)


@pytest.mark.parametrize("as_of", [None, "yesterday", 17, "", "2025-13-01"])
def test_dates_that_cannot_be_read_are_left_out(as_of: object) -> None:
    assert parse(answer(listed({"QQQ": 1}), as_of=as_of)).as_of is None


def test_a_day_without_a_time_is_read_as_utc() -> None:
    targets = parse(answer(listed({"QQQ": 1}), as_of="2025-06-02"))
    assert targets.as_of == datetime(2025, 6, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("<!DOCTYPE html><html><body>502</body></html>", "HTML"),
        ("[]", "the answer is \\[\\] instead of an object"),
        ("null", "the answer is missing"),
        ("{}", "the status is missing"),
        ('{"status": "error", "message": "no"}', "the status is 'error'"),
        ('{"status": "success"}', "'data' is missing"),
        ('{"status": "success", "data": []}', "'data' is \\[\\]"),
        (answer(None), "'data.allocations' is missing"),
        (answer({"QQQ": 1}), "instead of a list"),
        (answer([]), "empty"),
        (answer(["QQQ"]), "entry 1 is 'QQQ' instead of an object"),
        (answer([{"allocation": 1}]), "entry 1 has the symbol missing"),
        (answer(listed({"  ": 1})), "entry 1 has the symbol"),
        (answer(listed({"QQQ\n": 0.5, "Q;Q": 0.5})), "entry 2 has the symbol 'Q;Q'"),
        (answer([{"symbol": 5, "allocation": 1}]), "entry 1 has the symbol 5"),
        (answer([{"symbol": "QQQ"}]), "the weight of QQQ is missing"),
        (answer(listed({"QQQ": None})), "the weight of QQQ is missing"),
        (answer(listed({"QQQ": "much"})), "the weight of QQQ is 'much'"),
        (answer(listed({"QQQ": True})), "the weight of QQQ is True"),
        (answer(listed({"QQQ": [1]})), "the weight of QQQ is \\["),
        (answer(listed({"QQQ": float("nan")})), "the weight of QQQ is NaN"),
        (answer(listed({"QQQ": float("inf")})), "the weight of QQQ is Infinity"),
        (answer(listed({"QQQ": -0.1, "SPY": 1})), "the weight of QQQ is -0.1"),
        (answer(listed({"QQQ": 1.2})), "the weight of QQQ is 1.2"),
        (answer(listed({"QQQ": "0." + "3" * 5000})), "the weight of QQQ is a number of 5002 characters"),
        (
            '{"status": "success", "data": {"allocations": [{"symbol": "A", "allocation": ' + "9" * 5000 + "}]}}",
            "number",
        ),
        (answer(listed({"QQQ": 0.7, "SPY": 0.7})), "add up to 1.4"),
        (answer(listed({"QQQ": 0.5, "SPY": 0.4})), "add up to 0.9"),
        (answer(listed({"QQQ": 0, "SPY": 0})), "add up to 0"),
        (answer(listed({"QQQ": 0.5, "qqq": 0.5})), "QQQ is listed twice"),
        ('{"status": "success", "data": {"allocations": [{"symbol": "A", "allocation": 1e999999}]}}', "outside 0 to 1"),
        ("9" * 1_000_001, "more than the 1000000 bytes"),
    ],
)
def test_a_bad_answer_is_refused_naming_strategy_finding_and_remedy(payload: bytes | str, found: str) -> None:
    with pytest.raises(AllocationsInvalid, match=found) as refused:
        parse(payload)
    assert "etf-blend" in str(refused.value)
    assert "publisher" in str(refused.value)
    assert len(str(refused.value)) < 400
    assert not refused.value.retryable


@given(st.one_of(st.binary(), st.text()))
def test_whatever_arrives_is_parsed_or_refused(payload: bytes | str) -> None:
    with pytest.raises(AllocationsInvalid):
        parse(payload)


def rule(source: str, target: str, scale: str = "1") -> Replacement:
    return Replacement(source=source, target=target, scale=Decimal(scale))


def test_a_symbol_is_replaced_by_another() -> None:
    weights = {"DBC": Decimal("0.4"), "SPY": Decimal("0.6")}
    assert apply_replacements(weights, [rule("DBC", "PDBC")]) == {"PDBC": Decimal("0.4"), "SPY": Decimal("0.6")}


def test_scaling_keeps_the_sum() -> None:
    replaced = apply_replacements({"UVXY": Decimal("0.4"), "SPY": Decimal("0.4")}, [rule("UVXY", "VXX", "1.5")])
    assert replaced == {"VXX": Decimal("0.48"), "SPY": Decimal("0.32")}


def test_two_symbols_may_become_one() -> None:
    weights = {"UVXY": Decimal("0.2"), "VIXY": Decimal("0.3"), "VXX": Decimal("0.5")}
    assert apply_replacements(weights, [rule("UVXY", "VXX"), rule("VIXY", "VXX")]) == {"VXX": Decimal(1)}


def test_a_replacement_is_not_replaced_again() -> None:
    weights = {"A": Decimal("0.5"), "B": Decimal("0.5")}
    assert apply_replacements(weights, [rule("A", "B"), rule("B", "A")]) == weights


def test_scaling_leaves_cash_alone() -> None:
    replaced = apply_replacements({"UVXY": Decimal("0.6"), "CASH": Decimal("0.4")}, [rule("UVXY", "VXX", "0.5")])
    assert replaced == {"VXX": Decimal("0.6"), "CASH": Decimal("0.4")}


def test_without_a_matching_rule_nothing_changes() -> None:
    assert apply_replacements({"SPY": Decimal(1)}, [rule("DBC", "PDBC", "3")]) == {"SPY": Decimal(1)}
