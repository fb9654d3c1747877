"""Hands alerts to the workflows that tell them; the server takes each id once, so each is told once."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract.alerts import ALERT_WORKFLOW_TYPE, ALERTS_QUEUE, OVER_SIGNAL, Alert, AlertRequest, Over
from contract.summaries import summary
from starter.desk.temporal_errors import is_unknown

REMEMBERED: Final = timedelta(hours=22)
"""For so long what was handed over is known here, which saves asking the server; it knows for longer."""

RUNNING_ALERTS: Final = f"WorkflowType = '{ALERT_WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"


class Outbox:
    """What this process has handed over. Another one may hand over the same: the server refuses it."""

    def __init__(self, client: Client, configuration: ConfigurationInUse) -> None:
        self._client = client
        self._configuration = configuration
        self._handed: dict[str, datetime] = {}

    def knows(self, known: str) -> bool:
        """Whether nothing is left to be done about this."""
        return known in self._handed

    async def fact(self, alert: Alert) -> None:
        """Have it told once, ever. Raises ``RPCError``."""
        if not self.knows(alert.alert_id) and self._is_wanted(alert):
            await self._start(AlertRequest(alerts=(alert,)), WorkflowIDReusePolicy.REJECT_DUPLICATE)
        self.note(alert.alert_id)

    async def lasting_fact(self, alert: Alert, over: Over | None) -> None:
        """Have it told once, and its end too; whether this watch saw its beginning or not. Raises ``RPCError``."""
        known = alert.alert_id if over is None else f"{alert.alert_id}: over"
        if not self.knows(known) and self._is_wanted(alert):
            request = AlertRequest(alerts=(alert,), lasts=True)
            await self._start(request, WorkflowIDReusePolicy.REJECT_DUPLICATE, over)
        self.note(known)

    async def state(self, alert: Alert) -> None:
        """Have the beginning of a state told, unless it is told already, or its like was just now. Raises
        ``RPCError``."""
        if self._is_wanted(alert):
            quiet = self._configuration.now.alerts.quiet_minutes * 60
            request = AlertRequest(alerts=(alert,), lasts=True, quiet=quiet)
            await self._start(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def end(self, alert_id: str, run_id: str, over: Over) -> None:
        """Have the end of a state told that this run of its workflow tells of. Raises ``RPCError``."""
        known = f"{alert_id}: {run_id}"
        if self.knows(known):
            return
        try:
            await self._client.get_workflow_handle(alert_id, run_id=run_id).signal(OVER_SIGNAL, over)
        except RPCError as error:
            if not is_unknown(error):
                raise
        self.note(known)

    async def running(self) -> dict[str, str]:
        """The ids of alerts that are not over, with their runs. Raises ``RPCError``."""
        return {each.id: each.run_id async for each in self._client.list_workflows(RUNNING_ALERTS)}

    def _is_wanted(self, alert: Alert) -> bool:
        return self._configuration.now.alerts.wants(alert.kind)

    async def _start(self, request: AlertRequest, policy: WorkflowIDReusePolicy, over: Over | None = None) -> None:
        (alert,) = request.alerts
        try:
            await self._client.start_workflow(
                ALERT_WORKFLOW_TYPE,
                request,
                id=alert.alert_id,
                task_queue=ALERTS_QUEUE,
                id_reuse_policy=policy,
                start_signal=OVER_SIGNAL if over else None,
                start_signal_args=[over] if over else [],
                static_summary=summary(alert.kind.value, alert.account or alert.subject, alert.strategy),
            )
        except WorkflowAlreadyStartedError:
            return

    def note(self, known: str) -> None:
        """Remember for a while that nothing is left to be done about this."""
        now = datetime.now(UTC)
        self._handed = {each: at for each, at in self._handed.items() if now - at < REMEMBERED}
        self._handed[known] = now
