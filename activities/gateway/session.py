"""One connection to the gateway, from the handshake until it is lost (promise P4).

A session is used once: a fresh ``IB`` object per connection, because ``ib_insync`` keeps stale orders over a reconnect.
Every request has its own time-out, because unanswered ones never return by themselves.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar
from uuid import uuid4

from activities.gateway import codes, translation
from activities.gateway.account_values import AccountValues
from activities.gateway.cash import CashBook
from activities.gateway.ib_api import ibi
from activities.gateway.ledger import OrderLedger, family_of
from activities.gateway.named_accounts import go_by_names
from activities.gateway.positions import MOST_ACCOUNTS_TOGETHER, Positions
from activities.gateway.trade_counts import TradeCounts
from activities.gateway.wake_ups import WakeUps
from contract.gateway_pacing import MESSAGES_SENT
from rebalancing.account_names import NO_ALIASES, AccountNames
from rebalancing.clocks import seconds_ahead
from rebalancing.errors import GatewayTimeout, GatewayUnavailable
from rebalancing.login import Login
from rebalancing.orders.order import Intent

log = logging.getLogger(__name__)
said = logging.getLogger(codes.SAID_BY_GATEWAY)
T = TypeVar("T")

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for the handshake. A client id that is in use shows only as this time-out."""

LONGEST_TEXT: Final = 500
"""Characters of what the gateway says that are kept; no message that IBKR documents comes near it."""

NO_LINGER: Final = struct.pack("ii", 1, 0)
"""A socket that is closed so drops what it has not sent, and tells its peer (RST)."""

LINK_PATIENCE: Final = 600.0
"""Seconds to wait for the gateway to have IBKR again; then a new connection asks for itself."""


CLIENT_ID: Final = 7
"""The one client id of every installation. It keeps two of them from trading one account at the same moment, each by
what it read before the other sent its orders (promise P4): so it is no setting."""


@dataclass(frozen=True)
class GatewayAddress:
    """Where the gateway listens, and the client id this application uses with it."""

    host: str
    port: int
    client_id: int = CLIENT_ID

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (client id {self.client_id})"


