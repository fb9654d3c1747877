"""``rebalancer history``: what happened, by whom, and what it cost."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from rebalancing.accounts import STRATEGY_PATTERN
from starter.cli.console import error_console, output_console, print_json
from starter.cli.order_lines import COLUMNS, order_lines
from starter.cli.setup import connect_temporal
from starter.cli.tables import PHASE_STYLES
from starter.desk.ages import NOTHING, span
from starter.desk.history import Act, HistoryRequest, read_history
from starter.desk.mistakes import UserMistake
from starter.desk.runs import Run
from starter.desk.show import RunDetails, details_of_all

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since_when(given: str, now: datetime) -> datetime:
    """A time in the past: so many minutes, hours, days or weeks ago (``7d``), or a date. Raises ``UserMistake``."""
    if length := re.fullmatch(r"(\d{1,4})([mhdw])", given.strip()):
        return now - timedelta(**{UNITS[length[2]]: int(length[1])})
    try:
        at = datetime.fromisoformat(given.strip())
    except ValueError:
        raise UserMistake(
            f"--since: {given[:40]!r} is no time; 30m, 12h, 7d, 2w, a date (2026-11-20) or a time with its date is."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(frozen=True)
class HistoryOptions:
    """What is asked for, and how it is to be printed; ``as_csv``: one line for each fill of each run."""

    account: str | None
    since: str | None
    strategy: str | None
    failed: bool
    limit: int
    as_json: bool
    as_csv: bool

    @property
    def request(self) -> HistoryRequest:
        """The same at the desk. Raises ``UserMistake``."""
        if self.as_json and self.as_csv:
            raise UserMistake("Give either --json or --csv.")
        if self.strategy is not None and not re.fullmatch(STRATEGY_PATTERN, self.strategy):
            raise UserMistake(f"--strategy: {self.strategy[:40]!r} is no name of a strategy.")
        return HistoryRequest(
            account=self.account,
            strategy=self.strategy,
            since=since_when(self.since, datetime.now(UTC)) if self.since is not None else None,
            failed_only=self.failed,
            limit=self.limit,
        )


async def run_history_command(options: HistoryOptions) -> None:
    """Print runs and acts, the latest first."""
    request, as_json, as_csv = options.request, options.as_json, options.as_csv
    client = await connect_temporal()
    found = await read_history(client, request)
    if as_json:
        print_json(found.as_json())
    elif as_csv:
        details = await details_of_all(client, found.runs)
        _print_csv([each for each in details if isinstance(each, RunDetails)])
        for run, each in zip(found.runs, details, strict=True):
            if not isinstance(each, RunDetails):
                error_console().print(f"{run.account}, run {run.run_id}: {each.message}", style="red", markup=False)
    elif not (found.runs or found.acts):
        output_console().print("Nothing is known of what is asked for.")
    else:
        output_console().print(_runs_table(found.runs, datetime.now(UTC)))
        if found.acts:
            output_console().print(_acts_table(found.acts))
    if found.left_out:
        error_console().print(f"{found.left_out} earlier ones are left out; --limit N tells more.", style="dim")


def _print_csv(details: list[RunDetails]) -> None:
    lines = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(lines, COLUMNS)
    writer.writeheader()
    for each in details:
        writer.writerows(order_lines(each))
    print(lines.getvalue(), end="")  # noqa: T201  # for programs


def _runs_table(runs: tuple[Run, ...], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    right = ("drift %", "orders", "traded", "slip bp", "fees", "took")
    for heading in ("ended (UTC)", "account", "run", "asked by", "mode", "outcome", *right):
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for run in runs:
        summary = run.summary
        ended = run.closed_at or now
        reason = f" {summary.failure or summary.reason}".rstrip() if summary else ""
        table.add_row(
            f"{run.closed_at:%m-%d %H:%M}" if run.closed_at else "at work",
            run.account,
            run.run_id[:8],
            Text(", ".join(summary.by or summary.sources) if summary else NOTHING),
            "live" if run.is_live else "dry" if run.mode else NOTHING,
            Text.assemble((run.phase, PHASE_STYLES.get(run.phase, "")), reason),
            _drifts(run),
            str(summary.orders) if summary else NOTHING,
            f"{summary.traded:,.0f}" if summary else NOTHING,
            f"{summary.slippage_bp:+.1f}" if summary and summary.slippage_bp is not None else NOTHING,
            f"{summary.commissions:.2f}" if summary else NOTHING,
            span(ended - run.started_at),
        )
    return table


def _drifts(run: Run) -> str:
    if run.summary is None:
        return NOTHING
    figures = (run.summary.drift_before, run.summary.drift_after)
    return " → ".join(NOTHING if figure is None else f"{figure:.2f}" for figure in figures)


def _acts_table(acts: tuple[Act, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("at (UTC)", "by", "account", "what a person did"):
        table.add_column(heading, overflow="fold")
    for act in acts:
        table.add_row(f"{act.at:%m-%d %H:%M}", Text(act.by or NOTHING), act.account or "all", Text(act.act))
    return table
