"""Client requests, decoded from the wire into plain values. Server version 176."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from simulator.gateway.layouts import LAYOUTS
from simulator.gateway.refusals import Refusal, no_such_subscription, not_simulated, rejected, unreadable
from simulator.gateway.wire import UNSET_INTEGER, FieldReader, MalformedMessage, flag, number, paired, plain, whole

_MOST_SHOWN = 40  # characters of an id that a refusal repeats
_DERIVATIVE = ("lastTradeDateOrContractMonth", "strike", "right", "multiplier")


@dataclass(frozen=True)
class ContractQuery:
    """What a client says about a contract; empty fields match anything.

    ``derivative`` tells that it names an expiry, a strike, a right or a multiplier, which no stock has.
    """

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    derivative: bool = False


@dataclass(frozen=True)
class OrderTicket:
    """The terms of an order as the client sent them. Quantity in shares, prices in USD."""

    account: str
    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None = None
    tif: str = ""
    order_ref: str = ""
    outside_rth: bool = False
    what_if: bool = False
    algo_strategy: str = ""
    algo_params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Request:
    """One decoded request; what does not apply to it keeps its default.

    ``name`` is the API's own; ``options`` are all its items as they came, by the API's names; ``refusal`` is the answer
    to one that cannot be carried out, to be sent to ``answer_to``.
    """

    name: str
    request_id: int | None = None
    order_id: int | None = None
    account: str = ""
    contract: ContractQuery | None = None
    ticket: OrderTicket | None = None
    options: dict[str, str] = field(default_factory=dict[str, str])
    refusal: Refusal | None = None
    answer_to: int = -1

    @property
    def symbol(self) -> str:
        """The symbol asked about, empty if none."""
        return self.contract.symbol if self.contract else ""

    @property
    def order_ref(self) -> str:
        """The order ref of a placed or cancelled order, else empty."""
        return self.ticket.order_ref if self.ticket else self.options.get("orderRef", "")

    def asks(self, option: str) -> bool:
        """Whether a flag is set."""
        return flag(self.options.get(option, ""))


def decode_request(fields: list[str]) -> Request:
    """Decode one message after the handshake; what cannot be read or is not simulated carries its refusal."""
    layout = LAYOUTS.get(fields[0])
    if layout is None:
        return Request("unknown", refusal=unreadable(f"unknown message id {fields[0][:_MOST_SHOWN]!r}"))
    subject = layout.subject(fields)
    try:
        given, refusal = layout.read(FieldReader(fields[1:]))
        request = _request(layout.name, given, subject)
    except MalformedMessage as error:
        return Request(layout.name, refusal=unreadable(str(error)), answer_to=subject)
    if layout.simulated:
        return replace(request, refusal=request.refusal or refusal)
    cancels = layout.name.startswith("cancel") and subject >= 0
    return replace(request, refusal=no_such_subscription(subject) if cancels else not_simulated(layout.name))


def _request(name: str, given: dict[str, str], subject: int) -> Request:
    """The request out of its items, of which those after one that was refused may be missing."""
    whole(given.get("clientId", ""))  # wanted later, and to be told now if it is no number
    request = Request(
        name,
        request_id=whole(given["reqId"]) if "reqId" in given else None,
        account=given.get("account", given.get("acctCode", "")),
        contract=_contract(given) if "conId" in given else None,
        options=given,
        answer_to=subject,
    )
    if name == "placeOrder":
        return _with_ticket(_with_order_id(request))
    return replace(request, order_id=whole(given["orderId"])) if name == "cancelOrder" else request


def _with_order_id(request: Request) -> Request:
    """Order ids are positive numbers of 32 bits of which the highest stands for "unset".

    Code and text as gateways answer the id 0. Beyond 32 bits one was seen to answer 320 under no id at all, which no
    client can relate to its order.
    """
    text = request.options["orderId"]
    try:
        order_id = whole(text)
    except MalformedMessage:
        order_id = 0
    if 0 < order_id < UNSET_INTEGER:
        return replace(request, order_id=order_id)
    return replace(request, refusal=Refusal(10149, f"Invalid order id: {text[:_MOST_SHOWN]}"))


def _with_ticket(request: Request) -> Request:
    given = request.options
    ticket = OrderTicket(
        account=request.account,
        action=given.get("action", ""),
        quantity=number(given.get("totalQuantity", "")) or Decimal(0),
        order_type=given.get("orderType", ""),
        limit_price=number(given.get("lmtPrice", "")),
        tif=given.get("tif", ""),
        order_ref=given.get("orderRef", ""),
        outside_rth=request.asks("outsideRth"),
        what_if=request.asks("whatIf"),
        algo_strategy=given.get("algoStrategy", ""),
        algo_params=paired(given.get("algoParams", "")),
    )
    refusal = request.refusal
    if ticket.limit_price and ticket.order_type in (
        "MKT",
        "MOC",
    ):  # TWS API, "Order": "in all other cases specify zero"
        refusal = refusal or rejected(f"lmtPrice={given['lmtPrice']} of a {ticket.order_type} order is not simulated")
    return replace(request, name="whatIfOrder" if ticket.what_if else "placeOrder", ticket=ticket, refusal=refusal)


def _contract(given: dict[str, str]) -> ContractQuery:
    return ContractQuery(
        con_id=whole(given["conId"]),
        symbol=given.get("symbol", ""),
        sec_type=given.get("secType", ""),
        exchange=given.get("exchange", ""),
        primary_exchange=given.get("primaryExchange", ""),
        currency=given.get("currency", ""),
        local_symbol=given.get("localSymbol", ""),
        trading_class=given.get("tradingClass", ""),
        derivative=any(plain(given.get(name, "")) not in ("", "0", "?") for name in _DERIVATIVE),
    )
