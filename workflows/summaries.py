"""What each step and timer of a rebalance is called in Temporal's UI: what it does, with how many orders and dollars.

Summaries are metadata: changing one breaks no replay. They are made from what the run knows already, and bounded in
``contract.summaries``.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from contract.requests import SnapshotRequest
from contract.summaries import counted, dollars, listed, summary
from rebalancing.funding.margin_preview import MarginRequest
from rebalancing.orders.order import LegOrder
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import Plan, PlanRequest


def reading(request: SnapshotRequest, *, fresh: bool) -> str:
    """For a visit that reads the account."""
    what = "read the account: cash, holdings, quotes" if fresh else "read the account again"
    if request.known:
        return summary("read on where the last visit ended", counted(len(request.known), "symbol") + " read")
    return summary(what, counted(len(request.symbols), "target"))


def leg(orders: Iterable[LegOrder], doing: str = "", plan: Plan | None = None) -> str:
    """For a step of a leg: ``SELL leg · 3 orders · $12,400 · BND, GLD, QQQ``, after what is done with it.

    With the ``plan`` it tells what the orders come to, if all of them are in it.
    """
    given = tuple(orders)
    sides = " and ".join(sorted({order.side.value for order in given})) or "no"
    value = _value(given, plan)
    return summary(
        doing,
        f"{sides} leg",
        counted(len(given), "order"),
        "" if value is None else dollars(value),
        listed(order.symbol for order in given),
    )


def margin(request: MarginRequest, doing: str) -> str:
    """For what is asked about margin."""
    return summary(doing, counted(len(request.orders), "order"))


def planning(request: PlanRequest, doing: str) -> str:
    """For a plan, or the sizing of a leg."""
    return summary(doing, counted(len(request.targets), "target"), f"{dollars(request.cash)} cash")


def plan(made: Plan, doing: str) -> str:
    """For what looks at a whole plan."""
    return summary(doing, orders(made))


def orders(made: Plan) -> str:
    """A plan in a few words: ``3 SELL 4,200 USD, 2 BUY 8,200 USD``, or that it has no order.

    Without the sign: what stands between two of them is a formula to the UI.
    """
    sides = ((side, [order for order in made.orders if order.side == side]) for side in ("SELL", "BUY"))
    told = (
        f"{len(own)} {side} {sum((order.estimated_value for order in own), Decimal(0)):,.0f} USD"
        for side, own in sides
        if own
    )
    return ", ".join(told) or "no order"


def work_left(left: timedelta, limit: timedelta) -> str:
    """For the timer beside a rebalance that works, which looks every now and then what it waits for."""
    return summary(f"operation time-out: {left.total_seconds():.0f} s of {limit.total_seconds():.0f} s work left")


def gateway_away(phase: Phase, pause: timedelta) -> str:
    """For the pause before a gateway that is away is asked again."""
    return summary("the gateway is away", f"while {phase.value}", f"ask again in {pause.total_seconds():g} s")


def orders_at_work(working: Iterable[LegOrder], due: str) -> str:
    """For the time until something is due for orders at the broker."""
    return leg(working, f"orders at work until {due}")


def _value(given: tuple[LegOrder, ...], plan: Plan | None) -> Decimal | None:
    """What these orders come to at the plan's prices, in US dollars."""
    prices = {order.symbol: order.estimated_value / order.quantity for order in plan.orders} if plan else {}
    if not given or any(order.symbol not in prices for order in given):
        return None
    return sum((prices[order.symbol] * order.quantity for order in given), Decimal(0))
