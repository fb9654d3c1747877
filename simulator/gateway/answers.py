"""Answers to queries, as ready messages: what the engine knows, in the protocol's words. Nothing is changed here."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from simulator.gateway import messages, order_messages
from simulator.gateway.clock import NEW_YORK
from simulator.gateway.engine import Engine
from simulator.gateway.order_messages import gateway_time
from simulator.gateway.orders import Execution, Order
from simulator.gateway.requests import Request


def order_report(engine: Engine, order: Order) -> bytes:
    """openOrder and orderStatus of one order."""
    instrument = engine.market.instruments[order.symbol]
    return order_messages.open_order(order, instrument) + order_messages.order_status(order)


def open_orders(engine: Engine, client_id: int | None) -> bytes:
    """Working orders of one client or of all, with the end marker."""
    reports = [order_report(engine, each) for each in engine.open_orders(client_id)]
    return b"".join([*reports, messages.open_order_end()])


def completed_orders(engine: Engine) -> bytes:
    """The day's ended orders with the end marker."""
    instruments = engine.market.instruments
    orders = [order_messages.completed_order(each, instruments[each.symbol]) for each in engine.completed_orders()]
    return b"".join([*orders, messages.completed_orders_end()])


def executions(engine: Engine, request: Request) -> bytes:
    """The day's fills that pass the request's filter, with the commissions known so far and the end marker."""
    request_id = request.request_id or 0
    found = [each for each in engine.executions_today() if _passes(each, request)]
    parts = [
        order_messages.execution_details(request_id, each, engine.market.instruments[each.symbol]) for each in found
    ]
    parts.append(messages.end_of(55, request_id))
    parts += [order_messages.commission_report(each) for each in found if each.commission_reported]
    return b"".join(parts)


def _passes(execution: Execution, request: Request) -> bool:
    wanted = request.options
    since = wanted.get("time", "")
    return (
        wanted.get("client_id", "") in ("", str(execution.client_id))
        and request.account in ("", execution.account)
        and wanted.get("symbol", "") in ("", execution.symbol)
        and wanted.get("sec_type", "") in ("", "STK")
        and wanted.get("exchange", "") in ("", execution.exchange)
        and {"BUY": "BOT", "SELL": "SLD"}.get(wanted.get("side", ""), execution.side) == execution.side
        and (not since or _plain_time(execution.time) >= since.replace("-", " ")[:17])
    )


def _plain_time(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%Y%m%d %H:%M:%S}"


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


def historical_data(engine: Engine, request: Request) -> bytes:
    """Daily or hourly bars, or the error that says what cannot be had."""
    request_id = request.request_id or 0
    found = engine.market.find(request.contract) if request.contract else []
    if len(found) != 1:
        return messages.error(request_id, 200, "No security definition has been found for the request")
    size, duration = request.options["bar_size"], request.options["duration"]
    days = _duration_days(duration)
    if size not in ("1 day", "1 hour") or days is None:
        text = f"Historical Market Data Service error message:unsupported bar size '{size}' or duration '{duration}'"
        return messages.error(request_id, 162, text)
    now = engine.clock.now()
    hourly = size == "1 hour"
    bars = engine.market.bars(found[0].symbol, days * (7 if hourly else 1), hourly=hourly, now=now)
    if hourly and request.options["format_date"] != "2":
        bars = [replace(bar, date=gateway_time(datetime.fromtimestamp(int(bar.date), UTC))) for bar in bars]
    return messages.historical_data(request_id, bars, now - timedelta(days=days), now)


def _duration_days(text: str) -> int | None:
    """Trading days in a duration such as ``5 D``, ``2 W``, ``1 M``, ``1 Y``."""
    number, _, unit = text.partition(" ")
    per_unit = {"D": Decimal(1), "W": Decimal(5), "M": Decimal(21), "Y": Decimal(252)}
    if not number.isdigit() or unit not in per_unit or int(number) == 0:
        return None
    return int(int(number) * per_unit[unit])
