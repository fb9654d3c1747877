"""The gateway's control port: HTTP on loopback to look inside and to make things go wrong.

``GET /accounts /orders /executions /requests /connections /faults``; ``POST /faults`` takes one rule or a list,
``DELETE /faults`` drops them all, ``POST /prices`` takes ``{"EDC": "51.20", …}``, ``POST /quotes`` what clients are
told of prices, as in ``{"EDC": {"fault": "crossed"}, "SPY": {"market_data": "delayed"}}``, ``POST /figures`` what they
are told of accounts, as in ``{"DU1": [{"tag": "CashBalance", "value": "1e15"}]}``, ``POST /sessions`` when everything
trades from now on, as in ``[{"opens": "2026-11-24T14:30Z", "closes": "2026-11-24T18:00Z"}]``; ``DELETE /sessions`` goes
back to the scenario's hours. Amounts are strings, times ISO 8601.
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Protocol, cast

from aiohttp import web
from pydantic import Field, TypeAdapter, ValidationError

from simulator.gateway.engine import Engine
from simulator.gateway.faults import FaultBook, FaultRule
from simulator.gateway.quoting import QuotingChange
from simulator.gateway.request_log import ConnectionRecord, RequestRecord
from simulator.gateway.scenario import SessionSetup, ToldFigure
from simulator.gateway.trading_hours import Session
from simulator.loopback import programs_only

_CHANGES: TypeAdapter[dict[str, QuotingChange]] = TypeAdapter(dict[str, QuotingChange])
_FIGURES: TypeAdapter[dict[str, tuple[ToldFigure, ...]]] = TypeAdapter(dict[str, tuple[ToldFigure, ...]])
_RULES: TypeAdapter[list[FaultRule]] = TypeAdapter(list[FaultRule])
_SESSIONS: TypeAdapter[list[SessionSetup]] = TypeAdapter(Annotated[list[SessionSetup], Field(min_length=1)])
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Controlled(Protocol):
    """What the control port needs of a gateway."""

    engine: Engine
    faults: FaultBook
    requests: list[RequestRecord]
    connections: list[ConnectionRecord]

    def add_fault(self, rule: FaultRule) -> None:
        """Put a fault rule in force."""
        ...


class ControlPort:
    """The HTTP server; ``port`` 0 takes a free one."""

    def __init__(self, gateway: Controlled, host: str, port: int) -> None:
        self._gateway = gateway
        self._host = host
        self._requested_port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen."""
        app = web.Application(middlewares=[programs_only()])
        app.add_routes(
            [
                web.get("/accounts", _answer(self._accounts)),
                web.get("/orders", _answer(self._orders)),
                web.get("/executions", _answer(self._executions)),
                web.get("/requests", _answer(self._requests)),
                web.get("/connections", _answer(self._connections)),
                web.get("/faults", _answer(self._rules)),
                web.post("/faults", self._add_faults),
                web.delete("/faults", self._clear_faults),
                web.post("/prices", self._move_prices),
                web.post("/quotes", self._change_quotes),
                web.post("/figures", self._tell_figures),
                web.post("/sessions", self._keep_sessions),
                web.delete("/sessions", self._usual_hours),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._requested_port).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the control port is not open")
        return cast("tuple[str, int]", self._runner.addresses[0])[1]

    # -- reading -----------------------------------------------------------------------------------------------------

    def _accounts(self) -> object:
        engine = self._gateway.engine
        return {
            account: {
                "kind": ledger.kind,
                "cash": ledger.cash,
                "positions": ledger.positions,
                "net_liquidation": ledger.equity(engine.market),
                "prices": {symbol: engine.market.price(symbol) for symbol in ledger.positions},
            }
            for account, ledger in engine.accounts.items()
        }

    def _orders(self) -> object:
        return [each.model_dump(mode="json") for each in self._gateway.engine.orders]

    def _executions(self) -> object:
        return [each.model_dump(mode="json") for each in self._gateway.engine.executions]

    def _requests(self) -> object:
        return [dataclasses.asdict(each) for each in self._gateway.requests]

    def _connections(self) -> object:
        return [dataclasses.asdict(each) for each in self._gateway.connections]

    def _rules(self) -> object:
        return [{**rule.model_dump(mode="json"), "struck": struck} for rule, struck in self._gateway.faults.rules]

    # -- acting ------------------------------------------------------------------------------------------------------

    async def _add_faults(self, request: web.Request) -> web.Response:
        body = await _json(request)
        try:
            rules = _RULES.validate_python(body if isinstance(body, list) else [body])
        except ValidationError as error:
            return _refused(error)
        for rule in rules:
            self._gateway.add_fault(rule)
        return _response({"added": len(rules)}, status=201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._gateway.faults.clear()
        return _response({"faults": []})

    async def _move_prices(self, request: web.Request) -> web.Response:
        try:
            prices = _prices(await _json(request), self._gateway.engine)
        except ValueError as error:
            return _response({"errors": [str(error)]}, status=400)
        for symbol, price in prices.items():
            self._gateway.engine.move_price(symbol, price)
        return _response({"prices": self._gateway.engine.market.prices})

    async def _change_quotes(self, request: web.Request) -> web.Response:
        engine = self._gateway.engine
        try:
            changes = _CHANGES.validate_python(await _json(request))
        except ValidationError as error:
            return _refused(error)
        strange = [symbol for symbol in changes if symbol not in engine.market.instruments]
        if strange:
            return _response({"errors": [f"{symbol}: no such instrument" for symbol in strange]}, status=400)
        for symbol, change in changes.items():
            engine.quotations.change(symbol, change)
        return _response({symbol: dataclasses.asdict(engine.quotations.of(symbol)) for symbol in changes})

    async def _tell_figures(self, request: web.Request) -> web.Response:
        engine = self._gateway.engine
        try:
            told = _FIGURES.validate_python(await _json(request))
        except ValidationError as error:
            return _refused(error)
        strange = [account for account in told if account not in engine.accounts]
        if strange:
            return _response({"errors": [f"{account}: no such account" for account in strange]}, status=400)
        for account, figures in told.items():
            engine.bulletin.tell(account, figures)
        return _response({account: [each.model_dump() for each in figures] for account, figures in told.items()})

    async def _keep_sessions(self, request: web.Request) -> web.Response:
        try:
            sessions = _SESSIONS.validate_python(await _json(request))
        except ValidationError as error:
            return _refused(error)
        self._gateway.engine.market.keep_sessions([Session(each.opens, each.closes) for each in sessions])
        return _response({"sessions": [each.model_dump() for each in sessions]})

    async def _usual_hours(self, _: web.Request) -> web.Response:
        self._gateway.engine.market.keep_sessions(())
        return _response({"sessions": []})


def _prices(body: object, engine: Engine) -> dict[str, Decimal]:
    """All prices of a request, checked before any of them is applied."""
    if not isinstance(body, dict):
        raise ValueError('expected {"SYMBOL": "price", ...}')
    prices: dict[str, Decimal] = {}
    for symbol, text in cast("dict[str, object]", body).items():
        try:
            price = Decimal(str(text))
        except InvalidOperation as error:
            raise ValueError(f"{symbol}: not a price: {text!r}") from error
        if symbol not in engine.market.instruments:
            raise ValueError(f"{symbol}: no such instrument")
        if not price.is_finite() or price <= 0:
            raise ValueError(f"{symbol}: a price is a positive number, not {text!r}")
        prices[symbol] = price
    return prices


async def _json(request: web.Request) -> object:
    try:
        return await request.json()
    except (ValueError, RecursionError):  # no text of its encoding, no JSON, or JSON without end
        return None


def _answer(content: Callable[[], object]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return _response(content())

    return handle


def _refused(error: ValidationError) -> web.Response:
    findings = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    return _response({"errors": findings}, status=400)


def _response(content: object, status: int = 200) -> web.Response:
    return web.json_response(content, status=status, dumps=lambda value: json.dumps(value, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form here")
