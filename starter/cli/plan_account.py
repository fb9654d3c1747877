"""``rebalancer plan ACCOUNT``: what a rebalance would trade now, by a dry run."""

import json
import uuid
from datetime import UTC, datetime

from rebalancing.triggers import EventStatus, ExecutionMode, Trigger
from starter.cli.console import error_console, output_console
from starter.cli.mistakes import CommandFailed
from starter.cli.plan_view import plan_json, plan_view
from starter.cli.running import outcome_of
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.desk.triggering import deliver


async def run_plan_command(account: str, *, as_json: bool) -> None:
    """Ask for a dry run, wait for it, and print its plan.

    Raises:
        CommandFailed: the dry run failed, or another run took its place before its plan could be read.
    """
    _, configuration = read_setup(may_be_simulated=True)
    own = configuration.account(account)
    client = await connect_temporal()
    trigger = Trigger(
        account=own.account_id,
        event_id=f"plan-{uuid.uuid4()}",
        mode=ExecutionMode.DRY_RUN,
        source="cli",
        requested_at=datetime.now(UTC),
    )
    handle = await deliver(client, trigger)
    error_console().print(f"{handle.id}: dry run requested as event {trigger.event_id}", markup=False)
    async with stopped_by_signal():
        record, outcome = await outcome_of(client, trigger)
    if record.status is not EventStatus.COMPLETED:
        raise CommandFailed(f"{own.account_id}: {record.status.value}. {record.summary}")
    if outcome is None or outcome.plan is None:
        raise CommandFailed(f"{own.account_id}: another run followed at once and took the plan's place; ask again.")
    if as_json:
        answer = {"account": own.account_id, "strategy": own.strategy_name, **plan_json(outcome.plan)}
        output_console().print_json(json.dumps(answer | {"notes": list(outcome.notes)}))
        return
    notes = [note for note in outcome.notes if not note.startswith("would ")]
    output_console().print(plan_view(outcome.plan, notes, f"{own.account_id} · {own.strategy_name}: plan"))
