"""Tells the rebalances that wait for the end of a halt or a pause when it is over.

A halt can be ended by whoever has the ``temporal`` command, and the server tells nobody. So each worker looks, while
there are rebalances that wait: they are told to ask the server again, and believe nobody else.
"""

import asyncio
import logging
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.halts import Halts
from configuration.configuration_in_use import ConfigurationInUse
from contract.halts import HALT_ID, running_halts
from contract.names import PHASE, RESUMED_SIGNAL, WORKFLOW_TYPE, account_of
from rebalancing.errors import HaltsUnread
from rebalancing.outcomes import Phase

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds between two looks: so long a rebalance waits after the end of what held it."""

LONGEST_PAUSE: Final = 300.0
"""Seconds until somebody is told again who waits on although it was told."""

WAITING: Final = f"WorkflowType = '{WORKFLOW_TYPE}' AND ExecutionStatus = 'Running' AND {PHASE.name} = '{Phase.HALTED}'"


async def watch_halts(client: Client, configuration: ConfigurationInUse) -> None:
    """Go on until cancelled; while the server is away, nothing is told."""
    halts = Halts(client, lambda account: configuration.now.strategy_of(account))
    told = _Told()
    while True:
        try:
            await _tell_whom_nothing_holds(client, halts, told)
        except (RPCError, HaltsUnread) as error:
            log.debug("whoever waits for the end of a halt is told nothing: %s", error)
        await asyncio.sleep(LOOK_EVERY)


class _Told:
    """Who was told already. Where another worker's configuration says otherwise, who is told waits on all the same:
    it is told less and less often, or its history would grow without bound."""

    def __init__(self) -> None:
        self._next: dict[str, tuple[float, float]] = {}

    def keep(self, waiting: list[str]) -> None:
        """Forget whoever waits no longer."""
        self._next = {workflow_id: when for workflow_id, when in self._next.items() if workflow_id in waiting}

    def is_due(self, workflow_id: str) -> bool:
        """Whether to tell it now."""
        return asyncio.get_running_loop().time() >= self._next.get(workflow_id, (0.0, 0.0))[0]

    def note(self, workflow_id: str) -> None:
        """It is told now."""
        _, pause = self._next.get(workflow_id, (0.0, LOOK_EVERY))
        self._next[workflow_id] = asyncio.get_running_loop().time() + pause, min(2 * pause, LONGEST_PAUSE)


async def _tell_whom_nothing_holds(client: Client, halts: Halts, told: _Told) -> None:
    waiting = [run.id async for run in client.list_workflows(WAITING)]
    told.keep(waiting)
    if not waiting or any([halt.workflow_id == HALT_ID async for halt in running_halts(client)]):
        return
    for workflow_id in waiting:
        # The list may lag, and a rebalance that is told for nothing has a longer history for it.
        if told.is_due(workflow_id) and not await halts.what_holds(account_of(workflow_id)):
            told.note(workflow_id)
            await _tell(client, workflow_id)


async def _tell(client: Client, workflow_id: str) -> None:
    try:
        await client.get_workflow_handle(workflow_id).signal(RESUMED_SIGNAL)
    except RPCError as error:
        log.debug("%s was not told that nothing holds it: %s", workflow_id, error)
