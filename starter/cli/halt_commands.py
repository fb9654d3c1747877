"""The commands that stop trading and let it go on."""

from typing import Annotated

import typer

from starter.cli.arguments import STOPPING, JsonFlag, OptionalAccount
from starter.cli.mistakes import complete

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with it, for whoever looks.")]
Strategy = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="All accounts that follow it.")]


def halt(
    reason: Reason = "",
    cancel_orders: Annotated[
        bool, typer.Option("--cancel-orders", help="Cancel what works at the broker, too.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Let nothing reach a gateway any more, not even reads and cancels.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let no order go out any more, of any account; once this returns, none does. Events are kept."""
    from starter.cli.halt import run_halt_command

    complete(run_halt_command(reason, cancel_orders=cancel_orders, everything=everything, as_json=as_json))


def resume(reason: Reason = "", as_json: JsonFlag = False) -> None:
    """End a halt; rebalances that waited for it read everything anew and go on."""
    from starter.cli.halt import run_resume_command

    complete(run_resume_command(reason, as_json=as_json))


def pause(
    account: OptionalAccount = None, strategy: Strategy = None, reason: Reason = "", as_json: JsonFlag = False
) -> None:
    """Let no order of one account, or of the accounts of one strategy, go out any more."""
    from starter.cli.halt import run_pause_command

    complete(run_pause_command(account, strategy, reason, as_json=as_json))


def unpause(
    account: OptionalAccount = None, strategy: Strategy = None, reason: Reason = "", as_json: JsonFlag = False
) -> None:
    """End the pause of an account or a strategy."""
    from starter.cli.halt import run_unpause_command

    complete(run_unpause_command(account, strategy, reason, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    for command in (halt, resume, pause, unpause):
        app.command(rich_help_panel=STOPPING)(command)
