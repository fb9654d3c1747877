"""Records the histories that the replay tests replay: ``make histories`` before a release, in a folder of its number.

Those of earlier releases stay: runs that they began may be open. What names a machine (identities, stack traces) is
taken out before it is written.
"""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from contract.alerts import DIGEST_ID, OVER_SIGNAL
from contract.names import REBALANCES_QUEUE
from contract.schedules import ScheduledRequest, scheduled_id
from rebalancing.alerts import AlertKind
from rebalancing.approval import Approval
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from testbed.waiting import until
from tests.alert_receiver import Receiver, listening
from tests.house import Holding, house, phase_reached
from tests.workflows.alerting import alert, alerting, over
from workflows.rebalance_account import RebalanceAccount
from workflows.scheduled_rebalance import SCHEDULED_TIME, ScheduledRebalance

FOLDER = Path(__file__).parent / "histories" / version("rebalancer")
MACHINE_FIELDS = frozenset({"identity", "stackTrace", "workerInstanceKey", "binaryChecksum"})


async def record() -> None:
    """Record a completed, a failed, a continued, an approved and a repriced run."""
    FOLDER.mkdir(exist_ok=True)
    async with house(
        {"DU1": Holding(cash="1000", holdings={"SPY": 40}), "DU2": Holding(weights={"NOSUCH": "1"})}
    ) as own:
        await (await own.trigger("DU1")).result()
        await _write(own.handle("DU1"), "completed")
        failed = await own.trigger("DU2")
        await asyncio.gather(failed.result(), return_exceptions=True)
        await _write(own.handle("DU2"), "failed")
    async with house({"DU1": Holding()}, latency={"fill": (0.5, 0.5)}) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.BUYING)
        await own.trigger("DU1", "second")
        await handle.result()
        first_run = own.client.get_workflow_handle("rebalance-DU1", run_id=handle.first_execution_run_id)
        await _write(first_run, "continued")
    asking = {"approval": {"required": "always"}, "guards": {"minimum_symbols": 5, "on_breach": "ask"}}
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 40}, more=asking)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        await handle.execute_update(RebalanceAccount.approve, Approval(plan_hash=waiting.plan_hash))
        await handle.result()
        await _write(handle, "approved")
    await record_repriced()
    await record_scheduled()
    await record_alerts()


async def record_repriced() -> None:
    """Record a run whose limit order follows the market, and whose rest goes to market."""
    policy = {"type": "LMT", "limit_at": "midpoint", "reprice_every": 2, "reprice_times": 2}
    async with house({"DU1": Holding(weights={"QQQ": "1"}, more={"order_policy": policy})}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        own.gateway.engine.move_price("QQQ", Decimal("600.50"))
        own.gateway.wake()
        await handle.result()
        await _write(handle, "repriced")


async def record_scheduled() -> None:
    """Record one time of a schedule that measures the drift before it trades."""
    async with house({"DU1": Holding()}) as own:
        handle = await own.client.start_workflow(
            ScheduledRebalance.run,
            ScheduledRequest(schedule="weekly", account="DU1", mode=ExecutionMode.REBALANCE, if_drift=Decimal("2.5")),
            id=scheduled_id("weekly"),
            task_queue=REBALANCES_QUEUE,
            search_attributes=TypedSearchAttributes([SearchAttributePair(SCHEDULED_TIME, datetime.now(UTC))]),
        )
        await handle.result()
        await own.handle("DU1").result()
        await _write(handle, "scheduled")


async def record_alerts() -> None:
    """Record an alert of a state that lasts, one that goes into a digest, and the digest."""
    with pytest.MonkeyPatch.context() as environment:
        async with listening(Receiver()) as mail, alerting(environment, {"mail": mail}, digest_every=1) as own:
            lasting = await own.start(alert(AlertKind.GATEWAY_AWAY, subject="The gateway"), lasts=True, quiet=0.1)
            await until(lambda: mail.titles)
            await lasting.signal(OVER_SIGNAL, over(AlertKind.GATEWAY_BACK))
            await lasting.result()
            await _write(lasting, "lasting")
            await (await own.start(alert(AlertKind.STARTED))).result()
            digest = own.client.get_workflow_handle(DIGEST_ID)
            await digest.result()
            await _write(digest, "digest")


async def _write(handle: WorkflowHandle[Any, Any], name: str) -> None:
    history = json.loads((await handle.fetch_history()).to_json())
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(_scrubbed(history), indent=1) + "\n")


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict) and value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {**value, "name": "sticky"}  # it is made of the machine's name
    if isinstance(value, dict):
        return {key: _scrubbed(own) for key, own in value.items() if key not in MACHINE_FIELDS}
    if isinstance(value, list):
        return [_scrubbed(own) for own in value]
    return value


if __name__ == "__main__":
    asyncio.run(record())