@dataclass
class GatewaySession:
    """A live connection: requests with time-outs, the order ledger, and the moment it was lost.

    ``name`` tells it from every other connection there ever was; ``login`` is what the gateway is logged in with, known
    once the session is open. ``names`` are what its accounts are called; all else but the login goes by them.
    """

    address: GatewayAddress
    request_timeout: float
    figures_lag: timedelta
    names: AccountNames = NO_ALIASES
    ib: ibi.IB = field(default_factory=ibi.IB)
    ledger: OrderLedger = field(default_factory=OrderLedger)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    link_restored: asyncio.Event = field(default_factory=asyncio.Event)
    connected_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    open_orders_read_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    next_valid_id: int = 0
    clock_ahead: float = 0
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    lost_reason: str = ""
    is_simulated: bool = False
    login: Login = field(init=False)
    _wake_ups: WakeUps = field(default_factory=WakeUps)
    _codes_seen: set[int] = field(default_factory=set[int])
    _counts: TradeCounts = field(default_factory=TradeCounts)

    def __post_init__(self) -> None:
        """The book of cash needs to know how old the broker's figures may be; the positions are of this connection."""
        go_by_names(self.ib.client, self.names)
        self.cash = CashBook(self.figures_lag)
        self.positions = Positions(self.ib)
        self.values = AccountValues(self.ib.client.getAccounts)
        self.link_restored.set()

    @property
    def client_id(self) -> int:
        """The id by which the gateway knows this client."""
        return self.address.client_id

    @property
    def accounts(self) -> tuple[str, ...]:
        """What the accounts are called that the login manages."""
        return self.login.named(self.names).accounts

    @property
    def messages_sent(self) -> int:
        """How many messages went to the gateway over this connection."""
        return self.ib.client.conn.numMsgSent

    async def open(self) -> None:
        """Connect, and read what the gateway knows: positions, all open orders, completed orders, executions.

        ``ib_insync``'s own start-up is not used: it reports success although a reply never came.

        Raises:
            GatewayUnavailable: nothing listens, another session holds the client id, or the gateway is not ready.
            GatewayTimeout: one of the start-up queries had no answer.
        """
        self._subscribe()
        client = self.ib.client
        self.ib.wrapper.clientId = self.client_id
        client.MaxRequests = MESSAGES_SENT
        try:
            await self._shake_hands()
            self.next_valid_id = client.getReqId()
            await self._compare_clocks()
            await self.positions.follow(self.request)
            if len(client.getAccounts()) <= MOST_ACCOUNTS_TOGETHER:
                await self.request("the values of all accounts", self.ib.reqAccountSummaryAsync)
            await self.refresh_orders()  # last, since the rest takes seconds where there are hundreds of accounts
            numbers = map(self.names.number_of, client.getAccounts())
            self.login = Login.of(numbers, simulated=self.is_simulated)
        except (OSError, TimeoutError) as error:
            self.close()
            raise GatewayUnavailable(self._explain(error)) from error
        except BaseException:
            self.close()
            raise
        self.connected_at = datetime.now(UTC)
        log.info("connected to the gateway at %s", self.address)

    def close(self) -> None:
        """Leave the gateway. What still waits on this session fails with ``GatewayUnavailable``."""
        self._lose("the session was closed")
        with suppress(ConnectionError):  # ib_insync's word for a socket that was closed in the middle of a handshake
            self.ib.disconnect()

    async def request(self, name: str, send: Callable[[], Awaitable[T]], timeout: float | None = None) -> T:
        """Send one request and wait for its answer, at most ``timeout`` seconds (the request time-out if not given).

        Raises:
            GatewayTimeout: no answer in time.
            GatewayUnavailable: the connection is lost.
        """
        self.require()
        limit = self.request_timeout if timeout is None else timeout
        answer = asyncio.ensure_future(send())
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({answer, lost}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and not answer.cancelled():
                return answer.result()
        except ConnectionError as error:
            raise GatewayUnavailable(self._gone()) from error
        finally:
            lost.cancel()
            answer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await lost
        self.require()
        raise GatewayTimeout(
            f"The gateway at {self.address} did not answer the request for {name} within {limit:g} s. "
            "It is tried again; if this goes on, look at the gateway's own window and log."
        )

    async def until_link_restored(self) -> None:
        """Keep the connection, and with it the fence, while the gateway is without IBKR; a new one would not help."""
        if self.link_restored.is_set() or not self.ib.isConnected():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LINK_PATIENCE):
                await self.link_restored.wait()

    def abandon(self, reason: str) -> None:
        """Give this connection up; its holder makes a new one, which asks the gateway for everything again.

        What the gateway has not taken yet is thrown away: it must not come through when the gateway reads on later.
        """
        self._lose(reason)
        transport = self.ib.client.conn.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            transport.abort()

    def require(self) -> None:
        """Raise ``GatewayUnavailable`` if this session is lost."""
        if self.lost.is_set():
            raise GatewayUnavailable(self._gone())

    async def check(self) -> None:
        """Ask for the time: the only way to notice a peer that is silent while the socket is open."""
        try:
            await self._compare_clocks()
        except GatewayTimeout as error:
            self.abandon(str(error))

    async def wait_changed(self, timeout: float, account: str | None = None) -> None:
        """Return when orders (of this account) have changed, the session is lost, or ``timeout`` seconds are over."""
        await self._wake_ups.wait(timeout, account)

    async def room(self) -> None:
        """Wait until ``ib_insync`` would write a message at once instead of queueing it, as it does at its limit."""
        client, loop = self.ib.client, asyncio.get_running_loop()
        while not self.lost.is_set():
            times, queued = client._timeQ, client._msgQ  # pyright: ignore[reportPrivateUsage]
            sent = sum(loop.time() - time <= client.RequestsInterval for time in times)
            if not queued and sent < client.MaxRequests:
                return
            await asyncio.sleep(0.02)
        self.require()

    async def drained(self) -> None:
        """Wait until ``ib_insync`` has written all queued messages: it drops its queue silently on a disconnect."""
        queue = self.ib.client._msgQ  # pyright: ignore[reportPrivateUsage]
        while queue and not self.lost.is_set():  # noqa: ASYNC110  # the queue is ib_insync's and has no event
            await asyncio.sleep(0.02)
        self.require()

    def shares(self, account: str, con_id: int) -> int:
        """What the account holds of a contract, in whole shares; raises what ``Positions.of`` raises."""
        return self.positions.shares(account, con_id)

    def free_number(self) -> int:
        """A number above all that requests and orders of this connection have."""
        return self.ib.client.getReqId()

    def pass_number(self, number: int) -> None:
        """This number is given to an order: requests get higher ones."""
        self.ib.client.updateReqId(number + 1)

    def send_order(self, intent: Intent) -> None:
        """Write the order to the socket."""
        contract = translation.stock(intent.symbol, intent.con_id)
        translation.lighten(self.ib.placeOrder(contract, translation.order(intent, self.client_id)))
        self._counts.note_sent(intent)

    def change_order(self, intent: Intent, price: Decimal) -> None:
        """Write the same order with another limit to the socket."""
        contract = translation.stock(intent.symbol, intent.con_id)
        order = translation.order(intent, self.client_id, limit_price=price)
        # Not ``ib.placeOrder``: it sends, and then stumbles over orders that ib_insync alone believes to be over.
        self.ib.client.placeOrder(intent.order_id, contract, order)

    def cancel_order(self, order_id: int) -> None:
        """Write the cancellation of an order to the socket."""
        self.ib.cancelOrder(translation.order_named(order_id, self.client_id))

    async def refresh_open_orders(self) -> None:
        """Ask for the open orders of all clients: those of others are not pushed."""
        trades = await self.request("all open orders", self.ib.reqAllOpenOrdersAsync)
        self.ledger.note_open([translation.ledger_order(trade) for trade in trades], self.client_id)
        self.open_orders_read_at = datetime.now(UTC)

    async def refresh_orders(self) -> None:
        """Ask again for all open orders, completed orders and executions (rules 4a–4d)."""
        await self.refresh_open_orders()
        for trade in await self.request("completed orders", lambda: self.ib.reqCompletedOrdersAsync(False)):
            self.ledger.note_order(translation.ledger_order(trade))
        await self.request("executions", self.ib.reqExecutionsAsync)
        # Not from the answer: a fill whose commission came before its order was known has it only here.
        for fill in self.ib.fills():
            self._note_fill(fill)

    async def _compare_clocks(self) -> None:
        sent_at = datetime.now(UTC)
        told = await self.request("its clock", self.ib.reqCurrentTimeAsync)
        self.clock_ahead = seconds_ahead(sent_at, told, datetime.now(UTC))

    async def _shake_hands(self) -> None:
        """Connect; a refusal (326) ends the wait at once, where ``ib_insync`` would sit out the whole time-out."""
        address = self.address
        ready = asyncio.ensure_future(
            self.ib.client.connectAsync(address.host, address.port, address.client_id, CONNECT_TIMEOUT)
        )
        lost = asyncio.ensure_future(self.lost.wait())
        await asyncio.wait({ready, lost}, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if ready.done():
            return ready.result()
        ready.cancel()
        await asyncio.wait({ready})
        if not ready.cancelled():
            ready.exception()  # it ended by itself at the same moment; the reason is known
        raise ConnectionRefusedError(self.lost_reason)

    def _subscribe(self) -> None:
        ib = self.ib
        ib.accountValueEvent += self._on_value
        ib.accountSummaryEvent += self._on_value
        ib.openOrderEvent += self._on_order
        ib.orderStatusEvent += self._on_order
        ib.execDetailsEvent += self._on_fill
        ib.commissionReportEvent += self._on_commission
        ib.errorEvent += self._on_error
        ib.disconnectedEvent += self._on_disconnected

    def _on_value(self, row: ibi.AccountValue) -> None:
        if figure := translation.account_figure(row):
            self.values.note(figure)

    def _on_order(self, trade: ibi.Trade) -> None:
        if translation.is_conclusion(trade):
            translation.take_back_conclusion(trade)  # _on_error judges the code itself
            return
        order = translation.ledger_order(trade)
        self.ledger.note_order(order)
        self._wake_ups.wake(order.account)

    def _on_fill(self, _trade: ibi.Trade, fill: ibi.Fill) -> None:
        self._note_fill(fill)
        self._counts.note_fill(translation.fill_ref(fill), translation.execution(fill))
        self._wake_ups.wake(translation.account_of(fill))

    def _note_fill(self, fill: ibi.Fill) -> None:
        execution = translation.execution(fill)
        self.ledger.note_execution(translation.fill_ref(fill), execution)
        self.cash.note_fill(execution.family, translation.cash_flow(fill))

    def _on_commission(self, _trade: ibi.Trade, fill: ibi.Fill, report: ibi.CommissionReport) -> None:
        exec_id, commission = translation.commission(report)
        self.ledger.note_commission(exec_id, commission)
        self.cash.note_commission(family_of(exec_id), commission)
        self._wake_ups.wake(translation.account_of(fill))

    def _on_error(self, request_id: int, code: int, text: str, _contract: object) -> None:
        self._codes_seen.add(code)
        text = text[:LONGEST_TEXT]
        if code in codes.LINK_LOST:
            self.link_restored.clear()
            self._lose(f"the gateway lost its connection to IBKR ({text})")
        elif code == codes.CLIENT_ID_IN_USE:
            self._lose(text)
        elif code in codes.LINK_RESTORED:
            self.link_restored.set()
            self._lose(f"the gateway was reconnected to IBKR ({text}); everything is read afresh")
        elif code == codes.MARKET_DATA_FARM:
            self.is_simulated |= text.endswith(f":{codes.SIMULATED_FARM}")
        elif request_id > 0:
            self.ledger.note_error(request_id, code, text)
            self._wake_ups.wake()
        elif code not in codes.JUST_INFORMATION:
            said.warning("the gateway says: %s (code %d)", text, code)

    def _on_disconnected(self) -> None:
        self.link_restored.set()
        self._lose("the gateway closed the connection")

    def _lose(self, reason: str) -> None:
        if self.lost.is_set():
            return
        self.lost_reason = reason
        self.lost.set()
        self._wake_ups.wake()

    def _gone(self) -> str:
        return f"The connection to the gateway at {self.address} is lost: {self.lost_reason}. It is made again."

    def _explain(self, error: BaseException) -> str:
        if codes.CLIENT_ID_IN_USE in self._codes_seen:
            return (
                f"Another session uses the gateway at {self.address}. That is normal for a standby worker; "
                f"otherwise stop the other program, or give it another client id than {CLIENT_ID}."
            )
        return f"No gateway at {self.address} ({error or type(error).__name__}). Start it and switch its API on."
