"""Follows the accounts until each has ended, and shows how far they are."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from temporalio.client import Client, WorkflowHandle

from contract.messages import RunResult
from contract.status import Status
from rebalancing.orders.order import OrderReport
from starter.cli.tables import PHASE_STYLES
from starter.desk.latest_run import Ending, ending_of, handle_of, has_ended, query_status

POLL_INTERVAL: Final = 0.25
"""Seconds between two looks at an account."""

NOT_STARTED: Final = "waiting for the event"


@dataclass(frozen=True)
class Standing:
    """How far one account is. ``seconds`` runs from the start until the account's workflow closed."""

    account: str
    strategy: str
    phase: str = NOT_STARTED
    detail: str = ""
    orders: tuple[OrderReport, ...] = ()
    seconds: float = 0.0
    ending: Ending | None = None


@dataclass
class Board:
    """The standings of all accounts; whoever watches is told of every change."""

    standings: dict[str, Standing]
    on_change: Callable[[Standing], None] = field(default=lambda _: None)

    def set(self, standing: Standing) -> None:
        """Replace an account's standing."""
        self.standings[standing.account] = standing
        self.on_change(standing)


async def follow(client: Client, followers: Mapping[str, str], board: Board) -> None:
    """Watch every account (with its strategy) until it has ended."""
    await asyncio.gather(*(_follow(client, account, board) for account in followers))


async def _follow(client: Client, account: str, board: Board) -> None:
    started = time.monotonic()
    handle = handle_of(client, account)
    while True:
        is_over = await has_ended(handle)
        seconds = time.monotonic() - started
        if is_over is not None:
            status = await query_status(handle)
            if is_over:
                board.set(await _ended(handle, board.standings[account], status, seconds))
                return
            if status is not None:
                board.set(_standing(board.standings[account], status, seconds))
        await asyncio.sleep(POLL_INTERVAL)


async def _ended(
    handle: WorkflowHandle[Any, RunResult], last: Standing, status: Status | None, seconds: float
) -> Standing:
    ending = await ending_of(handle)
    orders = ending.outcome.orders if ending.outcome else status.orders if status else last.orders
    return replace(last, phase=ending.status, detail=ending.message, orders=orders, seconds=seconds, ending=ending)


def _standing(last: Standing, status: Status, seconds: float) -> Standing:
    return replace(last, phase=status.phase.value, detail=status.detail, orders=status.orders, seconds=seconds)


class LiveProgress:
    """The board as a table that is drawn again and again in place, or as plain lines where there is no terminal."""

    def __init__(self, console: Console, board: Board) -> None:
        self._console = console
        self._board = board
        self._live = Live(self._table(), console=console, refresh_per_second=8) if console.is_terminal else None
        self._phases: dict[str, str] = {}
        board.on_change = self._show

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)
            self._live.stop()

    def _show(self, standing: Standing) -> None:
        if self._live:
            self._live.update(self._table())
        elif self._phases.get(standing.account) != standing.phase:
            self._phases[standing.account] = standing.phase
            orders = f"  {_orders(standing)}" if standing.orders else ""
            self._console.print(
                f"{standing.seconds:6.1f} s  {standing.account}  {standing.phase}{orders}  {standing.detail}".rstrip(),
                markup=False,
            )

    def _table(self) -> Table:
        table = Table(expand=False)
        for heading in ("account", "strategy", "phase", "orders", "time"):
            table.add_column(heading, justify="right" if heading == "time" else "left", no_wrap=True)
        for standing in self._board.standings.values():
            phase = Text(standing.phase, style=PHASE_STYLES.get(standing.phase, "" if standing.orders else "dim"))
            table.add_row(standing.account, standing.strategy, phase, _orders(standing), f"{standing.seconds:.1f} s")
        return table


def _orders(standing: Standing) -> str:
    if not standing.orders:
        return ""
    filled = sum(report.filled == report.quantity for report in standing.orders)
    return f"{filled} of {len(standing.orders)} filled"
