"""The margin check before the first order of a rebalance."""

from temporalio.exceptions import ActivityError

from rebalancing import failures
from rebalancing.accounts import Account
from rebalancing.funding.account_kind import AccountKind
from rebalancing.funding.margin_preview import MarginRequest, WhatIfOrder
from workflows.activity_errors import is_to_read_anew
from workflows.approval import Reading
from workflows.gateway import Gateway
from workflows.run_state import RunState


class MarginCheck:
    """Asks IBKR what the whole plan would do to a margin account, and notes what it answered."""

    def __init__(self, account: Account, gateway: Gateway, state: RunState) -> None:
        self._account = account
        self._gateway = gateway
        self._state = state

    async def check(self, reading: Reading) -> bool:
        """Raise ``MarginInsufficient`` or ``OrdersRefused`` if the plan cannot be carried out.

        Only margin accounts are asked about, and only for plans that trade. Returns whether the answer is known: while
        trading is held IBKR is not asked, nor about a plan of before a reconnect, which may have been carried out in a
        history that was lost since.
        """
        is_margin = reading.opening.kind is AccountKind.MARGIN
        if not (reading.plan.orders and self._account.margin_check and is_margin):
            return True
        orders = tuple(
            WhatIfOrder(
                symbol=order.symbol,
                con_id=reading.opening.contracts[order.symbol].con_id,
                side=order.side,
                quantity=order.quantity,
            )
            for order in reading.plan.orders
        )
        connection = reading.opening.connection
        request = MarginRequest(account=self._account.account_id, orders=orders, connection=connection)
        try:
            preview = await self._gateway.margin(request)
        except ActivityError as error:
            if not is_to_read_anew(error):
                raise
            return False
        if preview.shortfall:
            raise failures.MarginInsufficient(
                self._account.account_id,
                f"after this plan the {preview.shortfall}. Free margin (close or hold fewer other positions), raise "
                "cash_reserve_percent, or trade less.",
            )
        if preview.refusals:
            raise failures.OrdersRefused(self._account.account_id, f"IBKR would refuse {'; '.join(preview.refusals)}.")
        self._state.notes.append(preview.note)
        return True
