"""``python -m bench.accounts --accounts 6,50 --json FILE``: measure, print a table, and write the results."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from temporalio.runtime import Runtime, TelemetryConfig

from bench.accounts.bare_gateway import MOST_ACCOUNTS
from bench.accounts.described import measure_described
from bench.accounts.fairness import measure_fairness
from bench.accounts.figures import Comparison, Figures
from bench.accounts.floor import measure_floor
from bench.accounts.measurement import measure
from bench.accounts.original import measure_original
from bench.accounts.plot import plot
from bench.accounts.report import stream_table, table
from bench.accounts.resources import machine
from bench.accounts.stream import measure_stream
from bench.portfolios import cash_portfolios, portfolios
from testbed.portfolios import Portfolio

log = logging.getLogger(__name__)


def main() -> int:
    """Measure what the command line asks for; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.accounts", description="How fast accounts are rebalanced.")
    parser.add_argument("--accounts", default="1,6,12,50,100", help="how many accounts, a measurement each")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the results there")
    parser.add_argument("--seed", type=int, default=1, help="what the portfolios are drawn from")
    for name, scheme in (
        ("--original", "the original's scheme by its code"),
        ("--described", "what its documents say"),
    ):
        words = f"run {scheme} too, on N accounts, {MOST_ACCOUNTS} at most (0: not at all); for more it is extrapolated"
        parser.add_argument(name, type=int, default=6, metavar="N", help=words)
    parser.add_argument(
        "--cash", type=int, default=0, metavar="N", help="then N accounts of cash with six targets each"
    )
    parser.add_argument(
        "--stream", default="", metavar="RATES", help="then dry runs at these rates (accounts a second)"
    )
    parser.add_argument("--fairness", default="", metavar="ORDERS", help="then a small account beside one of so many")
    parser.add_argument("--plot", type=Path, default=None, metavar="FILE", help="write the picture there (SVG)")
    parser.add_argument("--gateways", type=int, default=1, metavar="N", help="deal the accounts out to N gateways")
    parser.add_argument("--watched", action="store_true", help="with the dashboard open and Prometheus scraping")
    parser.add_argument("--folder", type=Path, default=None, help="keep all files and logs of the processes here")
    parser.add_argument("--details", type=Path, default=None, metavar="FILE", help="write every figure there (JSON)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    counts = [int(each) for each in arguments.accounts.split(",")]
    sys.stdout.write(machine() + "\n")
    results = asyncio.run(_measure_all(counts, arguments))
    sys.stdout.write("\n" + table(results) + "\n")
    from_cash = asyncio.run(_measure_from_cash(arguments)) if arguments.cash else []
    floor = asyncio.run(measure_floor())
    sys.stdout.write(
        f"\nOne workflow with one activity, on Temporal alone: {1000 * floor.median:.0f} ms (median; "
        f"{1000 * floor.high:.0f} ms the 95th percentile)\n"
    )
    if arguments.plot is not None:
        arguments.plot.write_text(plot(results), encoding="utf-8")
    if arguments.stream:
        rates = asyncio.run(measure_stream([float(rate) for rate in arguments.stream.split(",")], arguments.seed))
        sys.stdout.write("\n" + stream_table(rates) + "\n")
    for orders in [int(each) for each in arguments.fairness.split(",") if each]:
        fair = asyncio.run(measure_fairness(orders, arguments.seed))
        sys.stdout.write(
            f"5 orders alone: {fair.alone:.1f} s; beside {orders} orders ({fair.large:.1f} s): {fair.beside:.1f} s, "
            f"{fair.ratio:.2f} times\n"
        )
    rows = [each.row() for each in results] + [each.row() | {"from_cash": True} for each in from_cash]
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if arguments.details is not None:
        arguments.details.write_text(
            json.dumps([vars(each) for each in (*results, *from_cash)], indent=2, default=vars) + "\n"
        )
    return int(any(each.violations for each in (*results, *from_cash)))


async def _measure_all(counts: list[int], arguments: argparse.Namespace) -> list[Figures]:
    described = min(arguments.described, max(counts), MOST_ACCOUNTS)
    # Nearly all of it is waiting, so it may run beside what it is compared with, against a gateway of its own.
    beside = asyncio.create_task(measure_described(described, arguments.seed)) if described else None
    results: list[Figures] = []
    for count in counts:
        chosen = portfolios(count, arguments.seed)
        results.append(await _measured_and_shown(chosen, _folder(arguments.folder, str(count)), arguments))
    if beside is not None:
        each = await beside / described
        results = [
            replace(own, described=Comparison(each * own.accounts, min(described, own.accounts))) for own in results
        ]
    return results


async def _measure_from_cash(arguments: argparse.Namespace) -> list[Figures]:
    """The case in which the original's own code was run: cash, and six targets."""
    sys.stdout.write("\nFrom cash, six targets each:\n")
    chosen = cash_portfolios(arguments.cash)
    return [await _measured_and_shown(chosen, _folder(arguments.folder, f"cash-{arguments.cash}"), arguments)]


async def _measured_and_shown(
    chosen: Sequence[Portfolio], folder: Path | None, arguments: argparse.Namespace
) -> Figures:
    found = replace(
        await measure(chosen, folder, arguments.gateways, is_watched=arguments.watched),
        original=await _measured_original(chosen, arguments.original),
    )
    sys.stdout.write(table([found]) + "\n")
    for problem in found.violations[:20]:
        sys.stdout.write(f"BROKEN: {problem}\n")
    sys.stdout.flush()
    return found


async def _measured_original(chosen: Sequence[Portfolio], most: int) -> Comparison | None:
    """The original's scheme on the first of these accounts; in proportion for all of them."""
    measured = min(len(chosen), most, MOST_ACCOUNTS)
    if not measured:
        return None
    run = await measure_original(chosen[:measured])
    sys.stdout.write(
        f"The original, {measured} accounts: last order sent after {run.seconds:.1f} s, {run.messages} messages; "
        f"{run.below_reserve} accounts below their reserve once all was filled\n"
    )
    return Comparison(run.seconds * len(chosen) / measured, measured, run.messages)


def _folder(parent: Path | None, name: str) -> Path | None:
    if parent is None:
        return None
    folder = (parent / name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
