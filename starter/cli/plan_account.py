"""``rebalancer plan ACCOUNT``: what a rebalance would trade now."""

import json

from starter.cli.console import error_console, output_console
from starter.cli.plan_view import plan_json, plan_view
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.cli.watch import Watch
from starter.desk.plan import plan_of, plan_requested
from starter.desk.trigger import deliver


async def run_plan_command(account: str, *, as_json: bool) -> None:
    """Ask for a dry run, wait for it, and print its plan."""
    _, configuration = read_setup(may_be_simulated=True)
    own = configuration.account(account)
    client = await connect_temporal()
    trigger = plan_requested(own.account_id)
    handle = await deliver(client, trigger)
    error_console().print(f"{handle.id}: dry run requested as event {trigger.event_id}", markup=False)
    async with stopped_by_signal():
        plan, notes = await plan_of(client, trigger, Watch().show)
    if as_json:
        answer = {"account": own.account_id, "strategy": own.strategy_name, **plan_json(plan)}
        output_console().print_json(json.dumps(answer | {"notes": list(notes)}))
        return
    shown = [note for note in notes if not note.startswith("would ")]
    output_console().print(plan_view(plan, shown, f"{own.account_id} · {own.strategy_name}: plan"))
