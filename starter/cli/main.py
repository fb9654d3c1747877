"""The command ``rebalancer``: gathers the commands. Each module imports what it needs when its command runs."""

from pathlib import Path
from typing import Annotated

import typer

from starter.cli.mistakes import complete

app = typer.Typer(
    name="rebalancer",
    help="Moves Interactive Brokers accounts to published target weights: durably, once, and never twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _rebalancer() -> None:  # pyright: ignore[reportUnusedFunction]
    pass


@app.command()
def demo(
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End after the tables, as it does where there is no terminal.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result there.")] = None,
) -> None:
    """Show everything at work: six accounts, four strategies, one gateway. Needs nothing but this machine."""
    from starter.cli.demo.command import run_demo

    raise typer.Exit(complete(run_demo(exit_at_end=exit_at_end, json_file=json_file)))


def main() -> None:
    """Entry point of the console script."""
    app()
