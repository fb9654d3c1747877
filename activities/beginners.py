"""Those who wait for the gateway's slot to begin a rebalance, as the worker that has the slot can tell.

Finishing goes before beginning, so a queue of accounts is out of the market for moments only. But the last of it would
begin when nearly every message is spent, and then trade alone. So they begin before what the others still have to buy.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.priority import BEGINNING, FINISHING

log = logging.getLogger(__name__)

LAST: Final = 25
"""How many are the last of a queue: as many as begin in ``LONGEST_WAIT`` by 50 messages a second, and some."""

LONGEST_WAIT: Final = timedelta(seconds=2)
"""How long one that has sold waits for them at most. A longer wait ends no queue sooner (decision 8)."""

ANSWER_TIMEOUT: Final = timedelta(seconds=1)
"""For Temporal to tell the length of a queue; it takes a millisecond or two."""


class Beginners:
    """Counts those who begin, and lets the last of them go first."""

    def __init__(self, client: Client, queue: str) -> None:
        """``queue`` is the slot's."""
        self._client = client
        self._queue = queue
        self._begun = 0
        self._one_began = asyncio.Event()

    def note_visit(self, priority: int | None) -> None:
        """A visit of this priority to the slot has started."""
        if priority != BEGINNING:
            return
        self._begun += 1
        self._one_began.set()
        self._one_began = asyncio.Event()

    async def go_first(self, priority: int | None) -> None:
        """Return once those who wait at this moment have begun; at once where there are none, or too many.

        ``priority`` is that of who lets them: nobody goes before what a person waits for.
        """
        if priority != FINISHING:
            return
        begun_before = self._begun
        waiting = await self._waiting()
        if not 0 < waiting <= LAST:
            return
        try:
            async with asyncio.timeout(LONGEST_WAIT.total_seconds()):
                while self._begun < begun_before + waiting:
                    await self._one_began.wait()
        except TimeoutError:
            return

    async def _waiting(self) -> int:
        """How many wait; nobody waits for a number that cannot be had."""
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )
        try:
            described = await self._client.workflow_service.describe_task_queue(request, timeout=ANSWER_TIMEOUT)
        except RPCError as error:
            log.info("the length of the queue %s is unknown: %s", self._queue, error)
            return 0
        return described.stats_by_priority_key[BEGINNING].approximate_backlog_count
