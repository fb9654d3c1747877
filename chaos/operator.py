"""The operator: answers what the application asks, by looking at the broker's ledger, as a person would in TWS."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from temporalio.client import Client
from temporalio.exceptions import TemporalError

from chaos.accounts import ACCOUNTS
from chaos.evidence import Question, order_of
from contract.halts import halts_of, history_pause_id
from contract.messages import Resolution
from contract.names import PHASE, workflow_id
from contract.restored_history import accept
from rebalancing.orders.order import OrderState
from rebalancing.orders.placed_order import PlacedOrder
from rebalancing.outcomes import Phase
from starter.desk.halt import NothingHeld, resume
from starter.desk.sealing import sealed_resolution
from testbed.gateway_control import GatewayControl
from workflows.rebalance_account import RebalanceAccount

log = logging.getLogger(__name__)

LOOKS_EVERY: Final = 2.0
TIMEOUT: Final = timedelta(seconds=3)


class Operator:
    """Looks at every account again and again; ``questions`` is all it was asked."""

    def __init__(self, client: Client, gateway: GatewayControl) -> None:
        self.questions: list[Question] = []
        self._client = client
        self._gateway = gateway

    async def watch(self) -> None:
        """Answer until cancelled; what cannot be reached now is looked at again."""
        while True:
            for account in ACCOUNTS:
                try:
                    await self._answer(account)
                except (TemporalError, httpx.HTTPError, TimeoutError, NothingHeld) as error:
                    log.debug("the operator could not look at %s: %s", account, error)
            await asyncio.sleep(LOOKS_EVERY)

    async def _answer(self, account: str) -> None:
        await self._accept_history(account)
        handle = self._client.get_workflow_handle(workflow_id(account))
        described = await handle.describe(rpc_timeout=TIMEOUT)
        if described.typed_search_attributes.get(PHASE) != Phase.NEEDS_OPERATOR.value or described.close_time:
            return
        status = await handle.query(RebalanceAccount.status, rpc_timeout=TIMEOUT)
        for report in status.orders:
            if report.state is not OrderState.UNKNOWN:
                continue
            question = await self._look_up(account, report.ref, report.reason)
            if question.order is not None and not question.order.is_over:
                continue  # it may still fill; looked at again
            log.info("the operator is asked about %s of %s: %s", report.ref, account, report.reason)
            if question.filled > report.quantity:  # ordered twice: nothing that could be answered is true
                await handle.cancel(rpc_timeout=TIMEOUT)
            else:
                word = Resolution(ref=report.ref, filled=question.filled if question.order else None)
                resolution = sealed_resolution(word, account, described.run_id)
                async with asyncio.timeout(2 * TIMEOUT.total_seconds()):
                    await handle.execute_update(RebalanceAccount.resolve, resolution, rpc_timeout=TIMEOUT)
            if all(known.ref != question.ref for known in self.questions):
                self.questions.append(question)

    async def _accept_history(self, account: str) -> None:
        """After a power cut that took history back: what the broker lists is as it should be, and trading goes on."""
        if not any(halt.is_about_history for halt in await halts_of(self._client, account, None)):
            return
        orders = [PlacedOrder(ref=each["ref"], words="") for each in await self._gateway.read("orders")]
        log.info("the operator accepts that the history of %s is not whole", account)
        await accept(self._client, account, orders, "chaos")
        await resume(self._client, history_pause_id(account), "chaos", "")

    async def _look_up(self, account: str, ref: str, reason: str) -> Question:
        orders = [order_of(each) for each in await self._gateway.read("orders") if each["ref"] == ref]
        filled = sum(int(each["quantity"]) for each in await self._gateway.read("executions") if each["ref"] == ref)
        return Question(account, ref, reason, next(iter(orders), None), filled, datetime.now(UTC))
