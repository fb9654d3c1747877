"""``rebalancer notify …``: whether alerts arrive."""

from typing import Annotated

import typer

from starter.cli.arguments import TRYING_OUT, JsonFlag
from starter.cli.mistakes import complete

notify = typer.Typer(name="notify", help="Try whether alerts arrive: test.", no_args_is_help=True)


@notify.callback()
def _notify() -> None:
    """There may be more than one command."""


@notify.command(name="test")
def try_all(
    receiver: Annotated[
        str | None, typer.Argument(metavar="[RECEIVER]", help="Only this one, as accounts.yaml names it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a test alert to every receiver now. Exit status 1: one did not take it."""
    from starter.cli.notify import run_test_command

    raise typer.Exit(complete(run_test_command(receiver, as_json=as_json)))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    app.add_typer(notify, rich_help_panel=TRYING_OUT)
