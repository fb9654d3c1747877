"""``rebalancer halt``, ``resume``, ``pause`` and ``unpause``."""

from rich.console import Console
from temporalio.client import Client

from configuration.configuration import Configuration
from contract.halts import HALT_ID, pause_id, strategy_pause_id
from starter.cli.console import error_console, output_console, print_json, tell
from starter.cli.mistakes import CommandFailed
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal, gateway_name, read_setup, temporal_address
from starter.desk.cancel_orders import cancel_all_orders
from starter.desk.gateway_stop import resume_all, stop_gateways
from starter.desk.halt import CERTAIN_AFTER, HaltSet, hold, pause_of_account, pause_of_strategy, resume
from starter.desk.mistakes import UserMistake


async def run_halt_command(reason: str, *, cancel_orders: bool, everything: bool, as_json: bool) -> None:
    """Halt all trading; the halt is set before anything else is looked at or may fail."""
    _printable(reason)
    client = await connect_temporal()
    await _hold(client, HALT_ID, reason, as_json=as_json)
    try:
        if cancel_orders:
            await _cancel_orders(client, read_setup(may_be_simulated=True).configuration)
    finally:  # whatever became of the orders
        if everything:
            stopped = await stop_gateways(client, reason or "halt --everything")
            names = ", ".join(gateway_name(each) for each in stopped) or "no gateway, for none was ever connected to"
            error_console().print(f"Nothing reaches {names} any more, until `rebalancer resume`.", markup=False)


async def run_resume_command(reason: str, *, as_json: bool) -> None:
    """End the halt, and let requests through to gateways that were stopped."""
    _printable(reason)
    client = await connect_temporal()
    for gateway in await resume_all(client, operator_name(), reason):
        error_console().print(f"Requests reach {gateway_name(gateway)} again.", markup=False)
    tell("Trading goes on; what waited reads everything anew.", as_json=as_json, id=HALT_ID)


async def run_pause_command(account: str | None, strategy: str | None, reason: str, *, as_json: bool) -> None:
    """Pause one account or strategy."""
    _printable(reason)
    _require_one(account, strategy)
    configuration = read_setup(may_be_simulated=True).configuration
    paused = pause_of_strategy(configuration, strategy) if strategy is not None else None
    client = await connect_temporal()
    halt_id = paused or await pause_of_account(client, configuration, str(account))
    await _hold(client, halt_id, reason, as_json=as_json)


async def run_unpause_command(account: str | None, strategy: str | None, reason: str, *, as_json: bool) -> None:
    """End such a pause; one of what is not configured any more can be ended too."""
    _printable(reason)
    _require_one(account, strategy)
    halt_id = pause_id(account) if account is not None else strategy_pause_id(str(strategy))
    await resume(await connect_temporal(), halt_id, operator_name(), reason)
    tell(f"{account or strategy} is not paused any more.", as_json=as_json, id=halt_id)


async def _hold(client: Client, halt_id: str, reason: str, *, as_json: bool) -> None:
    error_console().print(
        f"Letting no order go out any more by Temporal at {temporal_address()}, namespace {client.namespace}; sure in "
        f"{CERTAIN_AFTER.total_seconds():g} s at most …",
        markup=False,
        soft_wrap=True,
    )
    came = await hold(client, halt_id, operator_name(), reason)
    if not (came.answered or came.silent):
        error_console().print(
            "No gateway was ever connected to by this Temporal server and namespace. If a worker trades, it goes by "
            "others: set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE to those, and halt there.",
            style="bold yellow",
            markup=False,
            soft_wrap=True,
        )
    if as_json:
        print_json(came.as_json())
    else:
        _tell(output_console(), came)


def _tell(console: Console, came: HaltSet) -> None:
    before = "" if came.is_new else " (it was already)"
    console.print(f"{came.halt}{before}. No order goes out any more; `{came.halt.ended_by}` ends it.", markup=False)
    for gateway in came.silent:
        console.print(
            f"The worker of {gateway_name(gateway)} did not answer; by now it can send nothing any more.", markup=False
        )


async def _cancel_orders(client: Client, configuration: Configuration) -> None:
    def begun(account: str) -> None:
        error_console().print(f"{account}: cancelling working orders …", markup=False)

    if problems := await cancel_all_orders(client, configuration, begun):
        raise CommandFailed("\n".join(problems))
    error_console().print("No order that was placed here works any more.", markup=False)


def _require_one(account: str | None, strategy: str | None) -> None:
    if (account is None) == (strategy is None):
        raise UserMistake("Name either an account or a --strategy.")


def _printable(reason: str) -> None:
    if not reason.isprintable():
        raise UserMistake("reason: only text that can be printed is taken.")
