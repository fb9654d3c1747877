"""Asking IBKR what orders would do to an account, without placing any (what-if orders)."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Final

import ib_insync as ibi

from activities.gateway.session import GatewaySession
from rebalancing.errors import GatewayRenewed, GatewayTimeout
from rebalancing.funding.margin import MarginPreview, MarginQuestions, MarginRequest, WhatIfAnswer, WhatIfOrder

UNSET: Final = Decimal("1e300")
"""IBKR sends the largest double there is for a figure it does not have."""


class MarginDesk:
    """Sends what-if orders over one session. They use up order ids, as every request of this client does."""

    def __init__(self, session: GatewaySession) -> None:
        self._session = session
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._refusals: dict[int, str] = {}
        session.ib.errorEvent += self._on_error

    async def ask(self, request: MarginRequest) -> MarginQuestions:
        """Send a what-if order for every order, all at once. Raises ``GatewayUnavailable`` without a connection."""
        self._session.require()
        ids = tuple(self._send(request.account, order) for order in request.orders)
        await self._session.drained()
        return MarginQuestions(account=request.account, orders=request.orders, ids=ids)

    async def answers(self, questions: MarginQuestions) -> MarginPreview:
        """Await the answers, each with its own time-out.

        ``ib_insync`` never ends a what-if order whose answer has no margin in it (as for some cash accounts): what is
        not answered in time comes back without figures.

        Raises:
            GatewayRenewed: they were asked on another connection: ask them again.
            GatewayUnavailable: the connection was lost meanwhile.
        """
        if not all(number in self._answers for number in questions.ids):
            raise GatewayRenewed
        pairs = zip(questions.orders, questions.ids, strict=True)
        answers = await asyncio.gather(*(self._answer(order, number) for order, number in pairs))
        self._session.require()
        for number in questions.ids:
            self._answers.pop(number, None)
            self._refusals.pop(number, None)
        currency = self._session.values.base_currency(questions.account) or "USD"
        return MarginPreview(answers=tuple(answers), currency=currency)

    def _send(self, account: str, order: WhatIfOrder) -> int:
        ib = self._session.ib
        order_id = ib.client.getReqId()
        contract = ibi.Contract(
            conId=order.con_id, symbol=order.symbol, secType="STK", exchange="SMART", currency="USD"
        )
        what_if = ibi.Order(
            orderId=order_id,
            clientId=self._session.address.client_id,
            action=order.side.value,
            totalQuantity=order.quantity,
            orderType="MKT",
            tif="DAY",
            account=account,
            whatIf=True,
        )
        answer = ib.wrapper.startReq(order_id, contract)
        answer.add_done_callback(_note_failure)
        self._answers[order_id] = answer
        ib.client.placeOrder(order_id, contract, what_if)
        return order_id

    async def _answer(self, order: WhatIfOrder, number: int) -> WhatIfAnswer:
        # A second waiter, after this activity was tried again, must find the answer unharmed by the first one's end.
        answer = asyncio.shield(self._answers[number])
        try:
            state = await self._session.request(f"the margin of {order.symbol}", lambda: answer)
        except GatewayTimeout:
            return WhatIfAnswer(order=order)
        if not isinstance(state, ibi.OrderState):
            return WhatIfAnswer(order=order, refusal=self._refusals.get(number, "refused without a reason"))
        return WhatIfAnswer(
            order=order,
            margin_before=_figure(state.initMarginBefore),
            margin_change=_figure(state.initMarginChange),
            equity_before=_figure(state.equityWithLoanBefore),
            equity_change=_figure(state.equityWithLoanChange),
            commission=_figure(state.commission),
        )

    def _on_error(self, request_id: int, code: int, text: str, _contract: object) -> None:
        if request_id in self._answers:
            self._refusals[request_id] = f"{text} (code {code})"


def _note_failure(answer: asyncio.Future[object]) -> None:
    """An answer that fails with the connection has nobody waiting for it where the questions are asked again."""
    if not answer.cancelled():
        answer.exception()


def _figure(value: str | float) -> Decimal | None:
    """A figure of an order state: ``ib_insync`` leaves some of them as text, and "unset" is the largest double."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < UNSET else None
