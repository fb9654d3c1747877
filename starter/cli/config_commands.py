"""``rebalancer explain``, ``config …`` and ``import``: what something means, and what older systems wrote."""

from pathlib import Path
from typing import Annotated

import typer

from starter.cli.arguments import ACCOUNTS, TRYING_OUT, JsonFlag
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


def explain_name(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]", help="A failure's type, a phase, or a kind of alert. Without it: all."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a failure, a phase or an alert means, and what to do."""
    from starter.cli.explain import run_explain_command

    complete(run_explain_command(" ".join(name or ()), as_json=as_json))


def import_old(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the old installation has its files.")],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where ours are written.")] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Bring over accounts.yaml, .env, config.yaml and replacement-sets.yaml of the original or its successor."""
    from starter.cli.taking_over.command import run_import_command

    complete(run_import_command(folder, into, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    app.command(name="explain", rich_help_panel=ACCOUNTS)(explain_name)
    app.add_typer(config, rich_help_panel=TRYING_OUT)
    app.command(name="import", rich_help_panel=TRYING_OUT)(import_old)
