"""Reads contract details before they are needed: when the gateway's slot is idle, not when an event has come.

They are two of every seven messages of accounts that begin together, and the same for all of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from typing import Final

from temporalio.client import ActivityFailureError, Client
from temporalio.common import ActivityIDConflictPolicy, Priority, RetryPolicy
from temporalio.service import RPCError

from activities.gateway.reading import CONTRACT_LIFETIME, CONTRACT_RENEWAL, MOST_SYMBOLS_A_VISIT, AccountReader
from configuration.configuration_in_use import ConfigurationInUse
from contract.activities import GatewayContract
from contract.encryption import PayloadAltered, PayloadKeyUnknown
from contract.memory import memory_of
from contract.names import WORKFLOW_TYPE, account_of, gateway_queue
from contract.priority import IDLE
from contract.requests import ContractsRequest
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.planner.plan import CASH_SYMBOL

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 30.0
"""Seconds between two looks at what is missing: holdings change when somebody trades."""

RUNS_FOR_EACH: Final = 2
"""So many of the latest runs, for each account, are looked through for the targets that accounts had last."""


class ReadAhead:
    """Keeps the contract details at hand of what the accounts of one gateway hold, and of what they last targeted."""

    def __init__(
        self, client: Client, reader: AccountReader, configuration: ConfigurationInUse, gateway: str | None
    ) -> None:
        self._client = client
        self._reader = reader
        self._configuration = configuration
        self._gateway = gateway
        self._targeted: set[str] = set()
        self._asked_at: dict[str, datetime] = {}

    async def run(self) -> None:
        """Go on until cancelled. What fails is no more than asked for later, as if there were no reading ahead."""
        await self._try(self._learn_targets())
        while True:
            if due := self._due():
                await self._try(self._read(due[:MOST_SYMBOLS_A_VISIT]))
            else:
                await asyncio.sleep(LOOK_EVERY)

    async def _try(self, asking: Awaitable[None]) -> None:
        try:
            await asking
        except (ActivityFailureError, RPCError, PayloadKeyUnknown, PayloadAltered) as error:
            log.debug("contract details are not read ahead: %s", error.__cause__ or error)

    @property
    def _accounts(self) -> list[Account]:
        enabled = self._configuration.now.enabled_accounts
        return [account for account in enabled if account.gateway == self._gateway]

    def _due(self) -> list[str]:
        """What to read next, in a settled order. One that IBKR does not know is not asked for again at once."""
        renewed = datetime.now(UTC) - CONTRACT_RENEWAL
        asked = {symbol for symbol, at in self._asked_at.items() if at > renewed}
        at_hand = self._reader.contracts_since(renewed)
        return sorted(self._wanted() - at_hand - asked)

    def _wanted(self) -> set[str]:
        held = (self._reader.held(account.account_id) - account.held_out for account in self._accounts)
        return self._targeted.union(*held)

    async def _learn_targets(self) -> None:
        own = {account.account_id for account in self._accounts}
        if not own:
            return
        runs = self._client.list_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'", limit=RUNS_FOR_EACH * len(own))
        targeted = [(await memory_of(run)).last_targets or {} async for run in runs if account_of(run.id) in own]
        self._targeted = set[str]().union(*targeted) - {CASH_SYMBOL}

    async def _read(self, symbols: Iterable[str]) -> None:
        request = ContractsRequest(symbols=tuple(symbols))
        self._asked_at |= dict.fromkeys(request.symbols, datetime.now(UTC))
        await self._client.execute_activity_method(
            GatewayContract.read_contracts,
            request,
            id=f"contracts-{self._gateway or 'default'}",
            task_queue=gateway_queue(self._gateway),
            priority=Priority(priority_key=IDLE),
            start_to_close_timeout=VISIT_TIMEOUT,
            schedule_to_close_timeout=CONTRACT_LIFETIME - CONTRACT_RENEWAL,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=1),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            summary="Contract details, before they are needed",
        )
