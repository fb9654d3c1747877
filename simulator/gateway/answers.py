"""Answers to queries, as ready messages: what the engine knows, in the protocol's words. Nothing is changed here."""

from datetime import datetime

from simulator.gateway import messages, order_messages
from simulator.gateway.clock import read_moment
from simulator.gateway.engine import Engine
from simulator.gateway.market import exchange_of
from simulator.gateway.orders import Execution, Order
from simulator.gateway.refusals import unreadable
from simulator.gateway.requests import Request
from simulator.gateway.wire import whole


def order_report(engine: Engine, order: Order) -> bytes:
    """openOrder and orderStatus of one order."""
    instrument = engine.market.instruments[order.symbol]
    return order_messages.open_order(order, instrument) + order_messages.order_status(order)


def open_orders(engine: Engine, client_id: int | None) -> bytes:
    """Working orders of one client or of all, with the end marker.

    Gateways from 10.48 on list de-activated orders too when a client asks for its own; here none ever is.
    """
    reports = [order_report(engine, each) for each in engine.open_orders(client_id)]
    return b"".join([*reports, messages.open_order_end()])


def completed_orders(engine: Engine) -> bytes:
    """The day's ended orders with the end marker."""
    instruments = engine.market.instruments
    orders = [order_messages.completed_order(each, instruments[each.symbol]) for each in engine.completed_orders()]
    return b"".join([*orders, messages.completed_orders_end()])


def executions(engine: Engine, request: Request) -> bytes:
    """The day's fills that pass the request's filter, with the commissions known so far and the end marker."""
    request_id, since = request.request_id or 0, None
    if request.options["time"]:
        since = read_moment(request.options["time"])
        if since is None:
            # Code and text are a guess.
            return messages.refusal(request_id, unreadable(f"Invalid time '{request.options['time']}'"))
    found = [each for each in engine.executions_today() if _passes(each, request, since)]
    parts = [
        order_messages.execution_details(request_id, each, engine.market.instruments[each.symbol]) for each in found
    ]
    parts.append(messages.end_of(55, request_id))
    parts += [order_messages.commission_report(each) for each in found if each.commission_reported]
    return b"".join(parts)


def _passes(execution: Execution, request: Request, since: datetime | None) -> bool:
    """Whether an execution is asked for. Client 0 means every client; that SMART means every exchange is a guess."""
    wanted = request.options
    side = {"BUY": "BOT", "SELL": "SLD"}.get(wanted["side"], wanted["side"])
    return (
        whole(wanted["clientId"]) in (0, execution.client_id)
        and request.account in ("", execution.account)
        and wanted["symbol"] in ("", execution.symbol)
        and wanted["secType"] in ("", "STK")
        and exchange_of(wanted["exchange"]) in ("", "SMART", exchange_of(execution.exchange))
        and side in ("", execution.side)
        and (since is None or execution.time >= since)
    )


def positions(engine: Engine) -> bytes:
    """All holdings of all accounts with the end marker."""
    parts = [
        messages.position(ledger, engine.market.instruments[symbol])
        for ledger in engine.accounts.values()
        for symbol in ledger.held
    ]
    parts += [messages.other_position(ledger, other) for ledger in engine.accounts.values() for other in ledger.others]
    return b"".join([*parts, messages.position_end()])


def positions_multi(engine: Engine, request_id: int, account: str) -> bytes:
    """One account's holdings with the end marker."""
    ledger = engine.accounts[account]
    parts = [messages.position_multi(request_id, ledger, engine.market.instruments[symbol]) for symbol in ledger.held]
    parts += [messages.other_position_multi(request_id, ledger, other) for other in ledger.others]
    return b"".join([*parts, messages.end_of(72, request_id)])


def portfolio(engine: Engine, account: str) -> bytes:
    """One account's holdings with their market values."""
    ledger = engine.accounts[account]
    instruments = engine.market.instruments
    parts = [messages.portfolio(ledger, instruments[symbol], engine.market) for symbol in ledger.held]
    return b"".join([*parts, *(messages.other_portfolio(ledger, other) for other in ledger.others)])


def contract_details(engine: Engine, request: Request) -> bytes:
    """Every contract the query fits, or error 200."""
    request_id = request.request_id or 0
    found = engine.market.find(request.contract) if request.contract else []
    if not found:
        return messages.error(request_id, 200, "No security definition has been found for the request")
    now = engine.clock.now()
    details = [messages.contract_details(request_id, each, now) for each in found]
    return b"".join([*details, messages.end_of(52, request_id)])
