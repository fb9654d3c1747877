"""Guards: limits on what one plan may do, looked at before anything is traded.

A guard never changes a plan. It is kept, or it is breached; then the run stops or asks a person, by configuration.
(What the planner itself keeps to is in ``rebalancing.planner.trading_rules``: its maximum turnover makes a smaller
plan, the guard of the same name refuses a large one.)
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from rebalancing.base import WEIGHT_PLACES, ConfiguredModel, FrozenModel, Instant, Money, Percent, Weight
from rebalancing.drift import drift_between
from rebalancing.planner.plan import CASH_SYMBOL, Plan
from rebalancing.targets import Targets

SECONDS_A_DAY = 86_400

PositivePercent = Annotated[Decimal, Field(gt=0)]


class OnBreach(StrEnum):
    """What a breached guard does to a live run."""

    STOP = "stop"
    ASK = "ask"


class Guards(ConfiguredModel):
    """The limits of one account; without a value a guard is off."""

    maximum_order_value: Annotated[Decimal, Field(gt=0)] | None = None
    """The largest order, in USD at its valuation price."""
    maximum_turnover_percent: PositivePercent | None = None
    """All orders together, buys plus sells, in percent of the base."""
    maximum_weight_percent: Percent | None = None
    """The largest target weight of one symbol, and its weight after the plan, in percent."""
    maximum_allocations_age_days: Annotated[Decimal, Field(gt=0)] | None = None
    """How old the allocations may be by their own `as_of`, in days; without one: breached."""
    minimum_symbols: Annotated[int, Field(strict=True, ge=1)] | None = None
    """How many symbols the targets must have, cash not counted."""
    maximum_target_change_percent: Percent | None = None
    """Half-L1 distance of the targets to those of the last finished rebalance, in percent."""
    on_breach: OnBreach = OnBreach.STOP
    """`stop` the run, or `ask` for approval."""

    @property
    def are_set(self) -> bool:
        """Whether there is anything to look at."""
        return any(getattr(self, name) is not None for name in Guards.model_fields if name != "on_breach")


class Breach(FrozenModel):
    """A guard that a plan does not keep: its name in the configuration, and what was found in words with figures."""

    guard: str
    found: str

    def __str__(self) -> str:
        """One phrase for messages."""
        return f"{self.guard}: {self.found}"


class GuardRequest(FrozenModel):
    """What guards look at. ``last_targets`` are shares of the base, with an entry for cash.

    They are ``None`` where no completed rebalance is remembered: then their change is no breach.
    """

    guards: Guards
    plan: Plan
    targets: Targets
    prices: dict[str, Money]
    last_targets: dict[str, Weight] | None = None
    at: Instant


def breaches(request: GuardRequest) -> tuple[Breach, ...]:
    """Every guard that this plan breaches, in the order of their settings."""
    return tuple(
        breach
        for look in (_order_values, _turnover, _weights, _age, _symbols, _target_change)
        for breach in look(request)
    )


def remembered_targets(targets: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Target weights as an account remembers them: rounded, so that none is below 0 by a rounding."""
    return {symbol: abs(weight.quantize(WEIGHT_PLACES)) for symbol, weight in targets.items()}


def _order_values(request: GuardRequest) -> Iterator[Breach]:
    limit = request.guards.maximum_order_value
    if limit is None:
        return
    for order in request.plan.orders:
        if order.estimated_value > limit:
            found = f"{order.side} {order.quantity} {order.symbol} is worth {_usd(order.estimated_value)}"
            yield Breach(guard="maximum_order_value", found=f"{found}; at most {_usd(limit)} is allowed")


def _turnover(request: GuardRequest) -> Iterator[Breach]:
    limit, plan = request.guards.maximum_turnover_percent, request.plan
    if limit is None or not plan.base:
        return
    traded = sum((order.estimated_value for order in plan.orders), Decimal(0))
    turnover = 100 * traded / plan.base
    if turnover > limit:
        found = f"the orders are worth {_usd(traded)}, {_percent(turnover)} of the base of {_usd(plan.base)}"
        yield Breach(guard="maximum_turnover_percent", found=f"{found}; at most {_percent(limit)} is allowed")


def _weights(request: GuardRequest) -> Iterator[Breach]:
    """A weight after the plan may be above a target within the limit by what one whole share makes."""
    limit, plan = request.guards.maximum_weight_percent, request.plan
    if limit is None:
        return
    for symbol, target in sorted(plan.targets.items()):
        if 100 * target > limit:
            found = f"the target weight of {symbol} is {_percent(100 * target)}"
            yield Breach(guard="maximum_weight_percent", found=f"{found}; at most {_percent(limit)} is allowed")
    for symbol, weight in sorted(plan.after.weights.items()):
        share = request.prices.get(symbol, Decimal(0)) / plan.base if plan.base else Decimal(0)
        if 100 * (weight - share) > limit >= 100 * plan.targets.get(symbol, Decimal(0)):
            found = f"{symbol} would be {_percent(100 * weight)} of the base after the plan"
            yield Breach(guard="maximum_weight_percent", found=f"{found}; at most {_percent(limit)} is allowed")


def _age(request: GuardRequest) -> Iterator[Breach]:
    limit, as_of = request.guards.maximum_allocations_age_days, request.targets.as_of
    if limit is None:
        return
    if as_of is None:
        found = f"the allocations of {request.targets.strategy} do not say their `as_of`"
        yield Breach(guard="maximum_allocations_age_days", found=f"{found}; at most {limit:f} days are allowed")
        return
    age = Decimal(repr((request.at - as_of).total_seconds())) / SECONDS_A_DAY
    if age > limit:
        found = f"the allocations of {request.targets.strategy} are of {as_of.isoformat()}, {age:.1f} days old"
        yield Breach(guard="maximum_allocations_age_days", found=f"{found}; at most {limit:f} days are allowed")


def _symbols(request: GuardRequest) -> Iterator[Breach]:
    least, symbols = request.guards.minimum_symbols, request.targets.tradable
    if least is not None and len(symbols) < least:
        found = f"the targets have {len(symbols)} ({', '.join(symbols) or 'cash only'})"
        yield Breach(guard="minimum_symbols", found=f"{found}; at least {least} are needed")


def _target_change(request: GuardRequest) -> Iterator[Breach]:
    limit, last = request.guards.maximum_target_change_percent, request.last_targets
    if limit is None or last is None:
        return
    targets = request.plan.targets
    change = drift_between(last, {**targets, CASH_SYMBOL: 1 - sum(targets.values(), Decimal(0))})
    if change > limit:
        found = f"the targets differ by {_percent(change)} from those of the last finished rebalance"
        yield Breach(guard="maximum_target_change_percent", found=f"{found}; at most {_percent(limit)} is allowed")


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f} USD"


def _percent(share: Decimal) -> str:
    return f"{share:.2f} %"
