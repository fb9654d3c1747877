"""``rebalancer plan ACCOUNT``: what a rebalance would trade now."""

from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, WAITS_FOR_YOU
from starter.cli.operator import operator_name
from starter.cli.plan_view import plan_json, plan_view
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.waiting import waiting_for
from starter.cli.watch import Watch
from starter.desk.account_status import what_you_can_do
from starter.desk.outcome import WaitsLong
from starter.desk.plan import plan_of, plan_requested
from starter.desk.trigger import deliver


async def run_plan_command(account: str, *, as_json: bool) -> int:
    """Ask for a dry run, wait for it, and print its plan; the exit status is 3 where a person is waited for first."""
    _, configuration = read_setup(may_be_simulated=True)
    own = configuration.account(account)
    client = await connect_temporal()
    trigger = plan_requested(own.account_id, operator_name())
    handle = await deliver(client, trigger, own.strategy_name)
    error_console().print(f"{handle.id}: dry run requested as event {trigger.event_id}", markup=False)
    try:
        async with waiting_for(own.account_id):
            plan, notes = await plan_of(client, trigger, Watch().show)
    except WaitsLong as waits:
        told = f"{waits} {what_you_can_do(waits.status)} The dry run follows."
        error_console().print(told, style="bold yellow", markup=False, soft_wrap=True)
        return WAITS_FOR_YOU
    if as_json:
        answer = {"account": own.account_id, "strategy": own.strategy_name, **plan_json(plan)}
        print_json(answer | {"notes": list(notes)})
        return DONE
    shown = [note for note in notes if not note.startswith("would ")]
    output_console().print(plan_view(plan, shown, f"{own.account_id} · {own.strategy_name}: plan"))
    return DONE
