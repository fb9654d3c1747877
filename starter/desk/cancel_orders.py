"""Cancels what an account has at the broker, past its rebalance: through the gateway's slot, like everything else."""

import uuid
from datetime import timedelta

from temporalio.client import ActivityFailureError, Client
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ApplicationError

from contract.activities import GatewayContract
from contract.names import gateway_queue
from contract.priority import OPERATOR
from contract.requests import CancelOpenRequest
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from starter.desk.positions import ATTEMPTS


class OrdersNotCancelled(RebalancerError):
    """Working orders of an account may still work; the message says why."""


async def cancel_orders(client: Client, account: Account, timeout: float) -> None:
    """Cancel the account's working orders that were placed here, confirmed within ``timeout`` seconds.

    A rebalance whose orders these are goes on with what had filled. Raises ``OrdersNotCancelled``.
    """
    number = account.account_id
    try:
        left = await client.execute_activity_method(
            GatewayContract.cancel_open_orders,
            CancelOpenRequest(account=number, timeout=timeout),
            id=f"cancel-orders-{number}-{uuid.uuid4()}",
            task_queue=gateway_queue(account.gateway),
            priority=Priority(priority_key=OPERATOR),
            start_to_close_timeout=timedelta(seconds=timeout) + VISIT_TIMEOUT,
            schedule_to_close_timeout=timedelta(seconds=timeout) + 2 * VISIT_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            summary=f"Cancel the working orders of {number}",
        )
    except ActivityFailureError as error:
        reason = error.cause.message if isinstance(error.cause, ApplicationError) else "no worker answered in time"
        raise OrdersNotCancelled(
            f"The working orders of {number} were not cancelled ({reason.rstrip('.')}). Look in TWS, or try again."
        ) from None
    if left:
        raise OrdersNotCancelled(
            f"These orders of {number} were not confirmed as cancelled within {timeout:g} s: {', '.join(left)}. Look "
            "in TWS."
        )
