"""What every account of a login holds, told once and kept by what the gateway pushes.

One subscription tells the positions of all accounts, but IBKR does not offer it to logins with more than 50 of them;
there each account has a subscription of its own (TWS API, "Positions"). Nothing is read or placed before all are told,
and an account whose positions IBKR refused to tell never looks like one that holds nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol

from activities.gateway import translation
from activities.gateway.ib_api import ibi
from activities.gateway.translation import Holding
from rebalancing.errors import AccountInModels, PositionsUnknown

MOST_ACCOUNTS_TOGETHER: Final = 50
"""Up to so many accounts of one login, one subscription tells the positions, or the values, of all."""

ASKED_AT_ONCE: Final = 24
"""Half a second of messages, so that each answer comes well within its request's time-out."""


class SendRequest(Protocol):
    """Sends one request and waits for its answer, within a time-out (``GatewaySession.request``)."""

    def __call__(self, name: str, send: Callable[[], Awaitable[Any]], /) -> Awaitable[Any]:
        """``name`` is for the message that tells of a time-out."""
        ...


class Positions:
    """The positions of all accounts of one connection; ``ib_insync`` keeps them itself once it is told."""

    def __init__(self, ib: ibi.IB) -> None:
        self._ib = ib
        self._in_models: set[str] = set()
        self._untold: set[str] = set()
        self._asked: dict[int, str] = {}

    async def follow(self, request: SendRequest) -> None:
        """Subscribe to them; returns once all are told, or refused. Raises what ``request`` raises."""
        accounts = self._ib.client.getAccounts()
        if len(accounts) <= MOST_ACCOUNTS_TOGETHER:
            await request("positions", self._ib.reqPositionsAsync)
            return
        self._untold.update(accounts)
        wrapper = self._ib.wrapper  # which does nothing with the answers to this request
        wrapper.positionMulti = self._told  # pyright: ignore[reportAttributeAccessIssue]  # parameters' names only
        wrapper.positionMultiEnd = self._told_all  # pyright: ignore[reportAttributeAccessIssue]
        for start in range(0, len(accounts), ASKED_AT_ONCE):
            answers = (self.ask(account, request) for account in accounts[start : start + ASKED_AT_ONCE])
            for answer in await asyncio.gather(*answers, return_exceptions=True):
                if isinstance(answer, BaseException):
                    raise answer

    async def ask(self, account: str, request: SendRequest) -> None:
        """Subscribe to one account's, unless they are told already: a refusal need not be the last word."""
        if account in self._untold:
            await request(f"the positions of {account}", partial(self._send, account))

    def of(self, account: str) -> list[Holding]:
        """What the account holds at this moment, of every kind.

        Raises:
            PositionsUnknown: they were refused. ``ib_insync`` takes a refusal for the end of an empty answer.
            AccountInModels: it divides them into models, so that no single row tells what it holds.
        """
        return [translation.holding(row) for row in self._rows(account)]

    def shares(self, account: str, con_id: int) -> int:
        """What the account holds of a contract, in whole shares. Raises what ``of`` raises."""
        return translation.shares_of(self._rows(account), con_id)

    def _rows(self, account: str) -> list[ibi.Position]:
        if account in self._untold:
            raise PositionsUnknown(
                f"IBKR does not tell the positions of account {account}. Look in TWS whether this login may see them, "
                "and trigger again."
            )
        if account in self._in_models:
            raise AccountInModels(
                f"Account {account} divides its holdings into model portfolios, which this application cannot tell "
                "apart. Take it out of the models in TWS, or out of accounts.yaml."
            )
        return self._ib.positions(account)

    def _send(self, account: str) -> Awaitable[Any]:
        number = self._ib.client.getReqId()
        self._asked[number] = account
        answer = self._ib.wrapper.startReq(number)
        self._ib.client.reqPositionsMulti(number, account, "")
        return answer

    def _told(
        self, _request: int, account: str, model: str, contract: ibi.Contract, position: float, average_cost: float
    ) -> None:
        if model:
            self._in_models.add(account)
        self._ib.wrapper.position(account, contract, position, average_cost)

    def _told_all(self, request: int) -> None:
        self._untold.discard(self._asked.pop(request))
        self._ib.wrapper._endReq(request)  # pyright: ignore[reportPrivateUsage]
