"""Asking IBKR what orders would do to an account, without placing any (what-if orders)."""

import asyncio

from activities.gateway import translation
from activities.gateway.session import GatewaySession
from rebalancing.errors import FiguresOld, GatewayRenewed, GatewayTimeout
from rebalancing.funding.margin_preview import MarginPreview, MarginQuestions, MarginRequest, WhatIfAnswer, WhatIfOrder


class WhatIfDesk:
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

    def require_fresh(self, request: MarginRequest) -> None:
        """Raise ``FiguresOld`` where the orders were sized on another connection than this."""
        if request.connection not in ("", self._session.name):
            raise FiguresOld(
                f"Account {request.account}: the connection was made anew since it was read, so IBKR was not asked "
                "about the margin of this plan; the account is read again."
            )

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
        contract = translation.stock(order.symbol, order.con_id)
        what_if = translation.what_if(order, account, order_id, self._session.client_id)
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
        return translation.what_if_answer(order, state, self._refusals.get(number))

    def _on_error(self, request_id: int, code: int, text: str, _contract: object) -> None:
        if request_id in self._answers:
            self._refusals[request_id] = f"{text} (code {code})"


def _note_failure(answer: asyncio.Future[object]) -> None:
    """An answer that fails with the connection has nobody waiting for it where the questions are asked again."""
    if not answer.cancelled():
        answer.exception()
