"""Which request leads to what: asks the engine or subscribes, and sends the answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from simulator.gateway import answers, history, messages, wire
from simulator.gateway.account_summary import unknown_tags
from simulator.gateway.engine import Engine
from simulator.gateway.faults import FaultRule
from simulator.gateway.refusals import Refusal, not_simulated, not_valid
from simulator.gateway.requests import ContractQuery, Request
from simulator.gateway.subscriptions import Subscriptions

MOST_ACCOUNTS_TOGETHER = 50
"""Of a login with more accounts, neither positions nor values are told together (TWS API, "Positions")."""


class Client(Protocol):
    """The connection a request came in on."""

    client_id: int
    started_at: datetime | None
    subscriptions: Subscriptions

    @property
    def engine(self) -> Engine:
        """The engine behind it."""
        ...

    def send(self, data: bytes) -> None:
        """Write messages out."""
        ...

    def error(self, request_id: int, code: int, text: str) -> None:
        """Send an error message."""
        ...


class Dispatcher:
    """Carries out the requests of one connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._engine = client.engine
        self._subscriptions = client.subscriptions
        self._handlers: dict[str, Callable[[Request], bytes]] = {
            "reqMktData": self._quotes,
            "cancelMktData": lambda r: self._subscriptions.unfollow_quotes(_id(r)),
            "placeOrder": self._place,
            "whatIfOrder": self._place,
            "cancelOrder": self._cancel,
            "reqGlobalCancel": self._cancel_all,
            "reqOpenOrders": lambda _: answers.open_orders(self._engine, client.client_id),
            "reqAllOpenOrders": lambda _: answers.open_orders(self._engine, None),
            "reqCompletedOrders": lambda _: answers.completed_orders(self._engine),
            "reqExecutions": lambda r: answers.executions(self._engine, r),
            "reqIds": lambda _: messages.next_valid_id(self._engine.next_order_id(client.client_id)),
            "reqManagedAccts": lambda _: messages.managed_accounts(list(self._engine.accounts)),
            "reqCurrentTime": lambda _: messages.current_time(self._engine.clock.now()),
            "reqContractDetails": lambda r: answers.contract_details(self._engine, r),
            "reqHistoricalData": lambda r: history.historical_data(self._engine, r),
            "cancelHistoricalData": lambda r: messages.refusal(_id(r), history.none_running(_id(r))),
            "reqMarketDataType": self._market_data_type,
            "reqPositions": self._positions,
            "cancelPositions": self._cancel_positions,
            "reqAccountUpdates": self._account_updates,
            "reqAccountUpdatesMulti": self._account_updates_multi,
            "cancelAccountUpdatesMulti": lambda r: _none(self._subscriptions.unfollow_multi(_id(r))),
            "reqPositionsMulti": self._positions_multi,
            "cancelPositionsMulti": lambda r: _none(self._subscriptions.unfollow_positions_multi(_id(r))),
            "reqAccountSummary": self._summary,
            "cancelAccountSummary": lambda r: _none(self._subscriptions.unfollow_summary(_id(r))),
            "setServerLogLevel": lambda _: b"",
            "reqAutoOpenOrders": self._bind_orders,
            "reqScannerParameters": lambda _: messages.scanner_parameters(),
            "reqFamilyCodes": lambda _: messages.no_family_codes(),
            "reqMktDepthExchanges": lambda _: messages.no_depth_exchanges(),
            "reqNewsProviders": lambda _: messages.no_news_providers(),
        }

    def dispatch(self, request: Request) -> None:
        """Carry a request out, or answer with its refusal."""
        if request.refusal:
            self._client.send(messages.refusal(request.answer_to, self._told(request, request.refusal)))
        else:
            self._client.send(self._handlers[request.name](request))

    def _told(self, request: Request, refusal: Refusal) -> Refusal:
        """How a request is refused. An order's id is used up by that; one that is live goes on as it was."""
        if request.name != "placeOrder" or request.order_id is None:
            return refusal
        self._engine.use_up(self._client.client_id, request.order_id)
        order = self._engine.find_order(self._client.client_id, request.order_id)
        if order is None or not order.is_working:
            return refusal
        return Refusal(105, f"Order being modified does not match original order. {refusal.text}")

    def reject(self, request: Request, rule: FaultRule) -> None:
        """Answer a request with the rule's error instead; a placed order is never known to the gateway."""
        if request.ticket and request.contract and not request.ticket.what_if:
            refusal = Refusal(rule.code, rule.message)
            client_id, order_id = self._client.client_id, request.order_id or 0
            self._engine.refuse(client_id, order_id, refusal, request.contract, request.ticket)
        else:
            self._client.error(request.answer_to, rule.code, rule.message)

    def swallow(self, request: Request, rule: FaultRule) -> None:
        """Let a placed order vanish; whether its id counts as used is for the rule to say."""
        if not rule.roll_back:
            self._engine.use_up(self._client.client_id, request.order_id or 0)

    def _place(self, request: Request) -> bytes:
        if request.ticket and request.contract:
            client = self._client
            order_id = request.order_id or 0
            self._engine.place(client.client_id, order_id, request.contract, request.ticket, client.started_at)
        return b""

    def _cancel(self, request: Request) -> bytes:
        self._engine.cancel(self._client.client_id, request.order_id or 0)
        return b""

    def _cancel_all(self, _: Request) -> bytes:
        self._engine.cancel_all()
        return b""

    def _quotes(self, request: Request) -> bytes:
        found = self._engine.market.find(request.contract or ContractQuery())
        if len(found) != 1:
            return messages.error(_id(request), 200, "No security definition has been found for the request")
        return self._subscriptions.follow_quotes(_id(request), found[0], snapshot=request.asks("snapshot"))

    def _market_data_type(self, request: Request) -> bytes:
        self._subscriptions.market_data_type = int(wire.plain(request.options["marketDataType"]))
        return b""

    def _bind_orders(self, _: Request) -> bytes:
        """Orders entered by hand would come to client 0 from now on; there are none."""
        if self._client.client_id == 0:
            return b""
        text = "Only API connections with clientId set to 0 can set the auto bind TWS orders property."
        return messages.refusal(-1, Refusal(327, text))

    def _positions(self, _: Request) -> bytes:
        if self._has_too_many_accounts():
            return _not_for_all(-1, "positions")
        self._subscriptions.positions = True
        return answers.positions(self._engine)

    def _cancel_positions(self, _: Request) -> bytes:
        self._subscriptions.positions = False
        return b""

    def _account_updates(self, request: Request) -> bytes:
        if not request.asks("subscribe"):
            self._subscriptions.unfollow_account()
            return b""
        account = request.account or next(iter(self._engine.accounts))
        if account not in self._engine.accounts:
            return _unknown_account(-1, account)
        return self._subscriptions.follow_account(account)

    def _summary(self, request: Request) -> bytes:
        if self._has_too_many_accounts():
            return _not_for_all(_id(request), "account summary")
        strange = unknown_tags(self._engine, request.options["tags"])
        if strange:
            return messages.refusal(_id(request), not_simulated(f"tags={','.join(strange)}"))
        return self._subscriptions.follow_summary(_id(request), request.options["tags"])

    def _has_too_many_accounts(self) -> bool:
        return len(self._engine.accounts) > MOST_ACCOUNTS_TOGETHER

    def _account_updates_multi(self, request: Request) -> bytes:
        if request.account not in self._engine.accounts:
            return _unknown_account(_id(request), request.account)
        return self._subscriptions.follow_multi(_id(request), request.account)

    def _positions_multi(self, request: Request) -> bytes:
        if request.account not in self._engine.accounts:
            return _unknown_account(_id(request), request.account)
        return self._subscriptions.follow_positions_multi(_id(request), request.account)


def _id(request: Request) -> int:
    return -1 if request.request_id is None else request.request_id


def _none(_: None) -> bytes:
    return b""


def _not_for_all(request_id: int, what: str) -> bytes:
    """The text and the code are a guess; that nothing is told is IBKR's word (TWS API, "Positions")."""
    return messages.refusal(request_id, not_valid(f"{what}: too many accounts"))


def _unknown_account(request_id: int, account: str) -> bytes:
    return messages.refusal(request_id, not_valid(f"Invalid account code '{account}'"))
