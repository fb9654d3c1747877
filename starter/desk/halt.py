"""Stops all trading, or that of one account or strategy, at once and for certain; and lets it go on."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import ActivityFailureError, Client
from temporalio.common import Priority, RetryPolicy
from temporalio.service import RPCError

from configuration.configuration import Configuration
from contract.activities import GatewayContract
from contract.halts import HALT_ID, Halt, halt_of, pause_id, running_halts, set_halt, strategy_pause_id
from contract.names import gateway_queue
from contract.names_in_history import require_called
from contract.priority import OPERATOR
from contract.timeouts import HEARTBEAT_TIMEOUT
from rebalancing.errors import RebalancerError, StrategyUnknown
from starter.desk.known_login import known_gateways
from starter.desk.temporal_errors import is_unknown

CERTAIN_AFTER: Final = timedelta(seconds=12)
"""A worker sends orders for ten seconds at most after it asked whether trading is held: longer than this after a halt
was set nothing goes out any more, whatever has become of the worker (``activities.gateway.order_desk``)."""


class NothingHeld(RebalancerError):
    """There is no such halt or pause to end.

    Do: nothing; ``rebalancer status`` shows what is held, if anything is.
    """


@dataclass(frozen=True)
class HaltSet:
    """What came of setting a halt or a pause.

    ``is_new``: it was not set before. ``answered`` are the gateways whose slot was visited since; of the others, which
    have no worker or a busy one, only time tells that nothing goes out any more: it has passed, too.
    """

    halt: Halt
    is_new: bool
    answered: tuple[str | None, ...]
    silent: tuple[str | None, ...]

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {**self.halt.as_json(), "new": self.is_new, "answered": self.answered, "silent": self.silent}


async def hold(client: Client, halt_id: str, who: str, reason: str) -> HaltSet:
    """Let no order go out any more; once this returns, none does. Reads and cancels go on, events are kept.

    ``halt_id`` is ``HALT_ID`` for all orders, or the id of an account's or strategy's pause (``contract.halts``).
    Raises ``RPCError`` if the server does not answer: then it is not known whether anything is held.
    """
    is_new = await set_halt(client, halt_id, who, reason)
    certain_at = asyncio.get_running_loop().time() + CERTAIN_AFTER.total_seconds()
    description = await client.get_workflow_handle(halt_id).describe()
    gateways = await known_gateways(client)
    answers = await asyncio.gather(*(_visited(client, gateway) for gateway in gateways))
    if not all(answers):
        await asyncio.sleep(certain_at - asyncio.get_running_loop().time())
    return HaltSet(
        halt=await halt_of(description),
        is_new=is_new,
        answered=_those(gateways, answers, answered=True),
        silent=_those(gateways, answers, answered=False),
    )


async def pause_of_account(client: Client, configuration: Configuration, account: str) -> str:
    """The id of its pause. A pause of another name than the workers know would hold nothing.

    Raises ``AccountUnknown``, and what ``require_called`` raises.
    """
    name = configuration.configured(account).account_id
    await require_called(client, configuration.names.number_of(name), name)
    return pause_id(name)


def pause_of_strategy(configuration: Configuration, strategy: str) -> str:
    """The id of its pause, whether its accounts are switched off or not. Raises ``StrategyUnknown``."""
    known = sorted({account.strategy_name for account in configuration.accounts})
    if strategy not in known:
        raise StrategyUnknown(f"No account follows a strategy {strategy!r}; there is {', '.join(known)}.")
    return strategy_pause_id(strategy)


async def resume(client: Client, halt_id: str, who: str, reason: str) -> None:
    """End a halt or a pause: rebalances that wait for it read everything anew within seconds.

    Raises ``NothingHeld`` if there is none.
    """
    why = f": {reason}" if reason else ""
    try:
        await client.get_workflow_handle(halt_id).terminate(reason=f"ended by {who}{why}")
    except RPCError as error:
        if not is_unknown(error):
            raise
        told = "Trading is not halted" if halt_id == HALT_ID else "It is not paused"
        raise NothingHeld(f"{told}; nothing was changed.") from None


async def read_halts(client: Client) -> list[Halt]:
    """Everything that holds trading now, the oldest first. Raises ``RPCError``."""
    return sorted([halt async for halt in running_halts(client)], key=lambda halt: halt.since)


async def _visited(client: Client, gateway: str | None) -> bool:
    """Wait until every visit to the gateway's slot that may have begun before has ended; whether its worker said so."""
    try:
        await client.execute_activity_method(
            GatewayContract.empty_visit,
            id=f"empty-visit-{uuid.uuid4()}",  # one that another asked for may have begun before this halt
            task_queue=gateway_queue(gateway),
            priority=Priority(priority_key=OPERATOR),
            schedule_to_close_timeout=CERTAIN_AFTER,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=1)),
            summary="A halt: what was in the slot before has ended",
        )
    except ActivityFailureError:
        return False
    return True


def _those(gateways: Iterable[str | None], answers: Iterable[bool], *, answered: bool) -> tuple[str | None, ...]:
    return tuple(gateway for gateway, answer in zip(gateways, answers, strict=True) if answer is answered)
