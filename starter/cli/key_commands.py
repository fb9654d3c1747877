"""``rebalancer key …`` and ``rebalancer seal``: the keys of those who may trade, and seals for the plain commands."""

from typing import Annotated

import typer

from starter.cli.arguments import ACCOUNTS, SERVICES, AccountArgument
from starter.cli.mistakes import complete

keys = typer.Typer(name="key", help="Keys of those who may trade: new, list, payloads.", no_args_is_help=True)


@keys.command()
def new(
    key_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Whose it is. Without it: your user name.")
    ] = None,
) -> None:
    """Make the file of keys where there is none; else print the line to put into it."""
    from starter.cli.key import run_new_command

    complete(run_new_command(key_id))


@keys.command(name="list")
def list_all() -> None:
    """Show the ids of the keys, and which one seals what you ask for."""
    from starter.cli.key import run_list_command

    complete(run_list_command())


@keys.command()
def payloads() -> None:
    """Print the file of whoever may read what is in Temporal, and not trade (REBALANCER_PAYLOAD_KEY_FILE)."""
    from starter.cli.key_payloads import run_payloads_command

    complete(run_payloads_command())


def seal(
    account: AccountArgument,
    live: Annotated[bool, typer.Option("--live", help="A trigger that trades.")] = False,
    event: Annotated[
        str | None, typer.Option(metavar="ID", help="Its event id, with --live. Without it: a new one.")
    ] = None,
    approve: Annotated[str | None, typer.Option(metavar="PLAN_HASH", help="A yes to this plan.")] = None,
    resolve: Annotated[str | None, typer.Option(metavar="REF", help="A word on this order of unknown fate.")] = None,
    filled: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="With --resolve: so many shares filled. Without it: never placed."),
    ] = None,
) -> None:
    """Print the sealed JSON for the plain `temporal` command and its UI."""
    from starter.cli.seal import SealOptions, run_seal_command

    complete(run_seal_command(SealOptions(account, event, approve, resolve, filled, live=live)))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    app.add_typer(keys, rich_help_panel=SERVICES)
    app.command(rich_help_panel=ACCOUNTS)(seal)
