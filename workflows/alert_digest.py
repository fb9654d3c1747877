"""The workflow that collects what is not urgent, and has it told together when it is due."""

from datetime import timedelta
from typing import Final

from pydantic import ValidationError
from temporalio import workflow

from contract.alerts import (
    ALERTS_QUEUE,
    COLLECT_SIGNAL,
    DIGEST_ID,
    DIGEST_WORKFLOW_TYPE,
    Alert,
    AlertRequest,
    Collected,
    DigestInput,
)
from contract.summaries import counted
from rebalancing.errors import RebalancerError
from workflows.alert import AlertWorkflow

MOST_ALERTS: Final = 200
"""So many are collected at most before they are sent: they are one payload then."""


@workflow.defn(name=DIGEST_WORKFLOW_TYPE, failure_exception_types=[ValidationError, RebalancerError])
class AlertDigest:
    """One digest. Whoever signals after it was handed over gets the next one."""

    @workflow.init
    def __init__(self, start: DigestInput) -> None:
        self._collected: dict[str, Collected] = {}
        self._seen: set[str] = set()
        for each in start.collected:
            self.collect(each)

    @workflow.run
    async def run(self, _start: DigestInput) -> None:
        """Wait until it is due, hand it over to a workflow that tells it, and close or go on with what came since."""
        await workflow.wait_condition(lambda: bool(self._collected))
        while (left := self._until_due()) > timedelta():
            due = self._due
            try:
                await workflow.wait_condition(
                    lambda due=due: self._due < due or self._is_full,
                    timeout=left,
                    timeout_summary="until the digest is due",
                )
            except TimeoutError:
                break
        alerts = tuple(each.alert for each in self._collected.values())
        self._collected.clear()
        await workflow.start_child_workflow(
            AlertWorkflow.run,
            AlertRequest(alerts=alerts, is_digest=True),
            id=f"{DIGEST_ID}-{workflow.info().run_id}",
            task_queue=ALERTS_QUEUE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=counted(len(alerts), "alert"),
        )
        if self._collected:
            workflow.continue_as_new(DigestInput(collected=tuple(self._collected.values())))

    @workflow.signal(name=COLLECT_SIGNAL, description="Sent by an alert that is not urgent: {alert, due}")
    def collect(self, collected: Collected) -> None:
        """Take one in. Of one rebalance the latest counts, and the same alert once."""
        alert = collected.alert
        if alert.alert_id in self._seen:
            return
        self._seen.add(alert.alert_id)
        before = self._collected.pop(_cause(alert), None)
        due = min(before.due, collected.due) if before else collected.due
        self._collected[_cause(alert)] = Collected(alert=alert, due=due)

    @property
    def _due(self) -> float:
        return min(each.due.timestamp() for each in self._collected.values())

    @property
    def _is_full(self) -> bool:
        return len(self._collected) >= MOST_ALERTS

    def _until_due(self) -> timedelta:
        if self._is_full:
            return timedelta()
        return timedelta(seconds=self._due - workflow.now().timestamp())


def _cause(alert: Alert) -> str:
    return alert.run_id or alert.alert_id
