"""Tells a circuit breaker how a live rebalance ended, before anything follows it."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from contract.requests import Verdict
from rebalancing import failures
from rebalancing.accounts import Account
from rebalancing.outcomes import Outcome
from rebalancing.settings import CircuitBreakerSettings
from rebalancing.triggers import ExecutionMode
from workflows import local_calls
from workflows.activity_errors import FAILURES, own_error
from workflows.rebalance import Rebalance
from workflows.run_state import RunState

NOTHING_WRONG: Final = frozenset(
    {kind.__name__ for kind in (failures.PlanRejected, failures.ApprovalExpired, failures.WaitedTooLong)}
)
"""A person's no to a plan, or a wait for a person, a market or the end of a halt that was too long."""


async def judged(supervised: Awaitable[Outcome], rebalance: Rebalance, state: RunState) -> Outcome:
    """Carry the rebalance out, and have what it came to counted if there is a circuit breaker."""
    breaker = rebalance.settings.circuit_breaker
    if breaker is None or rebalance.mode is ExecutionMode.DRY_RUN:
        return await supervised
    try:
        outcome = await supervised
    except FAILURES as error:
        failure = own_error(error)
        if failure.type not in NOTHING_WRONG:
            with suppress(asyncio.CancelledError):  # it has ended already
                await _judge(rebalance.account, breaker, state, f"{failure.type}: {failure.message}")
        raise
    with suppress(asyncio.CancelledError):
        await _judge(rebalance.account, breaker, state, outcome.missing)
    return outcome


async def _judge(account: Account, breaker: CircuitBreakerSettings, state: RunState, failure: str) -> None:
    verdict = Verdict(
        account=account.account_id,
        strategy=account.strategy_name,
        run_id=workflow.info().run_id,
        limit=breaker.failures,
        failure=failure,
    )
    try:
        is_paused = await local_calls.judge(verdict)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            return
        state.log(logging.WARNING, f"the circuit breaker did not count how this ended: {own_error(error).message}")
        return
    if is_paused:
        state.log(logging.WARNING, f"strategy {verdict.strategy} is paused: too many rebalances in a row went wrong")
