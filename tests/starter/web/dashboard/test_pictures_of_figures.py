"""The geometry of the pictures: what is drawn is what is so, whatever the figures are."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.run_summary import RunSummary
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.runs import Run
from starter.web.dashboard.charts import (
    COST_HEIGHT,
    PLOT_HEIGHT,
    PLOT_WIDTH,
    WIDTH,
    cost_plot,
    drift_plot,
    span_bars,
    weight_bars,
)
from starter.web.dashboard.timeline import Span
from starter.web.dashboard.weights import Weight, Weights

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)

shares = st.decimals(min_value=-2, max_value=3, places=6)


@given(st.lists(st.tuples(shares, shares), max_size=12))
def test_no_bar_leaves_its_picture_and_a_longer_one_is_heavier(pairs: list[tuple[Decimal, Decimal]]) -> None:
    weights = Weights(tuple(Weight(f"S{n}", target, actual) for n, (target, actual) in enumerate(pairs)))
    bars = weight_bars(weights)
    assert all(0 <= length <= WIDTH for bar in bars for length in (bar.actual, bar.target))
    for one in bars:
        assert all(one.actual <= other.actual for other in bars if one.weight.actual <= other.weight.actual)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20))
def test_the_phases_of_a_run_follow_one_another_within_their_picture(seconds: list[float]) -> None:
    spans: list[Span] = []
    at = NOW
    for length in seconds:
        spans.append(Span("reading", at, at + timedelta(seconds=length)))
        at = spans[-1].end
    bars = span_bars(spans)
    assert all(bar.start >= 0 and bar.start + bar.length <= WIDTH + 0.02 for bar in bars)
    assert [bar.start for bar in bars] == sorted(bar.start for bar in bars)


def live_run(hours: float, before: str | None, after: str | None, slippage: str = "0", traded: str = "0") -> Run:
    """A live run that ended so many hours later."""
    at = NOW + timedelta(hours=hours)
    summary = RunSummary(
        phase=Phase.COMPLETED,
        mode=ExecutionMode.REBALANCE,
        drift_before=Decimal(before) if before else None,
        drift_after=Decimal(after) if after else None,
        slippage=Decimal(slippage),
        traded=Decimal(traded),
        commissions=Decimal(1),
        started_at=at,
        finished_at=at,
    )
    return Run("DU1", "rebalance-DU1", str(hours), "s", "rebalance", "completed", False, False, at, at, summary)


def test_the_plot_has_a_point_for_each_run_that_measured_its_drift_in_their_order() -> None:
    plot = drift_plot([live_run(5, "4", "0.1"), live_run(1, "80", "0.3"), live_run(3, None, None)])
    assert plot is not None
    assert [point.run.run_id for point in plot.points] == ["1", "5"]
    assert plot.points[0].before < plot.points[1].before < plot.points[1].after <= PLOT_HEIGHT
    assert [tick.label for tick in plot.rows] == ["0 %", "50 %", "100 %"]


@given(st.lists(st.tuples(st.floats(0, 1e5), st.decimals(0, 100, places=4), st.decimals(0, 100, places=4)), max_size=9))
def test_no_point_leaves_the_plot(runs: list[tuple[float, Decimal, Decimal]]) -> None:
    plot = drift_plot([live_run(hours, str(before), str(after)) for hours, before, after in runs])
    assert (plot is None) == (not runs)
    for point in plot.points if plot else ():
        assert 0 <= point.x <= PLOT_WIDTH
        assert 0 <= point.before <= PLOT_HEIGHT
        assert 0 <= point.after <= PLOT_HEIGHT


def test_a_cost_stands_above_the_axis_and_a_gain_hangs_below_it() -> None:
    plot = cost_plot(
        [live_run(2, None, None, "-5", "10000"), live_run(1, None, None, "3", "10000"), live_run(3, "1", "1")]
    )
    assert plot is not None
    cost, gain = plot.bars
    assert cost.slippage[0] + cost.slippage[1] == pytest.approx(plot.axis)
    assert gain.slippage[0] == plot.axis
    assert gain.slippage[1] > cost.slippage[1] > cost.commissions[1] > 0
    assert [tick.label for tick in plot.rows] == ["5 bp", "0 bp", "-5 bp"]


money = st.decimals(-1000, 1000, places=2)


@given(st.lists(st.tuples(money, st.decimals(0, 100000, places=2)), max_size=60))
def test_no_cost_leaves_its_plot(runs: list[tuple[Decimal, Decimal]]) -> None:
    plot = cost_plot([live_run(n, None, None, str(cost), str(traded)) for n, (cost, traded) in enumerate(runs)])
    assert (plot is None) == (not any(traded for _, traded in runs))
    for bar in plot.bars if plot else ():
        for top, height in (bar.slippage, bar.commissions):
            assert 0 <= top <= top + height <= COST_HEIGHT
