"""Messages about orders and fills, server version 176, for stock orders without combination or conditions.

Field orders are those the unmodified ib_insync 0.9.86 decodes.
"""

from datetime import datetime

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.events import MarginPreview
from simulator.gateway.market import Instrument
from simulator.gateway.orders import Execution, Order
from simulator.gateway.wire import UNSET_DOUBLE, Field, encode

_NO_MARGIN: list[Field] = [UNSET_DOUBLE] * 9


def order_status(order: Order) -> bytes:
    """orderStatus (3)."""
    return encode(
        3,
        order.order_id,
        order.status,
        order.filled,
        order.remaining,
        order.average_price,
        order.perm_id,
        0,  # parentId
        order.last_price,
        order.client_id,
        "",  # whyHeld
        0,  # mktCapPrice
    )


def open_order(order: Order, instrument: Instrument) -> bytes:
    """openOrder (5) of an order as it stands."""
    return _open_order(order, instrument, _NO_MARGIN, [order.commission, None, None], what_if=False)


def margin_preview(preview: MarginPreview, instrument: Instrument) -> bytes:
    """openOrder (5) as the answer to a what-if order."""
    margin: list[Field] = [
        preview.initial_before,
        preview.initial_before,
        preview.equity_before,
        preview.initial_after - preview.initial_before,
        preview.initial_after - preview.initial_before,
        preview.equity_after - preview.equity_before,
        preview.initial_after,
        preview.initial_after,
        preview.equity_after,
    ]
    commission: list[Field] = [preview.commission, None, None]
    return _open_order(preview.order, instrument, margin, commission, what_if=True)


def _open_order(
    order: Order, instrument: Instrument, margin: list[Field], commission: list[Field], *, what_if: bool
) -> bytes:
    return encode(
        *[5, order.order_id, *_contract(order, instrument), *_terms(order)],
        *[order.client_id, order.perm_id, order.outside_rth, False, 0, "", ""],  # hidden … shares allocation
        *["", "", "", "", "", ""],  # faGroup, faMethod, faPercentage, faProfile, modelCode, goodTillDate
        *["", "", "", 0, "", -1, 0, "", "", "", "", ""],  # rule80A … stockRangeUpper
        *[0, False, False, False, "", 3, False, False, ""],  # displaySize … nbboPriceCap
        *[0, 0, "", 0, "None", ""],  # parentId, triggerMethod, volatility, volatilityType, deltaNeutral type and price
        *[0, "", "", "", "?", False, 0, ""],  # deltaNeutralConId … designated location (present with type "None")
        *[False, 0, "", "", "", "", ""],  # continuousUpdate … comboLegsDescrip
        *[0, 0, 0],  # legs, order legs, smart routing parameters
        *["", "", "", ""],  # scale sizes and increment, hedgeType
        *[False, "", "IB", False, False],  # optOut, clearing account and intent, notHeld, no delta neutral
        *_algorithm(order),
        *[False, what_if, order.status, *margin, *commission],  # solicited …
        *["USD" if commission[0] is not None else "", ""],  # commissionCurrency, warningText
        *[False, False, 0],  # randomizeSize, randomizePrice, conditions
        *["None", "", "", "", "", "", "", 0],  # adjustedOrderType … adjustableTrailingUnit
        *["", "", "", 0, False, False, False, ""],  # soft dollar tier, cashQty … usePriceMgmtAlgo
        *["", "", False],  # duration, postToAts, autoCancelParent
        *["", "", "", "", ""],  # minTradeQty … midOffsetAtHalf
    )


def completed_order(order: Order, instrument: Instrument) -> bytes:
    """completedOrder (101): no order id and no client id, as the protocol has it."""
    completed = order.completed_at or order.placed_at
    return encode(
        *[101, *_contract(order, instrument), *_terms(order)],
        *[order.perm_id, order.outside_rth, False, 0, ""],  # hidden, discretionaryAmt, goodAfterTime
        *["", "", "", "", "", ""],  # faGroup … goodTillDate
        *["", "", "", 0, "", -1, "", "", "", "", ""],  # rule80A … stockRangeUpper (without auctionStrategy)
        *[0, False, False, "", 3, 0, "", 0, "None", ""],  # displaySize … deltaNeutralAuxPrice
        *[0, False, 0, ""],  # deltaNeutralConId … designated location (present with type "None")
        *[False, 0, "", "", ""],  # continuousUpdate … comboLegsDescrip
        *[0, 0, 0],  # legs, order legs, smart routing parameters
        *["", "", "", ""],  # scale sizes and increment, hedgeType
        *["", "IB", False, False],  # clearing account and intent, notHeld, no delta neutral
        *_algorithm(order),
        *[False, order.status, False, False, 0],  # solicited, status, randomize, conditions
        *["", "", 0, False, False],  # trailStopPrice, lmtPriceOffset, cashQty, dontUseAutoPrice, isOmsContainer
        *["", order.filled, 0, False, "", False, False, 0],  # autoCancelDate … parentPermId
        *[gateway_time(completed), order.completed_status],
        *["", "", "", "", ""],  # minTradeQty … midOffsetAtHalf
    )


def execution_details(request_id: int, execution: Execution, instrument: Instrument) -> bytes:
    """execDetails (11); request id -1 for a live fill."""
    return encode(
        *[11, request_id, execution.order_id],
        *[instrument.con_id, instrument.symbol, "STK", "", 0, "", "", execution.exchange, instrument.currency],
        *[instrument.symbol, instrument.trading_class],
        *[execution.exec_id, gateway_time(execution.time), execution.account, execution.exchange, execution.side],
        *[execution.quantity, execution.price, execution.perm_id, execution.client_id, 0],
        *[execution.cumulative, execution.average_price, execution.ref, "", "", "", 2],  # ev rule … lastLiquidity
    )


def commission_report(execution: Execution) -> bytes:
    """commissionReport (59)."""
    realized = UNSET_DOUBLE if execution.realized is None else execution.realized
    return encode(59, 1, execution.exec_id, execution.commission, "USD", realized, UNSET_DOUBLE, "")


def gateway_time(moment: datetime) -> str:
    """A moment as the gateway writes it: New York time with the zone's name."""
    return f"{moment.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} US/Eastern"


def _contract(order: Order, instrument: Instrument) -> list[Field]:
    named: list[Field] = [instrument.con_id, instrument.symbol, "STK", "", 0, "?", ""]
    return [*named, order.exchange, instrument.currency, instrument.symbol, instrument.trading_class]


def _algorithm(order: Order) -> list[Field]:
    """The algorithm that works the order, with its parameters; one empty field for none."""
    if not order.algo_strategy:
        return [""]
    parameters: list[Field] = [text for pair in order.algo_params for text in pair]
    return [order.algo_strategy, len(order.algo_params), *parameters]


def _terms(order: Order) -> list[Field]:
    price = order.limit_price if order.limit_price is not None else 0
    terms: list[Field] = [order.action, order.quantity, order.order_type, price, 0, order.tif, ""]
    return [*terms, order.account, "", 0, order.ref]  # openClose, origin
