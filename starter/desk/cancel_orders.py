"""Cancels what an account has at the broker, past its rebalance: through the gateway's slot, like everything else."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio.client import ActivityFailureError, Client
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from configuration.configuration import Configuration
from contract.activities import GatewayContract
from contract.names import gateway_queue
from contract.priority import OPERATOR
from contract.requests import CancelOpenRequest
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from starter.desk.cancel import NothingToCancel, ask_to_end
from starter.desk.known_login import known_gateways
from starter.desk.pending_steps import pending_steps
from starter.desk.positions import ATTEMPTS

AT_ONCE: Final = 3
"""Accounts that are asked about together: so many visits fit one after the other into the time for each."""


class OrdersNotCancelled(RebalancerError):
    """Working orders of an account may still work; the message says why.

    Do: look in TWS and cancel there what still works; ``rebalancer cancel --at-broker ACCOUNT`` can be repeated at any
    time.
    """


async def cancel_all_orders(
    client: Client, configuration: Configuration, on_account: Callable[[str], object] = lambda _: None
) -> list[str]:
    """Those of every account; what could not be cancelled, and why. Raises ``RPCError`` if the server tells nothing.

    An account that is switched off counts where its gateway was ever connected to: what it had at work is seen through.
    A few are asked for at once, so that a gateway that is away keeps no other's account waiting. ``on_account`` is told
    whose turn it is.
    """
    reached = await known_gateways(client)
    turns = asyncio.Semaphore(AT_ONCE)

    async def problem_of(account: Account) -> str:
        async with turns:
            on_account(account.account_id)
            return await _problem(client, account, configuration.settings.concurrency.cancel_timeout)

    accounts = [each for each in configuration.accounts if each.enabled or each.gateway in reached]
    return [problem for problem in await asyncio.gather(*map(problem_of, accounts)) if problem]


async def cancel_at_broker(client: Client, configuration: Configuration, account: str) -> str:
    """Cancel the account's working orders whether or not a worker has the code to go on with its rebalance.

    That is asked to end too, and does once its code is back. What came of it, in words. Raises ``AccountUnknown``, or
    ``OrdersNotCancelled``, also where orders may still be sent.
    """
    own = configuration.configured(account)
    try:
        handle = await ask_to_end(client, account)
    except NothingToCancel:
        handle = None
    await cancel_orders(client, own, configuration.settings.concurrency.cancel_timeout)
    if handle is None:
        return f"No order of {account} that was placed here works any more; no rebalance of it was running."
    steps = await pending_steps(client, await handle.describe())
    if any(step.activity == GatewayContract.place_leg.__name__ for step in steps):
        raise OrdersNotCancelled(
            f"The orders of {account} that worked were cancelled, but its rebalance may send more: hold it with "
            f"`rebalancer pause {account}`, then cancel once more."
        )
    return f"No order of {account} that was placed here works any more; its rebalance ends once a worker hears of it."


async def _problem(client: Client, account: Account, timeout: float) -> str:
    try:
        await cancel_orders(client, account, timeout)
    except OrdersNotCancelled as error:
        return str(error)
    except RPCError as error:
        told = error.message or error.status.name
        return f"Whether the working orders of {account.account_id} were cancelled is not known ({told}). Look in TWS."
    return ""


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
