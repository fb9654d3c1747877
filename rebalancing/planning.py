"""The planner: from holdings and targets to whole-share orders.

The base is the net liquidation value of what is managed (cash and the managed positions at their valuation prices),
less the reserve. A weight is a symbol's value divided by the base; the cash weight is the cash above the reserve
divided by the base, so that all weights add up to 1 (commissions aside). The cash target is 1 − Σ targets.

Tracking error is the half-L1 distance between weights and targets, cash included:
``100 × ½ × (Σ |weight − target| + |cash weight − cash target|)``, in percent of the base.

The same request always gives the same plan, whatever the order of its dictionaries.
"""

from collections.abc import Mapping
from decimal import Decimal

from rebalancing.orders import Side
from rebalancing.plan import CASH_SYMBOL, Plan, PlanAfter, PlanImpossible, PlannedOrder, PlanRequest
from rebalancing.rounding import ZERO, Holding, Purse, choose_quantities, distance

WEIGHT_PLACES = Decimal("0.000001")
PERCENT_PLACES = Decimal("0.0001")
CENT = Decimal("0.01")

NOISE = Decimal("0.0001")
"""A plan that comes closer by less than this share of the base is not worth an order: prices move more in a second."""


def make_plan(request: PlanRequest) -> Plan:
    """Plan both legs.

    Sells come first; what is held without a target is sold whole, a short position is covered. Buys fit into the cash
    that remains above the reserve after commissions at their worst price (promise P5). Raises ``PlanImpossible`` when
    there are positions but nothing to invest.
    """
    return _Planner(request, may_sell=True).plan()


def size_buys(request: PlanRequest) -> tuple[PlannedOrder, ...]:
    """Size the buy leg anew, with the cash and positions as they are after the sell leg; it never sells."""
    return _Planner(request, may_sell=False).plan().buys


