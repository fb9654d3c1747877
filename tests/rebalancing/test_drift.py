"""Drift: half of all that is off its target, by hand."""

from decimal import Decimal

from rebalancing.drift import drift, drift_between


def weights(**percent: int) -> dict[str, Decimal]:
    """Weights by symbol, given in percent."""
    return {symbol: Decimal(each) / 100 for symbol, each in percent.items()}


def test_drift_is_half_the_sum_of_all_distances_in_percent() -> None:
    assert drift_between(weights(AAA=100), weights(BBB=100)) == 100
    assert drift_between(weights(AAA=60, BBB=30, CASH=10), weights(AAA=50, BBB=45, CASH=5)) == 15


def test_what_is_where_it_belongs_has_no_drift() -> None:
    assert drift_between(weights(AAA=60, CASH=40), weights(AAA=60, CASH=40)) == 0
    assert drift([]) == 0


def test_gaps_in_money_are_a_part_of_the_base() -> None:
    assert drift([Decimal(-200), Decimal(150), Decimal(50)], base=Decimal(4000)) == 5
