"""What an account holds against what it should: one line for each symbol, from a plan or an outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rebalancing.drift import drift_between
from rebalancing.outcomes import Outcome
from rebalancing.planner.plan import CASH_SYMBOL, Plan
from rebalancing.triggers import ExecutionMode

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Weight:
    """One symbol. Both are shares of the base; either may be below 0 or above 1 where an account has borrowed."""

    symbol: str
    target: Decimal
    actual: Decimal

    @property
    def off(self) -> Decimal:
        """By how much it is off its target."""
        return self.actual - self.target


@dataclass(frozen=True)
class Weights:
    """All of an account, the heaviest first and cash last; ``drift`` in percent, ``at`` is when it stood so.

    ``is_before_orders``: as the plan of a run at work found it, whatever its orders have filled since.
    """

    lines: tuple[Weight, ...]
    at: datetime | None = None
    is_before_orders: bool = False

    @property
    def drift(self) -> Decimal:
        """How far it is from its targets, in percent."""
        return drift_between(
            {each.symbol: each.actual for each in self.lines}, {each.symbol: each.target for each in self.lines}
        )

    @property
    def largest(self) -> Decimal:
        """The heaviest weight there is on either side: how long the longest bar is."""
        return max((max(each.target, each.actual) for each in self.lines), default=_NOTHING)


def weights_of(outcome: Outcome) -> Weights:
    """What the account holds after it; after a dry run, what it held before."""
    is_live = outcome.mode is ExecutionMode.REBALANCE
    actual = outcome.weights_after if is_live else outcome.weights_before
    return Weights(_lines(outcome.target_weights, actual), outcome.finished_at)


def weights_before(plan: Plan) -> Weights:
    """What the account held when the plan was made."""
    lines = [line for line in plan.lines if line.before is not None and line.target is not None]
    held = {line.symbol: line.before or _NOTHING for line in lines}
    targets = {line.symbol: line.target or _NOTHING for line in lines}
    with_cash = [{**each, CASH_SYMBOL: 1 - sum(each.values(), _NOTHING)} for each in (targets, held)]
    return Weights(_lines(*with_cash), is_before_orders=True)


def _lines(targets: Mapping[str, Decimal], actual: Mapping[str, Decimal]) -> tuple[Weight, ...]:
    symbols: Iterable[str] = {*targets, *actual}
    lines = [Weight(each, targets.get(each, _NOTHING), actual.get(each, _NOTHING)) for each in symbols]
    lines = [each for each in lines if each.target or each.actual or each.symbol == CASH_SYMBOL]
    return tuple(
        sorted(lines, key=lambda each: (each.symbol == CASH_SYMBOL, -max(each.target, each.actual), each.symbol))
    )
