"""The command ``rebalancer rehearse``; what it does is in ``rehearsal``."""

from typing import Annotated

import typer

from starter.cli.arguments import TRYING_OUT, JsonFlag, account_names
from starter.cli.mistakes import complete


def rehearse(
    accounts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACCOUNT]...", help="These only. Without any: all enabled ones.", callback=account_names
        ),
    ] = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="Kill the worker and lose the gateway's answers meanwhile.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read accounts as they are, and rebalance them live at a stand-in that holds the same. Sends no order."""
    from starter.cli.rehearsal.command import run_rehearse_command

    raise typer.Exit(complete(run_rehearse_command(tuple(accounts or ()), faults=faults, as_json=as_json)))


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel=TRYING_OUT)(rehearse)
