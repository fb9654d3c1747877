"""``rebalancer config …``: what may be written in ``accounts.yaml``."""

from typing import Annotated

import typer

from starter.cli.arguments import TRYING_OUT, JsonFlag
from starter.cli.mistakes import complete

config = typer.Typer(name="config", help="What accounts.yaml may say: explain.", no_args_is_help=True)


@config.command()
def explain(
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="A key of accounts.yaml, or a part of it. Without it: all.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a key of accounts.yaml means, what it allows, its default, and what your file says."""
    from starter.cli.config_explain import run_explain_command

    complete(run_explain_command(key, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Add this command to ``rebalancer``."""
    app.add_typer(config, rich_help_panel=TRYING_OUT)
