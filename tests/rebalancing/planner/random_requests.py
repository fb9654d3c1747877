"""Random portfolios for the planner, and what becomes of them."""

from decimal import Decimal

from hypothesis import strategies as st

from rebalancing.orders.order import Side
from rebalancing.planner.plan import Plan, PlanRequest

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
prices = st.decimals("0.5", "900", places=2)


@st.composite
def requests(
    draw: st.DrawFn,
    *,
    cushion: bool = True,
    commissions: tuple[Decimal, ...] = (Decimal(0), Decimal(1)),
    smallest_position: int = 0,
) -> PlanRequest:
    """Up to six symbols with prices, holdings, targets and a reserve; cash may be borrowed."""
    symbols = draw(st.lists(st.sampled_from(SYMBOLS), unique=True, min_size=1))
    price = {symbol: draw(prices) for symbol in symbols}
    shares = draw(st.lists(st.integers(0, 100), min_size=len(symbols), max_size=len(symbols)))
    whole = max(sum(shares), draw(st.integers(1, 400)))
    positions = {symbol: draw(st.integers(smallest_position, 500)) for symbol in symbols}
    held = sum((price[s] * q for s, q in positions.items()), Decimal(0))
    return PlanRequest(
        cash=draw(st.decimals(0, 200_000, places=2)) + max(Decimal(0), -held),
        positions=positions,
        prices=price,
        buy_prices={} if cushion else price,
        targets={s: Decimal(n) / whole for s, n in zip(symbols, shares, strict=True)},
        reserve_percent=draw(st.decimals(0, 10, places=1)),
        tolerance_percent=draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(2)])),
        commission_per_order=draw(st.sampled_from(commissions)),
    )


def applied(request: PlanRequest, plan: Plan) -> PlanRequest:
    """The portfolio after every order filled at its worst price."""
    positions, cash = dict(request.positions), request.cash
    for order in plan.orders:
        sign = 1 if order.side is Side.BUY else -1
        paid = request.buy_price(order.symbol) if sign > 0 else request.prices[order.symbol]
        positions[order.symbol] = positions.get(order.symbol, 0) + sign * order.quantity
        cash -= sign * order.quantity * paid + request.commission_per_order
    return request.model_copy(update={"positions": positions, "cash": cash})
