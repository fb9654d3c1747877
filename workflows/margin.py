"""The margin check before the first order of a rebalance."""

from rebalancing import failures
from rebalancing.accounts import Account
from rebalancing.funding.account_kind import AccountKind
from rebalancing.funding.margin import MarginPreview, MarginRequest, WhatIfOrder
from rebalancing.settings import Settings
from workflows import calls
from workflows.approval import Reading
from workflows.patience import Patience


class MarginCheck:
    """Asks IBKR what the whole plan would do to a margin account; ``notes`` say what it answered."""

    def __init__(self, account: Account, settings: Settings, patience: Patience) -> None:
        self.notes: list[str] = []
        self._account = account
        self._settings = settings
        self._patience = patience

    async def check(self, reading: Reading) -> None:
        """Raise ``MarginInsufficient`` or ``OrdersRefused`` if the plan cannot be carried out.

        Only margin accounts are asked about, and only for plans that trade.
        """
        is_margin = reading.opening.kind is AccountKind.MARGIN
        if not (reading.plan.orders and self._account.margin_check and is_margin):
            return
        orders = tuple(
            WhatIfOrder(
                symbol=order.symbol,
                con_id=reading.opening.contracts[order.symbol].con_id,
                side=order.side,
                quantity=order.quantity,
            )
            for order in reading.plan.orders
        )
        request = MarginRequest(account=self._account.account_id, orders=orders)

        async def preview_of_plan() -> MarginPreview:
            questions = await calls.ask_margin(self._settings, request)
            return await calls.margin_answers(self._settings, questions)

        preview = await self._patience.at_gateway(preview_of_plan)
        if preview.shortfall:
            raise failures.MarginInsufficient(
                self._account.account_id,
                f"after this plan the {preview.shortfall}. Free margin (close or hold fewer other positions), raise "
                "cash_reserve_percent, or trade less.",
            )
        if preview.refusals:
            raise failures.OrdersRefused(self._account.account_id, f"IBKR would refuse {'; '.join(preview.refusals)}.")
        self.notes.append(preview.note)
