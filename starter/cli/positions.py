"""``rebalancer positions``: what an account holds, read through the one slot like every other request."""

from datetime import timedelta
from typing import Final

from temporalio.client import ActivityFailureError, Client
from temporalio.common import ActivityIDConflictPolicy, Priority, RetryPolicy
from temporalio.exceptions import ApplicationError

from contract.activities import GatewayContract
from contract.names import gateway_queue
from contract.priority import OPERATOR
from contract.requests import SnapshotRequest
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.market.snapshot import AccountSnapshot
from starter.cli.console import output_console
from starter.cli.mistakes import CommandFailed
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.cli.tables import positions_table

PATIENCE: Final = timedelta(seconds=90)
"""How long people wait for their turn and the answer together."""

ATTEMPTS: Final = 3


async def run_positions_command(account_id: str, *, as_json: bool) -> None:
    """Print an account's holdings."""
    _, configuration = read_setup(may_be_simulated=True)
    account = configuration.account(account_id)
    client = await connect_temporal()
    async with stopped_by_signal():
        request = SnapshotRequest(account=account, symbols=())
        snapshot = await read_positions(client, request)
        while snapshot.unread:
            snapshot = (await read_positions(client, request.rest_of(snapshot))).after(snapshot)
    if as_json:
        print(snapshot.model_dump_json(indent=2))  # noqa: T201  # for programs
        return
    output_console().print(f"{snapshot.account} at {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    output_console().print(positions_table(snapshot))


async def read_positions(client: Client, request: SnapshotRequest, patience: timedelta = PATIENCE) -> AccountSnapshot:
    """Read an account as a standalone activity; who asks at the same time shares the answer.

    Raises ``CommandFailed`` with the gateway's reason, or that no worker came in time.
    """
    account = request.account.account_id
    try:
        return await client.execute_activity_method(
            GatewayContract.read_snapshot,
            request,
            id=f"positions-{account}-{len(request.known)}",
            task_queue=gateway_queue(request.account.gateway),
            priority=Priority(priority_key=OPERATOR),
            start_to_close_timeout=VISIT_TIMEOUT,
            schedule_to_close_timeout=patience,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            summary=f"Positions of {account}",
        )
    except ActivityFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise CommandFailed(cause.message) from None
        raise CommandFailed(
            f"The positions of {account} could not be read within {patience.total_seconds():g} s. "
            "Look whether a worker runs and holds the gateway connection (`rebalancer check`)."
        ) from None
