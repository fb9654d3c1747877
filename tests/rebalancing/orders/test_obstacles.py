"""What the broker would not carry out is found before anything is traded."""

from datetime import datetime, timedelta
from typing import Any

from rebalancing.accounts import Account, WhenClosed
from rebalancing.market.snapshot import AccountSnapshot, OpenOrder
from rebalancing.orders.obstacles import Patience, obstacles
from rebalancing.orders.order import Side
from rebalancing.planner.plan import Plan
from tests.rebalancing.orders.order_builders import CLOSE, NOON, account, plan, planned, quote, snapshot

WAITS = Patience(fill_timeout=timedelta(seconds=120), max_wait=timedelta(days=1))
SELL_SPY, BUY_QQQ = planned("SPY", Side.SELL), planned("QQQ")
MOC: dict[str, Any] = {"type": "MOC"}


def kinds(own: Account, wanted: Plan, market: AccountSnapshot, now: datetime, **waits: timedelta) -> list[str]:
    """What stands in the way."""
    patience = Patience(**{"fill_timeout": WAITS.fill_timeout, "max_wait": WAITS.max_wait, **waits})
    return [type(obstacle).__name__ for obstacle in obstacles(own, wanted, market, now, patience)]


def test_an_order_on_the_close_after_the_cut_off_stands_in_the_way() -> None:
    own, market = account(MOC), snapshot("SPY")
    assert kinds(own, plan(SELL_SPY), market, CLOSE - timedelta(minutes=11)) == []
    assert kinds(own, plan(SELL_SPY), market, CLOSE - timedelta(minutes=10)) == ["CutOffPassed"]
    nasdaq = snapshot("SPY", exchange="NASDAQ")
    assert kinds(own, plan(SELL_SPY), nasdaq, CLOSE - timedelta(minutes=10)) == []
    assert (
        kinds(account({**MOC, "after_cut_off": "market"}), plan(SELL_SPY), market, CLOSE - timedelta(minutes=1)) == []
    )


def test_buys_on_the_close_need_the_time_of_the_sell_leg_before_the_cut_off() -> None:
    own, market = account(QQQ=MOC), snapshot("SPY", "QQQ")
    both = plan(SELL_SPY, BUY_QQQ)
    assert kinds(own, both, market, CLOSE - timedelta(minutes=13)) == []
    assert kinds(own, both, market, CLOSE - timedelta(minutes=11)) == ["CutOffPassed"]
    assert kinds(own, plan(BUY_QQQ), market, CLOSE - timedelta(minutes=11)) == []


def test_buys_after_sells_on_the_close_must_be_able_to_follow_within_the_longest_wait() -> None:
    own, market = account(SPY=MOC), snapshot("SPY", "QQQ")
    both = plan(SELL_SPY, BUY_QQQ)
    assert kinds(own, both, market, NOON) == []
    assert kinds(own, both, market, NOON, max_wait=timedelta(hours=1)) == ["BuysTooLate"]
    assert kinds(own, plan(SELL_SPY), market, NOON, max_wait=timedelta(hours=1)) == []
    hasty = own.model_copy(update={"market_closed": WhenClosed.FAIL})
    assert kinds(hasty, both, market, NOON) == ["BuysTooLate"]


def test_twenty_working_orders_on_the_same_side_of_a_contract_stand_in_the_way() -> None:
    def others(number: int, side: str) -> tuple[OpenOrder, ...]:
        return tuple(
            OpenOrder(
                order_id=n, perm_id=n, client_id=0, is_ours=False, ref=f"m{n}", symbol="SPY", side=side, remaining=1
            )
            for n in range(number)
        )

    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(20, "SELL")), NOON) == [
        "TooManyWorkingOrders"
    ]
    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(19, "SELL")), NOON) == []
    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(20, "BUY")), NOON) == []


def test_a_sale_without_a_price_to_limit_it_by_stands_in_the_way() -> None:
    market = snapshot("SPY", quotes={"SPY": quote(bid="0.001", ask="0.002", last="0.001")})
    assert kinds(account({"type": "LMT"}), plan(SELL_SPY), market, NOON) == ["LimitPriceUnknown"]
    assert kinds(account(), plan(SELL_SPY), market, NOON) == []
