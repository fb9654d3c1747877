"""``python -m bench.planner``: exit status 1 if the planner misses the optimum or breaks the reserve."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.planner.comparison import compare
from bench.planner.report import Measured, as_json, as_markdown, shortfalls, write_into
from bench.planner.timing import REPEATS, time_plans

SIZES = (10_000, 50_000, 250_000)
PORTFOLIOS = 3_000
SEED = 7
DOCUMENT = Path("docs/planner.md")


def main() -> int:
    """Measure, print the tables, and keep them where asked to."""
    arguments = _arguments()
    measured = _measure(arguments.portfolios, arguments.seed)
    sys.stdout.write(as_markdown(measured) + "\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(measured), indent=2) + "\n", encoding="utf-8")
    if arguments.document is not None:
        write_into(arguments.document, measured)
    for shortfall in shortfalls(measured):
        sys.stderr.write(f"not kept: {shortfall}\n")
    return 0 if measured.is_good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.planner", description="Hold the planner against published rules and the proven optimum."
    )
    parser.add_argument("--portfolios", type=_positive, default=PORTFOLIOS, help="how many portfolios of each size")
    parser.add_argument("--seed", type=int, default=SEED, help="what everything random is drawn from")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--document",
        type=Path,
        nargs="?",
        const=DOCUMENT,
        metavar="FILE",
        help=f"write the tables into this document (without a name: {DOCUMENT})",
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"{number} is not positive")
    return number


def _measure(portfolios: int, seed: int) -> Measured:
    # Progress goes to standard error, so that the tables alone can be kept; the times come first, on a quiet machine.
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        shown = {n: progress.add_task(f"timing {n} symbols", total=repeats) for n, repeats in REPEATS.items()}
        timings = tuple(
            time_plans(n, repeats, seed, lambda done, task=shown[n]: progress.update(task, completed=done))
            for n, repeats in REPEATS.items()
        )
        tasks = {size: progress.add_task(f"accounts of ${size:,}", total=portfolios) for size in SIZES}
        comparisons = tuple(
            compare(size, portfolios, seed, lambda done, task=tasks[size]: progress.update(task, completed=done))
            for size in SIZES
        )
    return Measured(portfolios, seed, comparisons, timings)


if __name__ == "__main__":
    sys.exit(main())
