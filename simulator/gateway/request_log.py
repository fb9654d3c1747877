"""What the gateway has seen: every connection and every request, for tests and for the curious."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from simulator.gateway.requests import Request


@dataclass
class ConnectionRecord:
    """One client connection that got past the handshake. ``closed`` is ``None`` while it lasts."""

    number: int
    client_id: int
    opened: datetime
    closed: datetime | None = None


@dataclass(frozen=True)
class RequestRecord:
    """One request as it arrived; what does not apply to it is ``None`` or empty."""

    time: datetime
    connection: int
    client_id: int
    name: str
    request_id: int | None
    order_id: int | None
    account: str
    symbol: str
    order_ref: str
    side: str
    quantity: Decimal | None
    order_type: str
    tif: str
    what_if: bool
    limit_price: Decimal | None = None
    outside_rth: bool = False
    algo_strategy: str = ""


def record_of(request: Request, time: datetime, connection: int, client_id: int) -> RequestRecord:
    """The log entry for a request."""
    ticket = request.ticket
    return RequestRecord(
        time=time,
        connection=connection,
        client_id=client_id,
        name=request.name,
        request_id=request.request_id,
        order_id=request.order_id,
        account=request.account,
        symbol=request.symbol,
        order_ref=request.order_ref,
        side=ticket.action if ticket else "",
        quantity=ticket.quantity if ticket else None,
        order_type=ticket.order_type if ticket else "",
        tif=ticket.tif if ticket else "",
        what_if=ticket.what_if if ticket else False,
        limit_price=ticket.limit_price if ticket and ticket.order_type == "LMT" else None,
        outside_rth=ticket.outside_rth if ticket else False,
        algo_strategy=ticket.algo_strategy if ticket else "",
    )
