"""Whether an order may be accepted, and what is wrong with it. Codes and wording as the API documents them."""

from datetime import datetime, timedelta
from decimal import Decimal

from simulator.gateway.ledger import Ledger
from simulator.gateway.market import Instrument, Market, exchange_of
from simulator.gateway.orders import Order
from simulator.gateway.refusals import Refusal, not_valid, rejected
from simulator.gateway.requests import OrderTicket
from simulator.gateway.scenario import CommissionSetup

ORDER_TYPES = ("MKT", "LMT", "MOC")
ALGORITHMS = {"Adaptive": ("MKT", "LMT")}
"""The algorithms that are simulated, with the order types they work."""

ADAPTIVE_PRIORITIES = ("Urgent", "Normal", "Patient")

MOST_WORKING_ORDERS = 20
"""Orders at work at once for one contract, side and account (IBKR; older documents say 15)."""

_COMFORTABLE_ID = 2_000_000_000
_ID_TOO_HIGH = Refusal(2146, "Order id is too high: reset the API order id sequence.")
"""Where ids become too high, and the words, are guesses."""

_LEAD, _NASDAQ_LEAD, _NO_CANCEL = timedelta(minutes=10), timedelta(minutes=5), timedelta(minutes=10)


def check_id(order_id: int) -> Refusal | None:
    """A warning about an id near the end of them all, 2**31 - 2; the order goes its way."""
    return _ID_TOO_HIGH if order_id > _COMFORTABLE_ID else None


def check_terms(ticket: OrderTicket, accounts: dict[str, Ledger]) -> Refusal | None:
    """What is wrong with the terms themselves, before any contract is looked up."""
    if not ticket.account:
        return Refusal(435, "You must specify an account.")
    if ticket.account not in accounts:
        return not_valid(f"Invalid account code '{ticket.account}'.")
    if ticket.action not in ("BUY", "SELL"):
        return not_valid(f"Invalid order action '{ticket.action}'.")
    if ticket.quantity <= 0:
        return Refusal(434, "The order size cannot be zero.")
    if ticket.quantity != int(ticket.quantity):
        return Refusal(10243, "Fractional-sized order cannot be placed via API. Please refer to API documentation.")
    if ticket.order_type not in ORDER_TYPES:
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    if ticket.order_type == "MOC" and ticket.tif not in ("", "DAY"):
        return Refusal(113, "The Time-in-Force should be DAY for MOC orders.")
    return _check_algorithm(ticket)


def _check_algorithm(ticket: OrderTicket) -> Refusal | None:
    """Codes 439, 441 and 442 as the API's list of message codes has them; their use here is a guess."""
    if not ticket.algo_strategy:
        return None
    if ticket.algo_strategy not in ALGORITHMS:
        return Refusal(439, "The algorithm definition not found.")
    if ticket.order_type not in ALGORITHMS[ticket.algo_strategy]:
        return Refusal(442, "Specified algorithm is not allowed for this order.")
    for name, value in ticket.algo_params:
        if name != "adaptivePriority" or value not in ADAPTIVE_PRIORITIES:
            return Refusal(441, f"Algo attributes validation failed: {name}={value}")
    return None


def check_price(ticket: OrderTicket, instrument: Instrument) -> Refusal | None:
    """Whether a limit price is there and on the tick grid."""
    if ticket.order_type != "LMT":
        return None
    if ticket.limit_price is None or ticket.limit_price <= 0 or ticket.limit_price % instrument.min_tick:
        return Refusal(110, "The price does not conform to the minimum price variation for this contract.")
    return None


def check_close(ticket: OrderTicket, instrument: Instrument, now: datetime) -> Refusal | None:
    """Whether the exchange still takes an order for its closing auction. That the code is 201 is a guess."""
    if ticket.order_type != "MOC" or not instrument.hours.is_open(now):
        return None
    closes = instrument.hours.next_close(now)
    if closes is None or now < closes - lead_of(instrument):
        return None
    return rejected("The exchange takes no more orders for the close.")


def is_frozen(order: Order, instrument: Instrument, now: datetime) -> bool:
    """Whether an order for the close can no longer be taken back: in the last ten minutes, on Nasdaq too."""
    closes = instrument.hours.next_close(now)
    return order.order_type == "MOC" and closes is not None and closes - _NO_CANCEL <= now


def cannot_cancel(order: Order) -> Refusal:
    """What is answered where an order cannot be taken back any more, or is being taken back already."""
    text = f"OrderId {order.order_id} that needs to be cancelled cannot be cancelled, state: {order.status}."
    return Refusal(10148, text)


def lead_of(instrument: Instrument) -> timedelta:
    """How long before the close the exchange stops taking orders for it."""
    return _NASDAQ_LEAD if exchange_of(instrument.primary_exchange) == "NASDAQ" else _LEAD


def check_number(order: Order, working: list[Order]) -> Refusal | None:
    """Whether the account has room for one more order on this side of the contract. The text is a guess."""
    alike = [each for each in working if (each.symbol, each.action) == (order.symbol, order.action)]
    if len(alike) < MOST_WORKING_ORDERS:
        return None
    text = f"Maximum of {MOST_WORKING_ORDERS} working orders on this side of the contract is reached."
    return rejected(text)


def check_funds(order: Order, ledger: Ledger, market: Market, working: list[Order]) -> Refusal | None:
    """Whether the account can carry the order beside its other working orders."""
    same_symbol_sells = sum(each.remaining for each in working if each.symbol == order.symbol and each.side < 0)
    held = ledger.positions.get(order.symbol, 0)
    if order.side < 0:
        if ledger.kind == "cash" and order.remaining + same_symbol_sells > held:
            return rejected("SHORT STOCK POSITIONS CAN ONLY BE HELD IN A MARGIN ACCOUNT.")
        return None
    factor = Decimal("0.5") if ledger.kind == "margin" else Decimal(1)
    reserved = sum((_value(each, market) * factor for each in working if each.side > 0), Decimal(0))
    needed = _value(order, market) * factor
    available = ledger.available_funds(market) - reserved
    if needed <= available:
        return None
    return rejected(
        "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR AVAILABLE "
        f"FUNDS [{available:.2f} USD] MUST EXCEED THE INITIAL MARGIN [{needed:.2f} USD].",
    )


def check_change(order: Order, ticket: OrderTicket, symbol: str) -> Refusal | None:
    """Whether a live order may be changed into this; other mismatches than price and size are refused."""
    if ticket.order_type != order.order_type:
        return Refusal(329, "Order modify failed. Cannot change to the new order type.")
    if (ticket.tif or "DAY") != order.tif:
        return Refusal(462, "Cannot change to the new Time in Force.")
    if (ticket.account, ticket.action, symbol) != (order.account, order.action, order.symbol):
        return Refusal(105, "Order being modified does not match original order.")
    if ticket.quantity < max(order.filled, 1):
        return Refusal(105, "Order being modified does not match original order: size below what has filled.")
    return None


def commission_of(quantity: int, value: Decimal, setup: CommissionSetup) -> Decimal:
    """Commission of an order's first ``quantity`` shares worth ``value``: the maximum wins over the minimum."""
    charge = max(quantity * setup.per_share, setup.minimum)
    return min(charge, (value * setup.maximum_percent / 100).quantize(Decimal("0.000001")))


def _value(order: Order, market: Market) -> Decimal:
    price = order.limit_price if order.limit_price is not None else market.quote(order.symbol).ask
    return order.remaining * price
