"""From ``ib_insync``'s types to the domain's, and back. Numbers become ``Decimal`` here; a NaN becomes ``None``."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from activities.gateway.account_values import UNSET, AccountFigure
from activities.gateway.cash import CashFlow
from activities.gateway.ib_api import ibi
from activities.gateway.ledger import Execution, LedgerOrder
from rebalancing.funding.margin_preview import WhatIfAnswer, WhatIfOrder
from rebalancing.funding.settlement import DayTrade
from rebalancing.market.snapshot import ContractDetails, Quote, QuoteKind
from rebalancing.market.trading_hours import DEFAULT_ZONE, HoursInvalid, exchange_zone, read_sessions
from rebalancing.orders.order import Intent, OrderType, Side

ADAPTIVE: Final = "Adaptive"
"""The name of IBKR's Adaptive algorithm on the wire."""

HALTED: Final = (1.0, 2.0)
"""What tick 49 says of a general halt and of one for volatility; 0 is none, and nothing (NaN) comes if never halted."""

SIDES: Final = {"BOT": Side.BUY, "SLD": Side.SELL}
"""The side of an execution as orders name it."""

_DECIMALS = 6
"""Prices come as binary floats; six decimals are finer than any tick and drop the float's noise."""

_NOBODY_LISTENS: Final = ibi.Event("nobody listens")


@dataclass(frozen=True)
class Holding:
    """One position of an account. ``words`` tell what it is where it is not managed.

    ``average_cost`` is what one share was bought for in US dollars, ``None`` where that is not told.
    """

    symbol: str
    shares: Decimal
    is_managed: bool
    words: str
    average_cost: Decimal | None


def stock(symbol: str, con_id: int = 0) -> ibi.Contract:
    """The smart-routed US stock or ETF of this symbol, named by its contract's id where that is known."""
    return ibi.Stock(symbol, "SMART", "USD", conId=con_id)


def symbol_of(contract: ibi.Contract) -> str:
    """The symbol as IBKR writes it, which is how ``rebalancing.symbols`` writes what people name."""
    return contract.symbol


def is_managed(contract: ibi.Contract) -> bool:
    """Whether this is what portfolios are made of: a stock or ETF in US dollars."""
    return contract.secType == "STK" and contract.currency == "USD"


def decimal_or_none(value: float | None) -> Decimal | None:
    """A finite number as ``Decimal``; ``None`` for NaN, infinity and the protocol's "unset"."""
    if value is None or not math.isfinite(value) or abs(value) > UNSET:
        return None
    return Decimal(repr(round(value, _DECIMALS)))


def price_or_none(value: float | None) -> Decimal | None:
    """A price, or ``None`` where the gateway says "no data" (-1, 0 or NaN)."""
    number = decimal_or_none(value)
    return number if number is not None and number > 0 else None


@dataclass(frozen=True)
class Ticks:
    """What has come of one contract's quotes; ``ib_insync`` keeps the ticker up to date."""

    contract: ibi.Contract
    ticker: ibi.Ticker

    @property
    def is_answered(self) -> bool:
        """Whether the gateway said anything at all: it sends the tick parameters first."""
        return not math.isnan(self.ticker.minTick) or self.ticker.time is not None

    @property
    def is_complete(self) -> bool:
        """Whether all prices of a quote are told."""
        ticker = self.ticker
        return not any(math.isnan(price) for price in (ticker.bid, ticker.ask, ticker.last, ticker.close))

    @property
    def has_both_sides(self) -> bool:
        """Whether somebody bids and somebody asks."""
        return self.ticker.bid > 0 and self.ticker.ask > 0

    @property
    def latest_at(self) -> datetime | None:
        """When the latest tick came."""
        return self.ticker.time

    def quote(self, symbol: str, at: datetime) -> Quote:
        """The prices that were told; ``at`` is when the market last said something of them."""
        ticker = self.ticker
        bid, ask, last = price_or_none(ticker.bid), price_or_none(ticker.ask), price_or_none(ticker.last)
        kind = QuoteKind.LIVE if ticker.marketDataType in (1, 2) else QuoteKind.DELAYED
        if bid is None and ask is None and kind is QuoteKind.LIVE:
            kind = QuoteKind.CLOSE
        return Quote(
            symbol=symbol,
            is_halted=ticker.halted in HALTED,
            bid=bid,
            ask=ask,
            last=last,
            close=price_or_none(ticker.close),
            kind=kind,
            at=at,
        )


