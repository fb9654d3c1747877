"""The geometry of pictures: what the templates draw as SVG. All lengths are in the units of the picture's view box."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from starter.desk.runs import Run
from starter.web.dashboard.timeline import Span
from starter.web.dashboard.weights import Weight, Weights

WIDTH: Final = 100.0
"""Of a bar's picture, which is stretched to the room there is."""

SHORTEST: Final = 0.6
"""What is shorter would not be seen."""


@dataclass(frozen=True)
class WeightBar:
    """One weight as a bar from 0 to ``actual``, with a mark at ``target``."""

    weight: Weight
    actual: float
    target: float


def weight_bars(weights: Weights) -> tuple[WeightBar, ...]:
    """All weights of an account on one scale."""
    largest = float(weights.largest) or 1.0

    def scaled(share: Decimal) -> float:
        return round(min(max(float(share), 0) / largest, 1) * WIDTH, 2)

    return tuple(WeightBar(each, scaled(each.actual), scaled(each.target)) for each in weights.lines)


@dataclass(frozen=True)
class SpanBar:
    """One span of time as a bar on the time line of its run."""

    span: Span
    start: float
    length: float


def span_bars(spans: Sequence[Span]) -> tuple[SpanBar, ...]:
    """All spans of a run on one scale."""
    if not spans:
        return ()
    begin, end = spans[0].start, max(each.end for each in spans)
    whole = max((end - begin) / timedelta(seconds=1), 0.001)

    def bar(span: Span) -> SpanBar:
        length = max(span.length / timedelta(seconds=1) / whole * WIDTH, SHORTEST)
        start = min((span.start - begin) / timedelta(seconds=1) / whole * WIDTH, WIDTH - length)
        return SpanBar(span, round(start, 2), round(length, 2))

    return tuple(map(bar, spans))


PLOT_WIDTH, PLOT_HEIGHT = 640.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 12.0, 26.0
"""The margins of the plot, where its labels are."""


@dataclass(frozen=True)
class DriftPoint:
    """One live run in the plot: its drift before (``top``) and after it (``bottom``), and what is told of it."""

    x: float
    before: float
    after: float
    run: Run


@dataclass(frozen=True)
class Tick:
    """A label of an axis, and where it is."""

    at: float
    label: str


@dataclass(frozen=True)
class DriftPlot:
    """Drift over time: what each run found and what it left."""

    points: tuple[DriftPoint, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]

    @property
    def line(self) -> str:
        """The saw tooth through all points, as SVG has it."""
        return " ".join(f"{each.x},{each.before} {each.x},{each.after}" for each in self.points)


@dataclass(frozen=True)
class CostBar:
    """What one live run cost: two bars side by side from the axis, upwards for a cost and downwards for a gain."""

    x: float
    slippage: tuple[float, float]
    commissions: tuple[float, float]


@dataclass(frozen=True)
class CostPlot:
    """What the live runs cost, in basis points of what each traded; ``axis`` is where nothing is."""

    bars: tuple[CostBar, ...]
    rows: tuple[Tick, ...]
    axis: float


COST_HEIGHT: Final = 140.0


def cost_plot(runs: Sequence[Run]) -> CostPlot | None:
    """Slippage and commissions of the live runs that traded, the oldest first; ``None`` where none did."""
    costs = [
        (10_000 * float(told.slippage or 0) / float(told.traded), 10_000 * float(told.commissions) / float(told.traded))
        for run in sorted(runs, key=lambda each: each.started_at)
        if run.is_live and run.closed_at is not None and (told := run.summary) is not None and told.traded
    ]
    if not costs:
        return None
    highest = _rounded_up(max(max(each) for each in costs))
    lowest = -_rounded_up(-min(min(each) for each in costs)) if min(min(each) for each in costs) < 0 else 0.0

    def row(points: float) -> float:
        part = (highest - min(max(points, lowest), highest)) / (highest - lowest)
        return round(TOP + part * (COST_HEIGHT - 2 * TOP), 1)

    def bar(points: float) -> tuple[float, float]:
        return min(row(points), row(0)), round(abs(row(points) - row(0)), 1)

    room = (PLOT_WIDTH - LEFT - RIGHT) / len(costs)
    bars = tuple(
        CostBar(round(LEFT + (number + 0.5) * room, 1), bar(slippage), bar(commissions))
        for number, (slippage, commissions) in enumerate(costs)
    )
    levels = dict.fromkeys((highest, 0.0, lowest))
    return CostPlot(bars, tuple(Tick(row(each), f"{each:g} bp") for each in levels), row(0))


def drift_plot(runs: Sequence[Run]) -> DriftPlot | None:
    """The live runs that are over and measured their drift; ``None`` where there are none."""
    measured = sorted(
        (
            (run.closed_at, run.summary.drift_before, run.summary.drift_after, run)
            for run in runs
            if run.is_live
            and run.closed_at is not None
            and run.summary is not None
            and run.summary.drift_before is not None
            and run.summary.drift_after is not None
        ),
        key=lambda each: each[0],
    )
    if not measured:
        return None
    first, last = measured[0][0], measured[-1][0]
    highest = max(_rounded_up(max(float(before), float(after))) for _, before, after, _ in measured)

    def column(at: datetime) -> float:
        part = (at - first) / (last - first) if last > first else 0.5
        return round(LEFT + part * (PLOT_WIDTH - LEFT - RIGHT), 1)

    def row(drift: float) -> float:
        return round(TOP + (1 - drift / highest) * (PLOT_HEIGHT - TOP - BOTTOM), 1)

    points = (DriftPoint(column(at), row(float(before)), row(float(after)), run) for at, before, after, run in measured)
    columns = dict.fromkeys((first, last))
    return DriftPlot(
        points=tuple(points),
        rows=tuple(Tick(row(highest * part), f"{highest * part:g} %") for part in (0, 0.5, 1)),
        columns=tuple(Tick(column(at), f"{at:%d %b %H:%M}") for at in columns),
    )


def _rounded_up(drift: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, 100: what an axis ends at."""
    return next((float(each) for each in (1, 2, 5, 10, 20, 50, 100) if drift <= each), 100.0)
