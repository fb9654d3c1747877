"""Measures every activity of a gateway's queues: how long it waited, how long it took, and what it failed with."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ExecuteActivityInput

from activities.interception import Around
from contract import metrics
from contract.names import account_of

NOBODY = ""
"""The account of what no account's rebalance asked for, such as reading ahead."""


class Measured(Around):
    """Worker interceptor, the outermost: it sees failures by the type that workflows are told."""

    async def around(self, _input: ExecuteActivityInput, run: Callable[[], Awaitable[Any]], /) -> Any:
        """Run the activity and measure it."""
        info, meter = activity.info(), metrics.process_meter()
        account = account_of(info.workflow_id) if info.workflow_id else NOBODY
        waited = (info.started_time - info.current_attempt_scheduled_time).total_seconds()
        metrics.SLOT_WAIT.record(meter, waited, account=account, queue=info.task_queue)
        if info.attempt > 1:
            metrics.RETRIES.add(meter, account=account, activity=info.activity_type)
        began = time.monotonic()
        try:
            return await run()
        except Exception as error:
            cause = (error.type if isinstance(error, ApplicationError) else None) or type(error).__name__
            metrics.ACTIVITY_FAILURES.add(meter, activity=info.activity_type, cause=cause)
            if cause in metrics.TIME_OUTS:
                metrics.TIMEOUTS.add(meter, account=account, cause=cause)
            raise
        finally:
            seconds = time.monotonic() - began
            metrics.SLOT_VISIT.record(meter, seconds, queue=info.task_queue, activity=info.activity_type)
