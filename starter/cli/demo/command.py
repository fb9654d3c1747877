"""The story of the demo: set the stage, publish, watch, report."""

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from temporalio.client import Client

from contract.names import WORKFLOW_TYPE
from starter.cli.console import output_console
from starter.cli.demo.progress import Board, LiveProgress, Standing, follow
from starter.cli.demo.report import Report, duplicates, show_report
from starter.cli.demo.stage import Stage, set_stage
from starter.cli.demo.strategies import EVENT, FOLLOWERS, STRATEGIES
from starter.cli.logs import start_logging
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.desk.mistakes import UserMistake

LISTING_PATIENCE: Final = 5.0
"""Seconds for the server's list of workflows, which lags, to show all that ran."""

WATCHED_WITHIN: Final = 20.0
"""Seconds after which the demo goes on by itself."""


async def run_demo(*, exit_at_end: bool, json_file: Path | None) -> int:
    """Run the demo; the exit status is 1 if any account failed or any order was doubled."""
    if json_file is not None:
        _require_writable(json_file)
    console = output_console()
    start_logging(logging.ERROR)
    stays = not exit_at_end and sys.stdin.isatty() and sys.stdout.isatty()
    console.print("Starting the Temporal server, the stand-ins for gateway, Ably and allocations API, and the worker …")
    report: Report | None = None
    try:
        async with stopped_by_signal() as stopped, set_stage() as stage:
            _introduce(console, stage)
            if stays:
                await _until_watched(console)
            report = await _perform(console, stage)
            show_report(console, report)
            if json_file is not None:
                report.write(json_file)
            console.print(f"Dashboard: {stage.dashboard_address}   Temporal UI: {stage.ui_address}", markup=False)
            if stays:
                console.print("Everything stays up until Ctrl-C.")
                await stopped.wait()
    except Stopped:
        if report is None:
            raise
    return 0 if report.has_succeeded else 1


def _require_writable(path: Path) -> None:
    """Before anything starts: a result that cannot be written is told at the beginning, not at the end."""
    try:
        path.touch()
    except OSError as error:
        raise UserMistake(f"{path} cannot be written: {error.strerror or error}.") from None


def _introduce(console: Console, stage: Stage) -> None:
    console.print(f"Dashboard     {stage.dashboard_address}  (watch it there)", style="bold", markup=False)
    console.print(f"Temporal UI   {stage.ui_address}", markup=False)
    console.print(f"Temporal      {stage.temporal_address}", markup=False)
    console.print(f"IB Gateway    127.0.0.1:{stage.gateway.port} (simulated)")
    console.print(f"Ably          {stage.ably.endpoint}:{stage.ably.port} (stand-in)")
    console.print(f"{len(STRATEGIES)} strategies, {len(FOLLOWERS)} accounts, one gateway connection")
    console.print()


async def _until_watched(console: Console) -> None:
    """Give whoever sits there the time to open the dashboard: it is all over within seconds."""
    console.print(f"Open the dashboard, then press Enter to publish the events (or wait {WATCHED_WITHIN:g} s) …")
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, pressed.set)
    try:
        async with asyncio.timeout(WATCHED_WITHIN):
            await pressed.wait()
            sys.stdin.readline()
    except TimeoutError:
        return
    finally:
        loop.remove_reader(sys.stdin)


async def _perform(console: Console, stage: Stage) -> Report:
    board = Board({account: Standing(account, strategy) for account, strategy in FOLLOWERS.items()})
    started = time.monotonic()
    with LiveProgress(console, board):
        await asyncio.gather(*(stage.publish(strategy, EVENT) for strategy in STRATEGIES))
        await follow(stage.client, FOLLOWERS, board)
        seconds = time.monotonic() - started
    return Report(
        standings=tuple(board.standings.values()),
        events_published=len(STRATEGIES),
        rebalances_run=await _count_runs(stage.client, at_least=len(FOLLOWERS)),
        duplicate_orders=duplicates(stage.gateway.engine.orders),
        seconds=seconds,
    )


async def _count_runs(client: Client, at_least: int) -> int:
    """How many runs there were, follow-up runs included; waits for the server's list to catch up."""
    deadline = time.monotonic() + LISTING_PATIENCE
    while True:
        count = (await client.count_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'")).count
        if count >= at_least or time.monotonic() > deadline:
            return count
        await asyncio.sleep(0.1)
