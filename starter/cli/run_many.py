"""One request for many accounts, one table of what came of it: ``run --all``, ``plan --all``, ``retry --failed``."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text
from temporalio.client import Client

from configuration.configuration import Configuration
from rebalancing.accounts import Account
from rebalancing.triggers import ExecutionMode, Trigger
from starter.cli.asking import confirmed, somebody_sits_here
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, FAILED, WAITS_FOR_YOU
from starter.cli.operator import operator_name
from starter.cli.run import HowToAsk, destination
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.tables import PHASE_STYLES
from starter.cli.waiting import waiting_for
from starter.desk.many import Result, deliver_all, results_of
from starter.desk.mistakes import UserMistake, as_asked
from starter.desk.trigger import requested

NOTHING = "–"


@dataclass(frozen=True)
class ManyOptions:
    """Which accounts: those of a strategy, or all that are enabled; and what to run, as for one of them."""

    strategy: str | None
    live: bool
    event_id: str | None
    how: HowToAsk


async def run_many_command(options: ManyOptions) -> int:
    """Ask for a rebalance of each, and wait for all if asked to."""
    _, configuration = read_setup(may_be_simulated=True)
    chosen = configuration.enabled_accounts
    if options.strategy is not None:
        chosen = configuration.followers(options.strategy)
    mode = ExecutionMode.REBALANCE if options.live else ExecutionMode.DRY_RUN
    by = operator_name()
    triggers = [
        as_asked(requested, account=account.account_id, mode=mode, event_id=options.event_id, by=by)
        for account in chosen
    ]
    return await ask_for_all(await connect_temporal(), configuration, triggers, options.how)


async def ask_for_all(client: Client, configuration: Configuration, triggers: Sequence[Trigger], how: HowToAsk) -> int:
    """Ask for these. What trades needs a yes: at the terminal, or by ``--yes``."""
    accounts = {trigger.account: configuration.account(trigger.account) for trigger in triggers}
    is_live = any(trigger.mode is ExecutionMode.REBALANCE for trigger in triggers)
    if is_live and not await _may_trade(client, configuration, list(accounts.values()), how):
        error_console().print("Nothing was asked for.")
        return FAILED
    delivered = await deliver_all(client, triggers, {own.account_id: own.strategy_name for own in accounts.values()})
    refused = [each for each in delivered if isinstance(each, Result)]
    kind = "rebalances" if is_live else "dry runs (--live trades)"
    error_console().print(f"{len(triggers) - len(refused)} {kind} requested.", markup=False)
    if not how.wait:
        for each in refused:
            error_console().print(f"{each.account}: {each.status}. {each.told}", style="red", markup=False)
        if how.as_json:
            asked = [{"account": trigger.account, "event_id": trigger.event_id} for trigger in triggers]
            print_json(asked)
        else:
            error_console().print("Watch them with `rebalancer status --watch`.", markup=False)
        return FAILED if refused else DONE
    async with waiting_for(None):
        results = await results_of(client, delivered, _Progress(len(delivered)).show)
    if how.as_json:
        print_json([dict(result.as_json()) for result in results])
    else:
        output_console().print(results_table(results, accounts))
    return exit_status_of(results)


def exit_status_of(results: Sequence[Result]) -> int:
    """1 if one did not come to its end, 3 if all that did not wait for a person."""
    left = [result for result in results if not result.is_done]
    if any(not result.is_waiting for result in left):
        return FAILED
    return WAITS_FOR_YOU if left else DONE


async def _may_trade(client: Client, configuration: Configuration, accounts: Sequence[Account], how: HowToAsk) -> bool:
    for account in accounts:
        error_console().print(await destination(client, account, configuration.names), markup=False, soft_wrap=True)
    if how.yes:
        return True
    if not somebody_sits_here():
        raise UserMistake(f"This would trade in {len(accounts)} accounts, and nobody is here to be asked: give --yes.")
    return confirmed(f"Trade in these {len(accounts)} accounts?")


class _Progress:
    """A line on standard error for each account that is done."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._console = error_console()

    def show(self, result: Result) -> None:
        self._done += 1
        self._console.print(f"{result.account}: {result.status} ({self._done} of {self._total})", markup=False)


def results_table(results: Sequence[Result], accounts: dict[str, Account]) -> Table:
    """One line for each account: where it was, and where it is, or would be."""
    right = ("drift before %", "after %", "orders", "value", "fees")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("account", "strategy", "outcome", *right, "told"):
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for result in results:
        table.add_row(
            result.account,
            accounts[result.account].strategy_name,
            Text(result.status, style=PHASE_STYLES.get(result.status, "")),
            *_figures(result),
            Text("" if result.is_done else result.told),
        )
    return table


def _figures(result: Result) -> Sequence[str]:
    outcome = result.outcome
    if outcome is None:
        return (NOTHING,) * 5
    planned = outcome.plan.orders if outcome.plan and outcome.mode is ExecutionMode.DRY_RUN else ()
    value = sum(order.estimated_value for order in planned) or sum(
        order.filled * order.average_price for order in outcome.orders
    )
    return (
        NOTHING if outcome.drift_before is None else f"{outcome.drift_before:.2f}",
        NOTHING if outcome.drift is None else f"{outcome.drift:.2f}",
        str(len(planned) or len(outcome.orders)),
        f"{value:,.0f}",
        f"{outcome.commissions:.2f}",
    )
