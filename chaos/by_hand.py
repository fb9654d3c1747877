"""What somebody does who starts and signals workflows with the plain client."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from chaos.accounts import ACCOUNTS
from chaos.doors import ForeignRun
from contract.names import REBALANCES_QUEUE, TRIGGER_SIGNAL, WORKFLOW_TYPE, workflow_id

log = logging.getLogger(__name__)

TIMEOUT: Final = timedelta(seconds=5)
NO_TRIGGERS: Final = (None, 7, {"event_id": ""}, RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{")))
"""What is no trigger; the last one cannot even be decoded."""


async def do_by_hand(client: Client, step: ForeignRun) -> None:
    """Do it; a server that is away, or refuses, has it not done."""
    account, other = list(ACCOUNTS)[step.account], list(ACCOUNTS)[step.other]
    with suppress(WorkflowAlreadyStartedError):
        try:
            match step.how:
                case "schedule":
                    await _start(client, f"{workflow_id(account)}-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", account)
                case "others_id":
                    await _start(client, workflow_id(account), other)
                case "bad_signal":
                    handle = client.get_workflow_handle(workflow_id(account))
                    for payload in NO_TRIGGERS:
                        await handle.signal(TRIGGER_SIGNAL, payload, rpc_timeout=TIMEOUT)
                case "bad_start":
                    await _start(client, workflow_id(account), account, start_signal=TRIGGER_SIGNAL,
                                 start_signal_args=[NO_TRIGGERS[step.other % len(NO_TRIGGERS)]])  # fmt: skip
        except (RPCError, TimeoutError) as error:
            log.info("%s: %s", step, error)


async def _start(client: Client, own_id: str, account: str, **more: Any) -> None:
    """Start a live rebalance, unless it is started by signal."""
    trigger = {
        "account": account,
        "event_id": f"by-hand-{datetime.now(UTC).isoformat()}",
        "mode": "rebalance",
        "source": "by hand",
        "requested_at": datetime.now(UTC).isoformat(),
    }
    start = {"account": account, "triggers": [] if more else [trigger]}
    await client.start_workflow(
        WORKFLOW_TYPE, start, id=own_id, task_queue=REBALANCES_QUEUE, rpc_timeout=TIMEOUT, **more
    )
