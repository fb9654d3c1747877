"""What the tests of the simulated gateway share: a small market and ways to use the client library on it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ib_insync import IB, Contract, LimitOrder, MarketOrder, Order, Stock, Trade

from simulator.gateway.server import SimulatedGateway

SCENARIO = """
hours: always_open
accounts:
  - {account: DU1, cash: "100000.00", holdings: {QQQ: 10}}
  - {account: DU2, cash: "5000.00", kind: cash, holdings: {SPY: 20}}
instruments:
  - {symbol: SPY, price: "600.00", spread: "0.02"}
  - {symbol: QQQ, price: "500.00", spread: "0.02", primary_exchange: NASDAQ}
  - {symbol: AGG, price: "100.00", spread: "0.02", market_data: delayed}
  - {symbol: BND, price: "70.00", spread: "0.02", market_data: none}
"""


class Connect(Protocol):
    """Connects a fresh client to a gateway."""

    async def __call__(self, gateway: SimulatedGateway, client_id: int = 1, timeout: float = 4) -> IB:
        """The connected client."""
        ...


def stock(symbol: str) -> Stock:
    """The symbol as a SMART-routed US stock."""
    return Stock(symbol, "SMART", "USD")


def market_order(action: str, quantity: float, account: str = "DU1", ref: str = "", tif: str = "DAY") -> MarketOrder:
    """A market order for one account."""
    return MarketOrder(action, quantity, account=account, orderRef=ref, tif=tif)


def limit_order(action: str, quantity: float, price: float, account: str = "DU1", ref: str = "") -> LimitOrder:
    """A day limit order for one account."""
    return LimitOrder(action, quantity, price, account=account, orderRef=ref, tif="DAY")


def with_id(order: Order, order_id: int) -> Order:
    """The same order under a chosen order id."""
    order.orderId = order_id
    return order


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Let the loop run until the condition holds; fail after so many seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is awaited raises no event
            await asyncio.sleep(0.002)


async def filled(trade: Trade) -> Trade:
    """The trade once it is filled and all its commissions have come."""
    await until(lambda: trade.orderStatus.status == "Filled" and all(f.commissionReport.execId for f in trade.fills))
    return trade


class ErrorLog:
    """Every error message a client was sent, as (id, code, text)."""

    def __init__(self, ib: IB) -> None:
        self.entries: list[tuple[int, int, str]] = []
        ib.errorEvent += self._note

    def _note(self, request_id: int, code: int, text: str, _: object) -> None:
        self.entries.append((request_id, code, text))

    @property
    def codes(self) -> list[int]:
        """The codes alone."""
        return [code for _, code, _ in self.entries]


class Outbox:
    """Collects what the client library would send."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []

    def __call__(self, text: str) -> None:
        self.sent.append(text[:-1].split("\0"))


def sent_by_client(contract: Contract, order: Order) -> list[str]:
    """The fields of placeOrder as the unmodified client writes them at version 176."""
    client, outbox = IB().client, Outbox()
    client.connState = client.CONNECTED
    client._serverVersion = 176  # pyright: ignore[reportPrivateUsage]
    client.sendMsg = outbox  # pyright: ignore[reportAttributeAccessIssue]
    client.placeOrder(7, contract, order)
    client.connState = client.DISCONNECTED
    return outbox.sent[0]
