"""What the broker would not carry out: looked at before anything is traded, so that no leg is left half done.

The rules: an exchange takes orders for its close until a cut-off only; IBKR takes at most twenty working orders on one
side of a contract for an account (TWS API, "Order Limitations"). Orders beyond that are refused here and not queued:
this application places one order for a symbol and cancels its own first, so the others are somebody else's, and nobody
can tell when they end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rebalancing.accounts import Account, WhenClosed
from rebalancing.failures import AccountFailure, BuysTooLate, CutOffPassed, LimitPriceUnknown, TooManyWorkingOrders
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.market.trading_hours import next_open
from rebalancing.orders.market_on_close import close_of_session, cut_off
from rebalancing.orders.order import Side
from rebalancing.orders.order_policy import AfterCutOff, PolicyType
from rebalancing.orders.order_terms import leg_order
from rebalancing.planner.plan import Plan, PlannedOrder

MOST_WORKING_ORDERS: Final = 20


@dataclass(frozen=True)
class Patience:
    """How long things may take: one leg to fill, and the longest wait of a run."""

    fill_timeout: timedelta
    max_wait: timedelta


def obstacles(
    account: Account, plan: Plan, snapshot: AccountSnapshot, now: datetime, patience: Patience
) -> tuple[AccountFailure, ...]:
    """Everything that stands in the way of this plan now, as the failure it would be; empty if nothing does."""
    return (
        *_too_late_for_the_close(account, plan, snapshot, now, patience),
        *_buys_too_long_after_the_close(account, plan, snapshot, now, patience),
        *_too_many_orders(account, plan, snapshot),
        *_without_limit(account, plan, snapshot, now),
    )


def close_orders(account: Account, orders: tuple[PlannedOrder, ...]) -> tuple[PlannedOrder, ...]:
    """Those that go out as orders on the close."""
    return tuple(o for o in orders if account.policy_for(o.symbol).type is PolicyType.MARKET_ON_CLOSE)


def _too_late_for_the_close(
    account: Account, plan: Plan, snapshot: AccountSnapshot, now: datetime, patience: Patience
) -> Iterator[AccountFailure]:
    if close_orders(account, plan.sells):
        in_this_session = close_orders(account, plan.sells)  # the buys have the next session's close
        ready_at = now
    else:
        in_this_session = close_orders(account, plan.buys)
        ready_at = now + patience.fill_timeout if plan.sells else now
    late: list[str] = []
    for order in in_this_session:
        contract = snapshot.contracts[order.symbol]
        closes_at = close_of_session(contract.sessions, now)
        if closes_at is None or account.policy_for(order.symbol).after_cut_off is AfterCutOff.MARKET:
            continue
        last = cut_off(contract.primary_exchange, closes_at)
        if ready_at >= last:
            late.append(f"{order.symbol} ({contract.primary_exchange}, until {last:%H:%M} UTC)")
    if late:
        first = " and the sell leg comes first" if ready_at > now else ""
        yield CutOffPassed(
            account.account_id,
            f"it is {now:%H:%M} UTC{first}: too late for the exchange to take orders on the close for "
            f"{', '.join(late)}. Trigger it earlier, or set after_cut_off: market.",
        )


def _buys_too_long_after_the_close(
    account: Account, plan: Plan, snapshot: AccountSnapshot, now: datetime, patience: Patience
) -> Iterator[AccountFailure]:
    """The cash of sells on the close comes when the market is closed: the buys follow in the next session."""
    if not plan.buys:
        return
    for order in close_orders(account, plan.sells):
        if account.market_closed is WhenClosed.FAIL:
            yield BuysTooLate(
                account.account_id,
                f"{order.symbol} is sold on the close, so the buys would wait for the next session, and this account "
                "does not wait (market_closed: fail). Sell by another order type (symbol_order_policies).",
            )
            return
        closes_at = close_of_session(snapshot.contracts[order.symbol].sessions, now)
        if closes_at is None:
            continue
        opens_at = next_open(snapshot.contracts[plan.buys[0].symbol].sessions, closes_at)
        if opens_at is None or opens_at - closes_at > patience.max_wait:
            when = "is not in the broker's calendar" if opens_at is None else f"begins at {opens_at:%a %H:%M} UTC"
            yield BuysTooLate(
                account.account_id,
                f"{order.symbol} is sold on the close, so the buys follow in the next session, which {when}: longer "
                "than max_wait. Raise max_wait, or sell by another order type (symbol_order_policies).",
            )
            return


def _too_many_orders(account: Account, plan: Plan, snapshot: AccountSnapshot) -> Iterator[AccountFailure]:
    for order in plan.orders:
        working = _working(snapshot, order.symbol, order.side)
        if working >= MOST_WORKING_ORDERS:
            yield TooManyWorkingOrders(
                account.account_id,
                f"there are {working} working orders to {order.side} {order.symbol} already, and IBKR takes at most "
                f"{MOST_WORKING_ORDERS} on one side of a contract. Cancel some where they were placed.",
            )


def _without_limit(account: Account, plan: Plan, snapshot: AccountSnapshot, now: datetime) -> Iterator[AccountFailure]:
    for order in plan.orders:
        try:
            leg_order(account, "rb-0-0-0", order, snapshot, now, timedelta())
        except LimitPriceUnknown as unknown:
            yield unknown


def _working(snapshot: AccountSnapshot, symbol: str, side: Side) -> int:
    """Working orders of others; our own are cancelled before anything is placed."""
    alike = (o for o in snapshot.open_orders if not o.is_ours)
    return sum(o.symbol == symbol and o.side == side for o in alike)
