"""The command ``rebalancer``: gathers the commands. Each imports what it needs when it runs, so that help is fast."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from contract.process_in_use import Role
from starter.cli import (
    config_commands,
    database_commands,
    halt_commands,
    history_commands,
    key_commands,
    notify_commands,
    rebalance_commands,
    rehearse_commands,
    schedule_commands,
    serve_commands,
)
from starter.cli.arguments import ACCOUNTS, SERVICES, TRYING_OUT, AccountArgument, JsonFlag, account_name
from starter.cli.file_kinds import FileKind
from starter.cli.mistakes import complete

MOST_PORTS: Final = 65_535

STAND_INS_NEED: Final = "aiohttp"
"""A package that an installation for deployments lacks."""

MetricsPort = Annotated[
    int | None,
    typer.Option(
        help="Have metrics for Prometheus at this port of METRICS_HOST. Without it: METRICS_PORT, or none.",
        min=1,
        max=MOST_PORTS,
    ),
]

RollBack = Annotated[
    bool, typer.Option("--roll-back", help="Take over although a newer release did before (docs/upgrading.md).")
]

app = typer.Typer(
    name="rebalancer",
    help="Moves Interactive Brokers accounts to published target weights: durably, once, and never twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rebalancer {version('rebalancer')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    key_id: Annotated[
        str | None, typer.Option("--key-id", metavar="ID", help="Seal what trades with this one of your keys.")
    ] = None,
) -> None:
    """What holds for all commands."""
    del version  # it has been printed by now
    if key_id is not None:
        os.environ["REBALANCER_KEY_ID"] = key_id


@app.command(rich_help_panel=SERVICES)
def up(
    port: Annotated[int, typer.Option(help="Port of the Temporal server.", min=1, max=MOST_PORTS)] = 7233,
    ui_port: Annotated[int, typer.Option(help="Port of its web interface.", min=1, max=MOST_PORTS)] = 8233,
    http_port: Annotated[
        int | None,
        typer.Option(help="Port of the HTTP API. Without it: http.port, or 8000.", min=1, max=MOST_PORTS),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where its history is kept. Without it: temporal.db, or temporal-simulated.db with --simulated.",
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="With a stand-in for the gateway, and for Ably where no key is set.")
    ] = False,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the simulated gateway starts from (YAML).")
    ] = None,
    roll_back: RollBack = False,
) -> None:
    """Run everything in this process: a Temporal server of its own, worker, listener and HTTP API."""
    from starter.cli.up import UpOptions, run_up_command

    options = UpOptions(
        port=port,
        ui_port=ui_port,
        http_port=http_port,
        chosen_database=database,
        simulated=simulated,
        scenario=scenario,
        roll_back=roll_back,
    )
    complete(run_up_command(options))


@app.command(rich_help_panel=SERVICES)
def worker(
    gateway: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Connect to this gateway only; may be repeated. The unnamed one: default."),
    ] = None,
    metrics_port: MetricsPort = None,
    beside: Annotated[
        bool,
        typer.Option("--beside", help="Leave open runs that this release cannot go on with to their own one's worker."),
    ] = False,
    roll_back: RollBack = False,
) -> None:
    """Host workflows and the gateway connections, for a Temporal server that runs elsewhere."""
    from starter.cli.services import run_worker_command

    complete(run_worker_command(tuple(gateway or ()), metrics_port, beside=beside, roll_back=roll_back))


@app.command(rich_help_panel=SERVICES)
def listen(metrics_port: MetricsPort = None) -> None:
    """Turn Ably's events into rebalances, for a Temporal server that runs elsewhere."""
    from starter.cli.services import run_listen_command

    complete(run_listen_command(metrics_port))


rebalance_commands.add_to(app)


@app.command(rich_help_panel=ACCOUNTS)
def status(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this account.", callback=account_name)
    ] = None,
    as_json: JsonFlag = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
) -> None:
    """Show gateways and listener, and how every account stands. Exit status 3: one waits for you."""
    from starter.cli.status import run_status_command

    raise typer.Exit(complete(run_status_command(account, as_json=as_json, watch=watch)))


@app.command(rich_help_panel=ACCOUNTS)
def positions(account: AccountArgument, as_json: JsonFlag = False) -> None:
    """Show what an account holds, read through the one gateway slot."""
    from starter.cli.positions import run_positions_command

    complete(run_positions_command(account, as_json=as_json))