def con_ids(found: Iterable[ibi.ContractDetails]) -> set[int]:
    """Which contracts were found."""
    return {details.contract.conId for details in found if details.contract}


def contract_details(symbol: str, details: ibi.ContractDetails) -> ContractDetails:
    """What the planner and the order writer need of a contract's details."""
    contract = details.contract
    assert contract is not None
    try:
        sessions = read_sessions(details.liquidHours, details.timeZoneId)
        extended_sessions = read_sessions(details.tradingHours, details.timeZoneId)
        zone, problem = exchange_zone(details.timeZoneId).key, ""
    except HoursInvalid as unreadable:  # told when the symbol must trade: one that is only held does no harm
        sessions = extended_sessions = ()
        zone, problem = DEFAULT_ZONE, str(unreadable)
    return ContractDetails(
        symbol=symbol,
        con_id=contract.conId,
        primary_exchange=contract.primaryExchange,
        min_tick=decimal_or_none(details.minTick) or Decimal("0.01"),
        time_zone=zone,
        sessions=sessions,
        extended_sessions=extended_sessions,
        hours_problem=problem,
    )


def order(intent: Intent, client_id: int, limit_price: Decimal | None = None) -> ibi.Order:
    """The order that carries out an intent: every parameter explicit, so that a resend is identical.

    With another ``limit_price`` than the intent's it is the same order at a new price.
    """
    price = intent.limit_price if limit_price is None else limit_price
    adaptive = intent.adaptive_priority
    return ibi.Order(
        orderId=intent.order_id,
        clientId=client_id,
        action=intent.side.value,
        totalQuantity=intent.quantity,
        orderType=intent.order_type.value,
        lmtPrice=float(price) if intent.order_type is OrderType.LIMIT and price else 0.0,
        tif=intent.time_in_force,
        account=intent.account,
        orderRef=intent.ref,
        outsideRth=intent.outside_rth,
        algoStrategy=ADAPTIVE if adaptive else "",
        algoParams=[ibi.TagValue("adaptivePriority", adaptive.value.capitalize())] if adaptive else [],
        transmit=True,
    )


class _QuietTrade(ibi.Trade):
    """``ib_insync`` writes out a whole trade for its log whenever anything is told of it, also where nobody logs."""

    __repr__ = object.__repr__


def lighten(trade: ibi.Trade) -> None:
    """Take from a trade what nobody needs: being written out, and the events of its own, which nobody listens to.

    ``ib_insync`` keeps every trade until the connection ends; most of what one weighs are the 21 objects of its events.
    """
    trade.__class__ = _QuietTrade
    for name in trade.events:
        setattr(trade, name, _NOBODY_LISTENS)


def order_named(order_id: int, client_id: int) -> ibi.Order:
    """An order as far as a cancellation needs it."""
    return ibi.Order(orderId=order_id, clientId=client_id)


def what_if(order: WhatIfOrder, account: str, order_id: int, client_id: int) -> ibi.Order:
    """An order that only asks what it would do to the account."""
    return ibi.Order(
        orderId=order_id,
        clientId=client_id,
        action=order.side.value,
        totalQuantity=order.quantity,
        orderType=OrderType.MARKET.value,
        tif="DAY",
        account=account,
        whatIf=True,
    )


def what_if_answer(order: WhatIfOrder, state: object, refusal: str | None) -> WhatIfAnswer:
    """What IBKR says of such an order: anything but the state of an order means that it was refused."""
    if not isinstance(state, ibi.OrderState):
        return WhatIfAnswer(order=order, refusal=refusal or "refused without a reason")
    return WhatIfAnswer(
        order=order,
        margin_before=_figure(state.initMarginBefore),
        margin_change=_figure(state.initMarginChange),
        equity_before=_figure(state.equityWithLoanBefore),
        equity_change=_figure(state.equityWithLoanChange),
        commission=_figure(state.commission),
    )


def _figure(value: str | float) -> Decimal | None:
    """A figure of an order state: ``ib_insync`` leaves some of them as text."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < UNSET else None


def account_figure(row: ibi.AccountValue) -> AccountFigure | None:
    """A figure of an account; ``None`` for one of a part of it (a model portfolio)."""
    return None if row.modelCode else AccountFigure(row.account, row.tag, row.currency, row.value)


def holding(position: ibi.Position) -> Holding:
    """A position of an account."""
    contract = position.contract
    return Holding(
        symbol=symbol_of(contract),
        shares=Decimal(str(position.position)),
        is_managed=is_managed(contract),
        words="" if is_managed(contract) else _words(position),
        average_cost=decimal_or_none(position.avgCost),
    )


def _words(position: ibi.Position) -> str:
    contract = position.contract
    return f"{position.position:g} {contract.localSymbol or contract.symbol} {contract.secType}"


def shares_of(positions: Iterable[ibi.Position], con_id: int) -> int:
    """The whole shares of one contract among an account's positions."""
    return next((int(each.position) for each in positions if each.contract.conId == con_id), 0)


