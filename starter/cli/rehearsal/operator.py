"""Who stands in for the operator in a rehearsal: approves what waits, and knows by the books what became of orders."""

import asyncio
from collections.abc import Iterable
from typing import Final

from temporalio.service import RPCError

from contract.messages import Resolution
from rebalancing.approval import Approval
from rebalancing.errors import RebalancerError
from rebalancing.orders.order import OrderReport, OrderState
from rebalancing.outcomes import Phase
from starter.cli.rehearsal.stage import Stage
from starter.desk.approve import approve
from starter.desk.latest_run import handle_of, query_status
from starter.desk.resolve import resolve

LOOKS_EVERY: Final = 0.5
"""Seconds between two looks at what waits for a person."""


class StandInOperator:
    """Answers for these accounts; ``told`` says what a person would have been asked."""

    def __init__(self, stage: Stage, accounts: Iterable[str]) -> None:
        self.told: list[str] = []
        self._stage = stage
        self._accounts = tuple(accounts)

    async def answer(self) -> None:
        """Answer until cancelled; what changes meanwhile, or cannot be reached, is looked at again."""
        while True:
            for account in self._accounts:
                try:
                    await self._answer(account)
                except (RPCError, RebalancerError):
                    continue
            await asyncio.sleep(LOOKS_EVERY)

    async def _answer(self, account: str) -> None:
        client = self._stage.client
        status = await query_status(handle_of(client, account))
        if status is None:
            return
        if status.waiting_plan is not None:
            await approve(client, account, Approval(plan_hash=status.waiting_plan.plan_hash))
            self.told.append(f"{account}: its plan waited for approval, which it got, here")
        if status.phase is Phase.NEEDS_OPERATOR:
            for report in status.orders:
                if report.state is OrderState.UNKNOWN:
                    await self._resolve(account, report)

    async def _resolve(self, account: str, report: OrderReport) -> None:
        known = [order for order in self._stage.gateway.engine.orders if order.ref == report.ref]
        if any(order.is_working for order in known):
            return
        filled = sum(int(order.filled) for order in known) if known else None
        await resolve(self._stage.client, account, Resolution(ref=report.ref, filled=filled))
        found = "was not there" if filled is None else f"had filled {filled}"
        self.told.append(f"{account}: a person was asked what became of {report.ref}; by the books it {found}")