@app.command(rich_help_panel=ACCOUNTS)
def cancel(
    account: AccountArgument,
    at_broker: Annotated[
        bool, typer.Option("--at-broker", help="Its orders at once, past a rebalance that no worker goes on with.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Cancel an account's running rebalance and its working orders, and tell what had filled."""
    from starter.cli.cancel import run_cancel_command

    complete(run_cancel_command(account, at_broker=at_broker, as_json=as_json))


@app.command(rich_help_panel=ACCOUNTS)
def resolve(
    account: AccountArgument,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The order ref, as `rebalancer status ACCOUNT` shows it.")],
    filled: Annotated[int | None, typer.Option(metavar="N", min=0, help="It was placed, and N shares filled.")] = None,
    not_placed: Annotated[bool, typer.Option("--not-placed", help="It never reached the market.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what became of an order whose fate is unknown, after looking at it in TWS; the rebalance goes on."""
    from starter.cli.resolve import run_resolve_command

    complete(run_resolve_command(account, ref, filled, not_placed=not_placed, as_json=as_json))


@app.command(rich_help_panel=TRYING_OUT)
def check(as_json: JsonFlag = False) -> None:
    """Check the configuration and reach every connection; says what is wrong and how to mend it."""
    from starter.cli.check import run_check_command

    raise typer.Exit(complete(run_check_command(as_json=as_json)))


@app.command(rich_help_panel=SERVICES)
def health(
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="What runs here: worker, listener or api.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell whether a process of this machine does its work; for systemd and containers. Exit status 1: it does not."""
    from starter.cli.health import run_health_command

    raise typer.Exit(complete(run_health_command(role, as_json=as_json)))


@app.command(rich_help_panel=TRYING_OUT)
def doctor(as_json: JsonFlag = False) -> None:
    """Tell which releases run, what each has open, and what is stuck, why, and what to do. Exit status 1: something."""
    from starter.cli.doctor import run_doctor_command

    raise typer.Exit(complete(run_doctor_command(as_json=as_json)))


@app.command(rich_help_panel=TRYING_OUT)
def demo(
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End after the tables, as it does where there is no terminal.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result there.")] = None,
) -> None:
    """Show everything at work: six accounts, four strategies, one gateway. Needs nothing but this machine."""
    from starter.cli.demo.command import run_demo

    raise typer.Exit(complete(run_demo(exit_at_end=exit_at_end, json_file=json_file)))


@app.command(rich_help_panel=TRYING_OUT)
def schema(
    kind: Annotated[
        FileKind, typer.Argument(metavar="[FILE]", help="accounts, portfolio or scenario.")
    ] = FileKind.ACCOUNTS,
) -> None:
    """Print the JSON Schema of accounts.yaml, or of another file that people write, for editors."""
    from starter.cli.schemas import schema_text

    typer.echo(schema_text(kind), nl=False)


@app.command(
    rich_help_panel=TRYING_OUT,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def simulate(context: typer.Context) -> None:
    """Run a stand-in on its own: gateway, ably or allocations."""
    from starter.cli.simulate import run_stand_in

    run_stand_in(context.args, name=context.command_path)


halt_commands.add_to(app)
schedule_commands.add_to(app)
rehearse_commands.add_to(app)
history_commands.add_to(app)
database_commands.add_to(app)
serve_commands.add_to(app)
notify_commands.add_to(app)
key_commands.add_to(app)
config_commands.add_to(app)


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except ModuleNotFoundError as missing:
        if missing.name != STAND_INS_NEED:
            raise
        _leave_without_stand_ins()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _leave_without_stand_ins() -> NoReturn:
    from starter.cli.console import error_console
    from starter.cli.mistakes import FAILED

    told = "This needs the stand-ins, which are not installed here: pip install 'rebalancer[local]'."
    error_console().print(told, style="red", markup=False)
    _leave(FAILED)


def _leave(status: int) -> NoReturn:
    """End the process at once.

    Threads of Temporal's client library may still be returning from a cancelled call; a Python interpreter that takes
    itself down meanwhile aborts. Everything of ours has been closed by its own block by now.
    """
    with suppress(OSError):  # the reader of our output may have gone (`rebalancer status | head`)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