def ledger_order(trade: ibi.Trade) -> LedgerOrder:
    """An order as an open or completed order report shows it."""
    own = trade.order
    return LedgerOrder(
        ref=_ref(own),
        order_id=own.orderId,
        perm_id=own.permId,
        client_id=own.clientId,
        account=own.account,
        symbol=symbol_of(trade.contract),
        con_id=trade.contract.conId,
        side=own.action,
        quantity=int(own.totalQuantity),
        status=trade.orderStatus.status,
        reported_filled=int(trade.orderStatus.filled),
        limit_price=price_or_none(own.lmtPrice) if own.orderType == OrderType.LIMIT else None,
        order_type=own.orderType,
    )


def is_conclusion(trade: ibi.Trade) -> bool:
    """Whether this is ``ib_insync``'s own conclusion from an error, and nothing that was told of the order."""
    return bool(trade.log and trade.log[-1].errorCode)


def take_back_conclusion(trade: ibi.Trade) -> None:
    """Put a trade back to what was told of it last.

    Whoever is told what ``ib_insync`` has concluded already is told nothing: it passes over a status that it knows. So
    the true end of an order was never seen whose cancel had been refused because it was being cancelled (10148).
    """
    trade.log.pop()
    trade.orderStatus.status = trade.log[-1].status if trade.log else ibi.OrderStatus.PendingSubmit


def _ref(told: ibi.Order | ibi.Execution) -> str:
    """The ref of an order; one without (placed by hand in TWS) is kept under a name made of its permanent id."""
    return told.orderRef or f"manual-{told.permId}"


def fill_ref(fill: ibi.Fill) -> str:
    """The ref of the order that a fill is of."""
    return _ref(fill.execution)


def cash_flow(fill: ibi.Fill) -> CashFlow:
    """What a fill moved. Only fills in shares and US dollars are ours; others leave the USD cash alone."""
    execution = fill.execution
    in_dollars = fill.contract.currency == "USD"
    multiplier = Decimal(fill.contract.multiplier or 1)
    value = Decimal(repr(execution.shares)) * (decimal_or_none(execution.price) or Decimal(0)) * multiplier
    report = fill.commissionReport
    return CashFlow(
        account=execution.acctNumber,
        at=execution.time,
        value=(value if execution.side == "SLD" else -value) if in_dollars else Decimal(0),
        commission=(decimal_or_none(report.commission) or Decimal(0)) if report.execId else Decimal(0),
        ref=execution.orderRef,
    )


def account_of(fill: ibi.Fill) -> str:
    """Whose fill it is."""
    return fill.execution.acctNumber


def execution(fill: ibi.Fill) -> Execution:
    """A fill, with its commission if the report has come."""
    report = fill.commissionReport
    return Execution(
        exec_id=fill.execution.execId,
        shares=int(fill.execution.shares),
        price=decimal_or_none(fill.execution.price) or Decimal(0),
        commission=decimal_or_none(report.commission) if report.execId else None,
        account=account_of(fill),
        con_id=fill.contract.conId,
        side=SIDES.get(fill.execution.side, fill.execution.side),
        client_id=fill.execution.clientId,
        order_id=fill.execution.orderId,
    )


def commission(report: ibi.CommissionReport) -> tuple[str, Decimal]:
    """The id of an execution and its commission."""
    return report.execId, decimal_or_none(report.commission) or Decimal(0)


def day_trades(fills: Iterable[ibi.Fill], account: str) -> Iterator[DayTrade]:
    """An account's fills in what portfolios are made of, as settlement sees them."""
    for fill in fills:
        side = SIDES.get(fill.execution.side)
        if account_of(fill) == account and side is not None and is_managed(fill.contract):
            price = decimal_or_none(fill.execution.price) or Decimal(0)
            value = Decimal(repr(fill.execution.shares)) * price
            yield DayTrade(symbol=symbol_of(fill.contract), side=side, value=value, at=fill.execution.time)
