"""What was measured, as the tables of ``docs/planner.md`` and as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.planner.comparison import OURS, Comparison, Row
from bench.planner.timing import Timing

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


@dataclass(frozen=True)
class Measured:
    """One run of the bench."""

    portfolios: int
    seed: int
    comparisons: tuple[Comparison, ...]
    timings: tuple[Timing, ...]

    @property
    def is_good(self) -> bool:
        """Whether the planner keeps what it promises at every size."""
        return all(comparison.is_good for comparison in self.comparisons)


def as_markdown(measured: Measured) -> str:
    """The tables."""
    return "\n".join(
        [
            f"{measured.portfolios:,} random portfolios of each size, drawn from seed {measured.seed}.",
            "",
            *_rows(
                ("account", "rule", "mean drift", "95th percentile", "overdrawn", "reserve broken"),
                [
                    (_dollars(c.size), name, *_figures(row))
                    for c in measured.comparisons
                    for name, row in c.rows.items()
                ],
            ),
            "",
            *_rows(
                ("account", "ours ÷ optimum", "farthest in one portfolio"),
                [
                    (_dollars(c.size), f"{c.ratio:.6f}", f"{c.farthest:.6f} percentage points")
                    for c in measured.comparisons
                ],
            ),
            "",
            *_rows(
                ("symbols", "plans", "median", "95th percentile", "longest"),
                [
                    (f"{t.symbols}", f"{t.plans}", _ms(t.median), _ms(t.percentile_95), _ms(t.longest))
                    for t in measured.timings
                ],
            ),
        ]
    )


def as_json(measured: Measured) -> dict[str, Any]:
    """Everything as plain numbers: percent, US dollars, milliseconds."""
    return {
        "portfolios": measured.portfolios,
        "seed": measured.seed,
        "good": measured.is_good,
        "sizes": [
            {
                "size": comparison.size,
                "ours_over_optimum": float(comparison.ratio),
                "farthest_percentage_points": float(comparison.farthest),
                "rules": {
                    name: {
                        "mean_percent": float(row.mean),
                        "p95_percent": float(row.percentile_95),
                        "overdrawn_percent": float(row.overdrawn),
                        "reserve_broken_percent": float(row.short),
                    }
                    for name, row in comparison.rows.items()
                },
            }
            for comparison in measured.comparisons
        ],
        "times": [
            {
                "symbols": timing.symbols,
                "plans": timing.plans,
                "median_ms": float(timing.median),
                "p95_ms": float(timing.percentile_95),
                "longest_ms": float(timing.longest),
            }
            for timing in measured.timings
        ],
    }


def write_into(document: Path, measured: Measured) -> None:
    """Replace what stands between the marks. Raises ``ValueError`` if the document has none."""
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} has no place for the tables: {BEGIN} … {END}")
    document.write_text(f"{before}{BEGIN}\n{as_markdown(measured)}\n{END}{after}", encoding="utf-8")


def shortfalls(measured: Measured) -> list[str]:
    """What the planner did not keep, in words."""
    return [
        f"{_dollars(c.size)}: {c.ratio:.6f} × the optimum, {c.rows[OURS].overdrawn:.2f} % overdrawn, reserve broken in "
        f"{c.rows[OURS].short:.2f} %"
        for c in measured.comparisons
        if not c.is_good
    ]


def _rows(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    marks = ["---", *("---:" for _ in headings[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (headings, marks, *rows)]


def _figures(row: Row) -> tuple[str, str, str, str]:
    return f"{row.mean:.3f} %", f"{row.percentile_95:.3f} %", f"{row.overdrawn:.1f} %", f"{row.short:.1f} %"


def _dollars(size: int) -> str:
    return f"${size:,}"


def _ms(milliseconds: Decimal) -> str:
    return f"{milliseconds:.0f} ms"
