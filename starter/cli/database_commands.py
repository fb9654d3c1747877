"""The commands that copy the history, put a copy back, and go on from there."""

from pathlib import Path
from typing import Annotated

import typer

from starter.cli.arguments import SERVICES, STOPPING, AccountArgument, JsonFlag
from starter.cli.mistakes import complete

Database = Annotated[
    Path | None, typer.Option("--database", metavar="FILE", help="The history's own file. Without it: temporal.db.")
]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy is to be.")],
    database: Database = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Copy the history of `up` to a file, while it runs or not, and check the copy."""
    from starter.cli.database import run_backup_command

    complete(run_backup_command(file, database, overwrite=overwrite, as_json=as_json))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `rebalancer backup` made.")],
    database: Database = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a copy of the history back, while `up` does not run. What it replaces is kept beside it."""
    from starter.cli.database import run_restore_command

    complete(run_restore_command(file, database, as_json=as_json))


def accept_history(
    account: AccountArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let an account trade whose history was put back or lacks orders, after showing what the broker has of today."""
    from starter.cli.accept_history import run_accept_history_command

    complete(run_accept_history_command(account, yes=yes, as_json=as_json))


def history_restored(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with it, for whoever looks.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Say that the database of a Temporal server elsewhere was put back: nothing of before is traded any more."""
    from starter.cli.accept_history import run_history_restored_command

    complete(run_history_restored_command(reason, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    for command in (backup, restore):
        app.command(rich_help_panel=SERVICES)(command)
    for command in (accept_history, history_restored):
        app.command(rich_help_panel=STOPPING)(command)
