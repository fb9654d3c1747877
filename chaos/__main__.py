"""``python -m chaos --faults 50 --seed 7``: exit status 1 if a check is violated."""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from temporalio.runtime import Runtime, TelemetryConfig

from chaos.run import Report, run_chaos
from chaos.stage import SKIP_LOOKUP
from chaos.timeline import draw_timeline


def main() -> int:
    """Run and print one line for each violation and the summary; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Kill everything at random, then check.")
    parser.add_argument("--faults", type=int, default=50, help="how many faults happen")
    parser.add_argument("--seed", type=int, default=7, help="what everything random is drawn from")
    parser.add_argument("--folder", type=Path, default=None, help="keep all files and logs here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="rebalancer-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=folder / "chaos.log", level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # A server that is away is the very point here; the client would say so on standard error every second.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    careless = os.environ.get(SKIP_LOOKUP) == "1"
    timeline = draw_timeline(arguments.faults, arguments.seed)
    report = asyncio.run(run_chaos(timeline, arguments.seed, folder.resolve(), careless=careless))
    sys.stdout.write(told(report) + "\n")
    if report.violations:
        sys.stderr.write(f"logs: {folder}\n")
        return 1
    if arguments.folder is None:
        shutil.rmtree(folder)
    return 0


def told(report: Report) -> str:
    """What is wrong, a line each, and the summary."""
    lines = [f"{each.kind}: {each.text} (seed {report.seed})" for each in report.violations]
    if report.evidence.questions:
        lines.append(f"the operator was asked about {len(report.evidence.questions)} orders")
    return "\n".join([*lines, report.summary])


if __name__ == "__main__":
    sys.exit(main())
