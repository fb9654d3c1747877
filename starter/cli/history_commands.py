"""The commands that look back."""

from typing import Annotated

import typer

from starter.cli.arguments import ACCOUNTS, AccountArgument, JsonFlag, OptionalAccount
from starter.cli.mistakes import complete

LIMIT = 200
"""Runs that ``history`` lists where nobody asks for more."""


def history(
    account: OptionalAccount = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="7d|DATE", help="What ended since: 30m, 12h, 7d, 2w, or a date.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not end completed.")] = False,
    strategy: Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Only what followed it.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many runs.", min=1)] = LIMIT,
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each fill of each run.")] = False,
) -> None:
    """List runs, the latest first: who asked, what came of it, what it cost; and what persons did."""
    from starter.cli.history import HistoryOptions, run_history_command

    options = HistoryOptions(account, since, strategy, failed=failed, limit=limit, as_json=as_json, as_csv=as_csv)
    complete(run_history_command(options))


def show(
    account: AccountArgument,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The beginning of its id, as history shows it; else the last.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show everything about one run: targets, plan with reasons, orders with fills, gaps and costs."""
    from starter.cli.show import run_show_command

    complete(run_show_command(account, run, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    for command in (history, show):
        app.command(rich_help_panel=ACCOUNTS)(command)
