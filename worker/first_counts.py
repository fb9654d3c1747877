"""Shows every counter that a rule looks at before there is anything to count: a rise from nothing is no rise."""

from collections.abc import Iterator
from typing import Final

from temporalio.client import Client

from configuration.configuration import Configuration
from contract import metrics
from contract.names import REBALANCES_QUEUE, WORKFLOW_TYPE
from rebalancing.orders.order import OrderState, Side
from rebalancing.outcomes import ENDED_PHASES
from rebalancing.triggers import ExecutionMode

STATES: Final = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.UNKNOWN)


def count_from_zero(client: Client, configuration: Configuration) -> None:
    """Show the counters of the accounts that are switched on, with the labels under which they will be counted."""
    if not metrics.is_measured():
        return
    # What Temporal's library adds to the labels of what workflow code counts.
    of_workflows = {"namespace": client.namespace, "task_queue": REBALANCES_QUEUE, "workflow_type": WORKFLOW_TYPE}
    for account in (each.account_id for each in configuration.enabled_accounts):
        for counter, labels in _of_workflows(account):
            counter.add(metrics.process_meter(), 0, **labels, **of_workflows)
        for counter, labels in _of_activities(account):
            counter.add(metrics.process_meter(), 0, **labels)


def _of_workflows(account: str) -> Iterator[tuple[metrics.Counter, dict[str, str]]]:
    for mode in ExecutionMode:
        for outcome in ENDED_PHASES:
            yield metrics.REBALANCES, {"account": account, "mode": mode.value, "outcome": outcome.value}
    for cause in metrics.TIME_OUTS:
        yield metrics.TIMEOUTS, {"account": account, "cause": cause}
    for counter in (metrics.COMMISSIONS, metrics.SLIPPAGE_COST, metrics.SLIPPAGE_SAVED):
        yield counter, {"account": account}
    for side in Side:
        yield metrics.TRADED, {"account": account, "side": side.value}


def _of_activities(account: str) -> Iterator[tuple[metrics.Counter, dict[str, str]]]:
    for cause in metrics.TIME_OUTS:
        yield metrics.TIMEOUTS, {"account": account, "cause": cause}
    for side in Side:
        yield metrics.FILLS, {"account": account, "side": side.value}
        for state in STATES:
            yield metrics.ORDERS, {"account": account, "side": side.value, "state": state.value}
