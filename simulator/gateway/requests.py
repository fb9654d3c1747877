"""Client requests, decoded from the wire into plain values. Server version 176.

Field orders are those the unmodified ib_insync 0.9.86 sends.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from simulator.gateway.wire import FieldReader, MalformedMessage


class UnsupportedRequest(ValueError):
    """A request this simulation knows of but does not answer; carries the id to answer the refusal to."""

    def __init__(self, message: str, request_id: int) -> None:
        super().__init__(message)
        self.request_id = request_id


@dataclass(frozen=True)
class ContractQuery:
    """What a client says about a contract; empty fields match anything."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""


@dataclass(frozen=True)
class OrderTicket:
    """The terms of an order as the client sent them. Quantity in shares, prices in USD."""

    account: str
    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None = None
    aux_price: Decimal | None = None
    tif: str = ""
    order_ref: str = ""
    outside_rth: bool = False
    what_if: bool = False
    oca_group: str = ""
    transmit: bool = True
    algo_strategy: str = ""
    algo_params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Request:
    """One decoded request. ``name`` is the API's own; what does not apply to it keeps its default."""

    name: str
    request_id: int | None = None
    order_id: int | None = None
    account: str = ""
    contract: ContractQuery | None = None
    ticket: OrderTicket | None = None
    options: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def symbol(self) -> str:
        """The symbol asked about, empty if none."""
        return self.contract.symbol if self.contract else ""

    @property
    def order_ref(self) -> str:
        """The order ref of a placed or cancelled order, else empty."""
        return self.ticket.order_ref if self.ticket else self.options.get("order_ref", "")


def _contract(reader: FieldReader) -> ContractQuery:
    con_id, symbol, sec_type = reader.integer(), reader.text(), reader.text()
    reader.skip(4)  # expiry, strike, right, multiplier
    exchange, primary, currency, local = reader.text(), reader.text(), reader.text(), reader.text()
    reader.skip(1)  # trading class
    return ContractQuery(con_id, symbol, sec_type, exchange, primary, currency, local)


