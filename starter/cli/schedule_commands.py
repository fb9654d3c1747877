"""``rebalancer schedule …``: rebalances by the clock. What each command does is in ``schedule``."""

from typing import Annotated

import typer

from starter.cli.arguments import ACCOUNTS, JsonFlag, account_name
from starter.cli.mistakes import complete

schedules = typer.Typer(
    name="schedule",
    help="Have accounts rebalanced by the clock: add, list, next, pause, unpause, remove.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name, as `schedule list` shows it.")]


@schedules.command()
def add(
    cron: Annotated[str, typer.Option(metavar="CRON", help="When: minute hour day-of-month month day-of-week.")],
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="In which time zone, such as America/New_York.")],
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Whom: this account.", callback=account_name)
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Or all enabled accounts that follow it when the time comes.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Trade. Without it: dry runs only.")] = False,
    if_drift: Annotated[
        str | None,
        typer.Option("--if-drift", metavar="PERCENT", help="Only what a dry run finds to have drifted further."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The schedule's name. Without it: ACCOUNT, or strategy-NAME."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a schedule for one account, or for a strategy; dry runs unless --live is given."""
    from starter.cli.schedule import AddOptions, run_add_command

    options = AddOptions(account, strategy, cron, timezone, live=live, if_drift=if_drift, name=name)
    complete(run_add_command(options, as_json=as_json))


@schedules.command(name="list")
def list_all(as_json: JsonFlag = False) -> None:
    """List all schedules: when each comes next, what came of it last, and what it missed."""
    from starter.cli.schedule import run_list_command

    complete(run_list_command(as_json=as_json))


@schedules.command(name="next")
def show_next(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this schedule.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the next ten times of one schedule, or of all."""
    from starter.cli.schedule import run_next_command

    complete(run_next_command(name, as_json=as_json))


@schedules.command()
def pause(
    name: NameArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with it.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Let a schedule's times pass until it is unpaused; they are not made up for."""
    from starter.cli.schedule import run_pause_command

    complete(run_pause_command(name, reason, as_json=as_json))


@schedules.command()
def unpause(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Let a paused schedule come again from now on."""
    from starter.cli.schedule import run_unpause_command

    complete(run_unpause_command(name, as_json=as_json))


@schedules.command()
def remove(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Remove a schedule; a rebalance that it has triggered goes on."""
    from starter.cli.schedule import run_remove_command

    complete(run_remove_command(name, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(schedules, rich_help_panel=ACCOUNTS)
