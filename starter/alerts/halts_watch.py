"""Looks at halts and pauses, those of the circuit breaker too: one list, and a question for each that has ended."""

from datetime import UTC, datetime

from temporalio.client import Client

from contract.alerts import Alert, Over, alert_id
from contract.halts import ALL_HALTS, CIRCUIT_BREAKER, Halt
from rebalancing.alerts import ENDINGS, AlertKind
from starter.alerts.outbox import Outbox
from starter.desk.past_halts import MOST_HALTS, past_halt


async def look_at_halts(client: Client, outbox: Outbox, horizon: datetime) -> None:
    """Have told which hold, and which were ended since the horizon. Raises ``RPCError``."""
    at = horizon.astimezone(UTC).isoformat()
    query = f"{ALL_HALTS} AND (ExecutionStatus = 'Running' OR CloseTime >= '{at}')"
    async for listed in client.list_workflows(query, limit=MOST_HALTS):
        looked_at = f"{listed.id} {listed.run_id} {listed.close_time}"
        if outbox.knows(looked_at):
            continue
        past = await past_halt(client, listed)
        alert = _alert(past.halt, listed.run_id)
        over = None
        if past.ended_at is not None:
            why = past.ending.removeprefix("ended").removeprefix(": ")
            over = Over(kind=ENDINGS[alert.kind], at=past.ended_at, by=past.ended_by, reason=why)
        await outbox.lasting_fact(alert, over)
        outbox.note(looked_at)


def _alert(halt: Halt, run_id: str) -> Alert:
    kind = AlertKind.CIRCUIT_BREAKER if halt.who == CIRCUIT_BREAKER else AlertKind.HALTED
    return Alert(
        alert_id=alert_id(kind, halt.workflow_id, run_id),
        kind=kind,
        at=halt.since,
        account=halt.account or "",
        strategy=halt.strategy or "",
        subject=halt.what,
        by=halt.who,
        reason=halt.reason,
        command=halt.ended_by,
        since=halt.since,
    )