def _place_order(reader: FieldReader) -> Request:
    order_id = reader.integer()
    contract = _contract(reader)
    if contract.sec_type == "BAG":
        raise UnsupportedRequest("combination orders are not simulated", order_id)
    reader.skip(2)  # secIdType, secId
    action, quantity, order_type = reader.text(), reader.decimal(), reader.text()
    limit_price, aux_price, tif = reader.decimal(), reader.decimal(), reader.text()
    oca_group, account = reader.text(), reader.text()
    reader.skip(2)  # openClose, origin
    order_ref, transmit = reader.text(), reader.flag()
    reader.skip(5)  # parentId, blockOrder, sweepToFill, displaySize, triggerMethod
    outside_rth = reader.flag()
    reader.skip(1 + 30)  # hidden; then everything from the empty shares allocation to volatilityType
    if reader.text():  # deltaNeutralOrderType
        reader.skip(8)
    reader.skip(1 + 6)  # deltaNeutralAuxPrice; continuousUpdate … scaleSubsLevelSize
    scale_increment = reader.decimal()
    if scale_increment is not None and scale_increment > 0:
        reader.skip(7)
    reader.skip(3)  # scaleTable, activeStartTime, activeStopTime
    if reader.text():  # hedgeType
        reader.skip(1)
    reader.skip(4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if reader.flag():  # delta-neutral contract
        reader.skip(3)
    algo_strategy = reader.text()
    algo_params = tuple((reader.text(), reader.text()) for _ in range(reader.integer() if algo_strategy else 0))
    reader.skip(1)  # algoId
    ticket = OrderTicket(
        account=account,
        action=action,
        quantity=quantity or Decimal(0),
        order_type=order_type,
        limit_price=limit_price,
        aux_price=aux_price,
        tif=tif,
        order_ref=order_ref,
        outside_rth=outside_rth,
        what_if=reader.flag(),
        oca_group=oca_group,
        transmit=transmit,
        algo_strategy=algo_strategy,
        algo_params=algo_params,
    )
    name = "whatIfOrder" if ticket.what_if else "placeOrder"
    return Request(name, order_id=order_id, account=account, contract=contract, ticket=ticket)


def _executions(reader: FieldReader) -> Request:
    reader.skip(1)
    request_id, client_id, account = reader.integer(), reader.integer(), reader.text()
    options = {"client_id": str(client_id or ""), "time": reader.text(), "symbol": reader.text()}
    options |= {"sec_type": reader.text(), "exchange": reader.text(), "side": reader.text()}
    return Request("reqExecutions", request_id=request_id, account=account, options=options)


def _contract_details(reader: FieldReader) -> Request:
    reader.skip(1)
    return Request("reqContractDetails", request_id=reader.integer(), contract=_contract(reader))


def _market_data(reader: FieldReader) -> Request:
    reader.skip(1)
    request_id, contract = reader.integer(), _contract(reader)
    if contract.sec_type == "BAG":
        raise UnsupportedRequest("combinations have no quotes here", request_id)
    if reader.flag():  # delta-neutral contract
        reader.skip(3)
    options = {"generic_ticks": reader.text(), "snapshot": "1" if reader.flag() else ""}
    return Request("reqMktData", request_id=request_id, contract=contract, options=options)


def _historical_data(reader: FieldReader) -> Request:
    request_id, contract = reader.integer(), _contract(reader)
    reader.skip(1)  # includeExpired
    keys = ("end", "bar_size", "duration", "use_rth", "what_to_show", "format_date")
    return Request(
        "reqHistoricalData",
        request_id=request_id,
        contract=contract,
        options={key: reader.text() for key in keys},
    )


def _account_updates(reader: FieldReader) -> Request:
    reader.skip(1)
    subscribe = "1" if reader.flag() else ""
    return Request("reqAccountUpdates", account=reader.text(), options={"subscribe": subscribe})


def _account_summary(reader: FieldReader) -> Request:
    reader.skip(1)
    return Request(
        "reqAccountSummary",
        request_id=reader.integer(),
        options={"group": reader.text(), "tags": reader.text()},
    )


def _per_account(name: str, reader: FieldReader) -> Request:
    reader.skip(1)
    return Request(name, request_id=reader.integer(), account=reader.text())


def _cancel_order(reader: FieldReader) -> Request:
    reader.skip(1)
    return Request("cancelOrder", order_id=reader.integer())


_BARE = {
    5: "reqOpenOrders",
    8: "reqIds",
    14: "setServerLogLevel",
    15: "reqAutoOpenOrders",
    16: "reqAllOpenOrders",
    17: "reqManagedAccts",
    49: "reqCurrentTime",
    58: "reqGlobalCancel",
    61: "reqPositions",
    64: "cancelPositions",
    99: "reqCompletedOrders",
}
_WITH_ID = {
    2: "cancelMktData",
    25: "cancelHistoricalData",
    63: "cancelAccountSummary",
    75: "cancelPositionsMulti",
    77: "cancelAccountUpdatesMulti",
}
# Requests outside what is simulated: name, and how many fields stand between the message id and the request id.
_UNSUPPORTED = {
    10: ("reqMktDepth", 1),
    50: ("reqRealTimeBars", 1),
    52: ("reqFundamentalData", 1),
    78: ("reqSecDefOptParams", 0),
    81: ("reqMatchingSymbols", 0),
    87: ("reqHeadTimeStamp", 0),
    88: ("reqHistogramData", 0),
    92: ("reqPnL", 0),
    94: ("reqPnLSingle", 0),
    96: ("reqHistoricalTicks", 0),
    97: ("reqTickByTickData", 0),
}


def decode_request(fields: list[str]) -> Request:
    """Decode one message after the handshake.

    Raises `UnsupportedRequest` for what the simulation does not answer and `MalformedMessage` for what it cannot read.
    """
    reader = FieldReader(fields)
    message_id = reader.integer(-1)
    if message_id in _BARE:
        return Request(_BARE[message_id])
    if message_id in _WITH_ID:
        reader.skip(1)
        return Request(_WITH_ID[message_id], request_id=reader.integer())
    match message_id:
        case 1:
            return _market_data(reader)
        case 3:
            return _place_order(reader)
        case 4:
            return _cancel_order(reader)
        case 6:
            return _account_updates(reader)
        case 7:
            return _executions(reader)
        case 9:
            return _contract_details(reader)
        case 20:
            return _historical_data(reader)
        case 59:
            reader.skip(1)
            return Request("reqMarketDataType", options={"type": reader.text()})
        case 62:
            return _account_summary(reader)
        case 71:
            reader.skip(1)
            return Request("startApi", options={"client_id": reader.text()})
        case 74:
            return _per_account("reqPositionsMulti", reader)
        case 76:
            return _per_account("reqAccountUpdatesMulti", reader)
        case _:
            pass
    if message_id in _UNSUPPORTED:
        name, skipped = _UNSUPPORTED[message_id]
        reader.skip(skipped)
        raise UnsupportedRequest(f"{name} is not simulated", reader.integer(-1))
    raise MalformedMessage(f"unknown message id {message_id}")