class _Planner:
    """One planning run; holds what the steps share."""

    def __init__(self, request: PlanRequest, *, may_sell: bool) -> None:
        self._request = request
        self._may_sell = may_sell
        self._notes: list[str] = []
        symbols = request.managed_symbols
        held = {s: request.positions.get(s, 0) for s in symbols}
        worth = request.cash + sum((request.prices[s] * held[s] for s in symbols), ZERO)
        if worth <= 0 and any(held.values()):
            raise PlanImpossible(
                f"Cash and positions come to {worth} USD, so there is nothing to invest: "
                "fund the account or close its positions by hand."
            )
        worth = max(worth, ZERO)
        self._reserve = worth * request.reserve_percent / 100
        self._base = worth - self._reserve
        self._targets = self._effective_targets()
        self._holdings = {
            s: Holding(
                symbol=s,
                price=request.prices[s],
                buy_price=request.buy_price(s),
                held=held[s],
                target_value=self._base * self._targets.get(s, ZERO),
            )
            for s in symbols
        }
        self._purse = Purse(
            spendable=request.cash - self._reserve,
            commission=request.commission_per_order,
            cash_target=self._base * self._cash_target,
        )

    def plan(self) -> Plan:
        """Choose quantities, drop what is not worth trading, and describe the result."""
        quantities = self._worthwhile_quantities()
        orders = self._orders(quantities)
        if self._purse.left(self._holdings, quantities) < 0:
            self._notes.append("cash is below the reserve and no sale is due that would restore it")
        return Plan(
            orders=orders,
            base=self._base.quantize(CENT),
            reserve=self._reserve.quantize(CENT),
            before={s: self._weight(h, h.held) for s, h in self._holdings.items()},
            targets={s: w.quantize(WEIGHT_PLACES) for s, w in self._targets.items()},
            after=self._after(quantities, orders),
            notes=tuple(self._notes),
        )

    @property
    def _cash_target(self) -> Decimal:
        return 1 - sum(self._targets.values(), ZERO)

    def _effective_targets(self) -> dict[str, Decimal]:
        """Targets without cash and held-out symbols, scaled down where rounding took the sum above 1."""
        total = max(sum(self._request.targets.values(), ZERO), Decimal(1))
        if total > 1:
            self._notes.append(f"the targets add up to {total} and were scaled to 1")
        targets = {s: w / total for s, w in sorted(self._request.targets.items()) if w and s != CASH_SYMBOL}
        for symbol in sorted(self._request.held_out & targets.keys()):
            self._notes.append(
                f"{symbol} is held out of management: its target of {targets.pop(symbol):.4f} stays cash"
            )
        return targets

    def _worthwhile_quantities(self) -> dict[str, int]:
        """The quantities to end with, leaving alone what the tolerance, the minimum and the costs rule out."""
        fixed = frozenset(s for s, h in self._holdings.items() if self._is_within_band(h))
        quantities = self._choose(fixed)
        while small := {s for s, h in self._holdings.items() if self._is_small(h, quantities[s])}:
            self._notes += [f"{s} is left alone: its order would be below the minimum value" for s in sorted(small)]
            fixed |= small
            quantities = self._choose(fixed)
        compulsory = self._choose(frozenset(s for s, h in self._holdings.items() if not h.must_trade))
        return quantities if self._is_worth_it(quantities, compulsory) else compulsory

    def _choose(self, fixed: frozenset[str]) -> dict[str, int]:
        return choose_quantities(self._holdings, self._purse, fixed, may_sell=self._may_sell)

    def _is_within_band(self, holding: Holding) -> bool:
        """Whether the symbol drifted so little that the tolerance band leaves it alone."""
        band = self._base * self._request.tolerance_percent / 100
        if holding.must_trade or not band or abs(holding.gap(holding.held)) > band:
            return False
        self._notes.append(f"{holding.symbol} is left alone: it is within the tolerance band")
        return True

    def _is_small(self, holding: Holding, quantity: int) -> bool:
        value = abs(quantity - holding.held) * holding.price
        return not holding.must_trade and 0 < value < self._request.minimum_order_value

    def _is_worth_it(self, quantities: Mapping[str, int], compulsory: Mapping[str, int]) -> bool:
        """Whether the orders that are not compulsory mend more than they may cost.

        The cost is two commissions for every managed symbol and what the buys may pay above the valuation price. Paying
        commissions makes the base smaller; twice their sum is the most by which that alone can move the distance, so
        one rebalance is no reason for the next. Below ``NOISE`` nothing is worth an order.
        """
        if quantities == compulsory:
            return True
        mended = self._distance(compulsory) - self._distance(quantities)
        bought = {s: max(quantities[s] - max(compulsory[s], h.held), 0) for s, h in self._holdings.items()}
        spread = sum((bought[s] * (h.buy_price - h.price) for s, h in self._holdings.items()), ZERO)
        commissions = 2 * len(self._holdings) * self._purse.commission
        if mended > max(commissions + spread, self._base * NOISE):
            return True
        self._notes.append("the remaining drift is smaller than what mending it may cost")
        return False

    def _distance(self, quantities: Mapping[str, int]) -> Decimal:
        return distance(self._holdings, self._purse, quantities)

    def _orders(self, quantities: Mapping[str, int]) -> tuple[PlannedOrder, ...]:
        """Sells first; within a leg the largest value first."""
        changed = [(h, quantities[s] - h.held) for s, h in self._holdings.items() if quantities[s] != h.held]
        orders = [
            PlannedOrder(
                symbol=h.symbol,
                side=Side.BUY if change > 0 else Side.SELL,
                quantity=abs(change),
                estimated_value=(abs(change) * h.price).quantize(CENT),
                reason=self._reason(h),
            )
            for h, change in changed
        ]
        return tuple(sorted(orders, key=lambda o: (o.side is Side.BUY, -o.estimated_value, o.symbol)))

    def _reason(self, holding: Holding) -> str:
        if holding.held < 0:
            return "covers a short position"
        if holding.must_trade:
            return "not in the targets"
        weight, target = (100 * value / self._base for value in (holding.held * holding.price, holding.target_value))
        return f"{weight:.2f} % held, {target:.2f} % targeted"

    def _weight(self, holding: Holding, quantity: int) -> Decimal:
        if not self._base:
            return ZERO
        return (quantity * holding.price / self._base).quantize(WEIGHT_PLACES)

    def _after(self, quantities: Mapping[str, int], orders: tuple[PlannedOrder, ...]) -> PlanAfter:
        moved = sum(((quantities[s] - h.held) * h.price for s, h in self._holdings.items()), ZERO)
        cash = self._request.cash - moved - self._purse.commission * len(orders)
        return PlanAfter(
            cash=cash.quantize(CENT),
            weights={s: self._weight(h, quantities[s]) for s, h in self._holdings.items()},
            tracking_error=self._tracking_error(quantities, cash),
        )

    def _tracking_error(self, quantities: Mapping[str, int], cash: Decimal) -> Decimal:
        if not self._base:
            return ZERO
        gaps = sum((abs(h.gap(quantities[s])) for s, h in self._holdings.items()), ZERO)
        cash_gap = abs(cash - self._reserve - self._purse.cash_target)
        return (50 * (gaps + cash_gap) / self._base).quantize(PERCENT_PLACES)
