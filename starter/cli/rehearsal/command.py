"""``rebalancer rehearse``: reads accounts as they are, and rebalances them live at a stand-in of their gateway."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from temporalio.client import Client

from configuration.configuration import Configuration
from configuration.environment import Connections
from rebalancing.account_names import AccountNames
from rebalancing.accounts import Account
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.triggers import ExecutionMode
from starter.cli.console import error_console, output_console, print_json
from starter.cli.demo.progress import Board, LiveProgress, Standing, follow
from starter.cli.demo.report import duplicates
from starter.cli.mistakes import FAILED
from starter.cli.rehearsal.mishaps import Mishaps
from starter.cli.rehearsal.operator import StandInOperator
from starter.cli.rehearsal.report import Reading, Rehearsed, Report, show_report
from starter.cli.rehearsal.scenario import rehearsed_world
from starter.cli.rehearsal.stage import rehearsal_stage
from starter.cli.setup import connect_temporal, gateway_name, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.desk.positions import read_positions
from starter.desk.trigger import deliver, requested
from testbed.background import in_background
from worker.workers import allocation_activities

PATIENCE: Final = 900.0
"""Seconds for the rebalances at one stand-in: one that takes longer waits for something that a rehearsal has not."""

BEGUN: Final = "asked for"


@dataclass
class _Gathered:
    """What all gateways' rehearsals came to, so far."""

    rehearsed: list[Rehearsed] = field(default_factory=list[Rehearsed])
    readings: list[Reading] = field(default_factory=list[Reading])
    duplicate_orders: int = 0
    notes: list[str] = field(default_factory=list[str])
    mishaps: list[str] = field(default_factory=list[str])
    questions: list[str] = field(default_factory=list[str])

    def report(self) -> Report:
        """All of it."""
        return Report(
            rehearsed=tuple(self.rehearsed),
            readings=tuple(self.readings),
            duplicate_orders=self.duplicate_orders,
            notes=tuple(self.notes),
            mishaps=tuple(self.mishaps),
            questions=tuple(self.questions),
        )


async def run_rehearse_command(account_ids: tuple[str, ...], *, faults: bool, as_json: bool) -> int:
    """Rehearse these accounts, or all enabled ones; the exit status is 1 unless every one completes."""
    connections, configuration = read_setup(may_be_simulated=True)
    accounts = tuple(configuration.account(each) for each in dict.fromkeys(account_ids))
    accounts = accounts or configuration.enabled_accounts
    client = await connect_temporal()
    gathered = _Gathered()
    async with stopped_by_signal():
        for gateway in dict.fromkeys(account.gateway for account in accounts):
            own = tuple(account for account in accounts if account.gateway == gateway)
            snapshots = await _read(client, own, configuration, connections, gathered)
            await _rehearse(own, snapshots, connections, configuration.names, gathered, faults=faults)
    report = gathered.report()
    if as_json:
        print_json(report.as_json())
    else:
        show_report(output_console(), report)
    return 0 if report.has_succeeded else FAILED


async def _read(
    client: Client,
    accounts: tuple[Account, ...],
    configuration: Configuration,
    connections: Connections,
    gathered: _Gathered,
) -> list[AccountSnapshot]:
    """The accounts as they really are, with quotes of what they shall hold; one after the other, in the slot."""
    snapshots: list[AccountSnapshot] = []
    base_url = configuration.allocations_base_url
    async with allocation_activities(connections, configuration.account, lambda: base_url) as allocations:
        for account in accounts:
            name = account.account_id
            error_console().print(f"Reading {name} at {gateway_name(account.gateway)} …", markup=False)
            targets = await allocations.read_targets(account)
            symbols = tuple(symbol for symbol in targets.tradable if symbol not in account.held_out)
            snapshots.append(
                await read_positions(
                    client, account, symbols, lambda visit, name=name: gathered.readings.append(Reading(name, visit))
                )
            )
    return snapshots


async def _rehearse(
    accounts: tuple[Account, ...],
    snapshots: list[AccountSnapshot],
    connections: Connections,
    names: AccountNames,
    gathered: _Gathered,
    *,
    faults: bool,
) -> None:
    """Rebalance the accounts of one gateway at a stand-in of it."""
    console = error_console()
    world = rehearsed_world(snapshots, datetime.now(UTC), names)
    gathered.notes += world.notes
    followers = {account.account_id: account.strategy_name for account in accounts}
    console.print(f"Rehearsing {', '.join(followers)} at a stand-in with the same holdings, quotes and hours …")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rebalancer-rehearsal-")))
        gateway = accounts[0].gateway
        stage = await stack.enter_async_context(rehearsal_stage(world.scenario, connections, gateway, folder))
        operator, mishaps = StandInOperator(stage, followers), Mishaps(stage)
        await stack.enter_async_context(in_background(operator.answer()))
        if faults:
            happening = asyncio.create_task(mishaps.happen())
            stack.callback(happening.cancel)
        for account, strategy in followers.items():
            await deliver(stage.client, requested(account, ExecutionMode.REBALANCE), strategy)
        standings = await _followed(stage.client, followers, console)
        gathered.rehearsed += [Rehearsed(standing) for standing in standings.values()]
        gathered.duplicate_orders += duplicates(stage.gateway.engine.orders)
        gathered.mishaps += mishaps.told
        gathered.questions += operator.told


async def _followed(client: Client, followers: Mapping[str, str], console: Console) -> Mapping[str, Standing]:
    """The accounts when all have ended, or as far as they are when the patience is at its end."""
    board = Board({account: Standing(account, strategy, BEGUN) for account, strategy in followers.items()})
    with LiveProgress(console, board):
        try:
            async with asyncio.timeout(PATIENCE):
                await follow(client, followers, board)
        except TimeoutError:
            console.print(f"Not everything was over within {PATIENCE:g} s.", style="bold red")
    return board.standings
