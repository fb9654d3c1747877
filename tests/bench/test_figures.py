"""The figures of a measurement."""

from bench.accounts.figures import Spread


def test_where_nothing_is_sold_there_is_no_time_between_legs() -> None:
    assert Spread.of([]) == Spread(0.0, 0.0, 0.0)


def test_the_spread_is_the_median_the_high_one_and_the_worst() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 3.0, 3.0)
