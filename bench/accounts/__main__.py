"""``python -m bench.accounts --accounts 6,50 --json FILE``: measure, print a table, and write the results."""

import argparse
import asyncio
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from temporalio.runtime import Runtime, TelemetryConfig

from bench.accounts.fairness import measure_fairness
from bench.accounts.figures import Figures
from bench.accounts.floor import measure_floor
from bench.accounts.measurement import measure
from bench.accounts.original import MOST_ACCOUNTS, measure_original
from bench.accounts.plot import plot
from bench.accounts.report import stream_table, table
from bench.accounts.resources import machine
from bench.accounts.stream import measure_stream

log = logging.getLogger(__name__)


def main() -> int:
    """Measure what the command line asks for; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.accounts", description="How fast accounts are rebalanced.")
    parser.add_argument("--accounts", default="1,6,12,50,100", help="how many accounts, a measurement each")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the results there")
    parser.add_argument("--seed", type=int, default=1, help="what the portfolios are drawn from")
    parser.add_argument(
        "--original",
        type=int,
        default=6,
        metavar="N",
        help="run the original's scheme too, on N accounts, 50 at most (0: not at all); for more it is extrapolated",
    )
    parser.add_argument(
        "--stream", default="", metavar="RATES", help="then dry runs at these rates (accounts a second)"
    )
    parser.add_argument("--fairness", default="", metavar="ORDERS", help="then a small account beside one of so many")
    parser.add_argument("--plot", type=Path, default=None, metavar="FILE", help="write the picture there (SVG)")
    parser.add_argument("--gateways", type=int, default=1, metavar="N", help="deal the accounts out to N gateways")
    parser.add_argument("--folder", type=Path, default=None, help="keep all files and logs of the processes here")
    parser.add_argument("--details", type=Path, default=None, metavar="FILE", help="write every figure there (JSON)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    counts = [int(each) for each in arguments.accounts.split(",")]
    sys.stdout.write(machine() + "\n")
    results = asyncio.run(_measure_all(counts, arguments))
    sys.stdout.write("\n" + table(results) + "\n")
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
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([each.row() for each in results], indent=2) + "\n", encoding="utf-8")
    if arguments.details is not None:
        arguments.details.write_text(json.dumps([vars(each) for each in results], indent=2, default=vars) + "\n")
    return int(any(each.violations for each in results))


async def _measure_all(counts: list[int], arguments: argparse.Namespace) -> list[Figures]:
    results: list[Figures] = []
    measured = min(arguments.original, max(counts), MOST_ACCOUNTS)
    # Nearly all of it is waiting, so it may run beside what it is compared with, against a gateway of its own.
    original = asyncio.create_task(measure_original(measured, arguments.seed)) if measured else None
    for count in counts:
        folder = _folder(arguments.folder, count)
        found = await measure(count, arguments.seed, folder, arguments.gateways)
        results.append(found)
        sys.stdout.write(table([found]) + "\n")
        for problem in found.violations[:20]:
            sys.stdout.write(f"BROKEN: {problem}\n")
        sys.stdout.flush()
    if original is not None:
        each = await original / measured
        results = [
            replace(own, original_seconds=each * own.accounts, original_measured=min(measured, own.accounts))
            for own in results
        ]
    return results


def _folder(parent: Path | None, count: int) -> Path | None:
    if parent is None:
        return None
    folder = (parent / str(count)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
