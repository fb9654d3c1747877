"""The workflow that tells one alert, or a digest: each receiver once, and again and again until it takes it.

It is nobody's child and nobody waits for it. One that tells of a state that lasts stays open until that is over: a
workflow that runs is a durable flag, by which everybody who watches knows that this was told already.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from contract.activities import AlertsContract
from contract.alerts import (
    ALERT_WORKFLOW_TYPE,
    ALERTS_QUEUE,
    OVER_SIGNAL,
    Alert,
    AlertRequest,
    AlertResult,
    Collected,
    Over,
    Routing,
    Telling,
)
from contract.summaries import summary
from rebalancing.errors import RebalancerError
from workflows.activity_errors import own_error

CALL_TIMEOUT: Final = timedelta(seconds=40)
"""For one try; sending has time limits of its own, well below it."""

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=10)
"""A worker that was killed while it sent is noticed after this long."""

GIVEN_UP_AFTER: Final = timedelta(hours=24)
"""A receiver that takes nothing for so long is not told any more: by then it is no news."""

RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=2), backoff_coefficient=2
)


@workflow.defn(name=ALERT_WORKFLOW_TYPE, failure_exception_types=[ValidationError, RebalancerError])
class AlertWorkflow:
    """One alert from its cause to all who are to know."""

    @workflow.init
    def __init__(self, request: AlertRequest) -> None:
        self._request = request
        self._over: Over | None = None
        self._told: list[str] = []
        self._not_told: dict[str, str] = {}

    @workflow.run
    async def run(self, request: AlertRequest) -> AlertResult:
        """Tell it; and where it lasts, tell its end too."""
        beginning = await self._send_out(request, {})
        ending: Mapping[str, asyncio.Task[None]] = {}
        if request.lasts:
            ended = request.alerts[0].model_copy(update=(await self._until_over()).model_dump())
            ending = await self._send_out(AlertRequest(alerts=(ended,)), beginning)
            if request.quiet:
                await workflow.sleep(request.quiet, summary="over; its return is not told until then")
        if tasks := [*beginning.values(), *ending.values()]:
            await workflow.wait(tasks)
        return AlertResult(told=tuple(dict.fromkeys(self._told)), not_told=self._not_told)

    async def _until_over(self) -> Over:
        while self._over is None:
            await workflow.wait_condition(lambda: self._over is not None)
        return self._over

    @workflow.signal(name=OVER_SIGNAL, description="Sent by the watch: the state that was told of has ended")
    def over(self, over: Over) -> None:
        """Tell the end; the first word counts."""
        self._over = self._over or over

    async def _send_out(
        self, request: AlertRequest, after: Mapping[str, asyncio.Task[None]]
    ) -> Mapping[str, asyncio.Task[None]]:
        """Begin to tell everybody who is to be told; nobody waits for a receiver that does not answer but its own."""
        routing = await _route(request)
        if routing.digest_due is not None:
            for alert in request.alerts:
                await _collect(Collected(alert=alert, due=routing.digest_due))
        calls = {name: self._tell(name, request, after.get(name)) for name in routing.receivers}
        if routing.publishes:
            calls[""] = self._publish(request.alerts[0])
        return {name: asyncio.create_task(call) for name, call in calls.items()}

    async def _tell(self, receiver: str, request: AlertRequest, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await workflow.wait([after])
        telling = Telling(receiver=receiver, alerts=request.alerts, is_digest=request.is_digest)
        try:
            await workflow.execute_activity_method(
                AlertsContract.tell,
                telling,
                task_queue=ALERTS_QUEUE,
                start_to_close_timeout=CALL_TIMEOUT,
                schedule_to_close_timeout=GIVEN_UP_AFTER,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RETRIES,
                summary=summary(f"tell {receiver}"),
            )
        except ActivityError as error:
            self._fail(receiver, own_error(error))
        else:
            self._told.append(receiver)

    async def _publish(self, alert: Alert) -> None:
        try:
            await workflow.execute_activity_method(
                AlertsContract.publish_outcome,
                alert,
                task_queue=ALERTS_QUEUE,
                start_to_close_timeout=CALL_TIMEOUT,
                schedule_to_close_timeout=GIVEN_UP_AFTER,
                retry_policy=RETRIES,
                summary="outcome to Ably",
            )
        except ActivityError as error:
            self._fail("Ably", own_error(error))
        else:
            self._told.append("Ably")

    def _fail(self, receiver: str, error: ApplicationError) -> None:
        self._not_told[receiver] = error.message
        workflow.logger.warning("%s was not told to %s: %s", workflow.info().workflow_id, receiver, error.message)


async def _route(request: AlertRequest) -> Routing:
    return await workflow.execute_activity_method(
        AlertsContract.route_alert,
        request,
        task_queue=ALERTS_QUEUE,
        start_to_close_timeout=CALL_TIMEOUT,
        retry_policy=RETRIES,
        summary="whom to tell",
    )


async def _collect(collected: Collected) -> None:
    await workflow.execute_activity_method(
        AlertsContract.collect_alert,
        collected,
        task_queue=ALERTS_QUEUE,
        start_to_close_timeout=CALL_TIMEOUT,
        retry_policy=RETRIES,
        summary="into the digest",
    )
