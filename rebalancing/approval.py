"""Approval: a person says of one plan, named by its hash, that it may be carried out.

Prices move between the plan that a person saw and the moment of trading. An approved plan is carried out exactly,
order by order, or not at all: ``holds_still`` decides which.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, WithJsonSchema

from rebalancing.base import ConfiguredModel, FrozenModel, Instant, Percent
from rebalancing.guards import Breach
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.planner.plan import Plan, PlannedOrder
from rebalancing.triggers import LONGEST_KEY_ID, LONGEST_NAME, LONGEST_SEAL

PlanHash = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=4, max_length=64)]
"""A plan's hash as a person gives it."""


class ApprovalRequired(StrEnum):
    """When a live run waits for a person."""

    ON_BREACH = "on_breach"
    """Where a guard is breached and ``guards.on_breach`` is ``ask``."""

    ALWAYS = "always"
    """Before every plan that trades."""


class ApprovalRules(ConfiguredModel):
    """How an account's plans are approved."""

    required: Annotated[ApprovalRequired, WithJsonSchema({"enum": list(ApprovalRequired)})] = ApprovalRequired.ON_BREACH
    """`always`, or `on_breach` of a guard that asks."""
    expires_after: float = Field(default=14_400, gt=0, le=30 * 86_400)
    """Seconds a run waits for a person before it fails; `max_wait` ends it too."""
    price_tolerance_percent: Percent = Decimal("0.5")
    """By how much prices may have moved since an approved plan was made; beyond it, it is asked again."""


class Approval(FrozenModel):
    """A person's yes to one plan and no other; ``by`` is who said it. ``seal`` is over it, the account and its run."""

    plan_hash: PlanHash
    by: str = Field(default="", max_length=LONGEST_NAME)
    key_id: str = Field(default="", max_length=LONGEST_KEY_ID)
    seal: str = Field(default="", max_length=LONGEST_SEAL)


class Rejection(FrozenModel):
    """A person's no; ``by`` is who said it."""

    reason: str = Field(default="", max_length=500)
    by: str = Field(default="", max_length=LONGEST_NAME)


class WaitingPlan(FrozenModel):
    """What waits for a person: the plan, its hash, why it is asked about, and until when."""

    plan_hash: str
    plan: Plan
    breaches: tuple[Breach, ...] = ()
    expires_at: Instant

    @classmethod
    def of(cls, plan: Plan, breaches: tuple[Breach, ...], expires_at: Instant) -> Self:
        """The plan under its own hash."""
        return cls(plan_hash=plan.plan_hash, plan=plan, breaches=breaches, expires_at=expires_at)


def holds_still(approved: Plan, seen: AccountSnapshot, fresh: AccountSnapshot, plan: Plan, tolerance: Decimal) -> bool:
    """Whether an approved plan may be carried out although the account and the market were read again since.

    ``seen`` is what it was made from, ``plan`` what would be planned from ``fresh``. The same hash holds; so does
    a plan of the same targets and holdings if no price moved by more than ``tolerance`` percent: then the orders that
    were approved are carried out, not those of the fresh plan.
    """
    if plan.plan_hash == approved.plan_hash:
        return True
    same_holdings = seen.positions == fresh.positions and seen.fractions == fresh.fractions
    return same_holdings and plan.targets == approved.targets and _moved(seen.prices, fresh.prices) <= tolerance


def bounded(approved: tuple[PlannedOrder, ...], sized: tuple[PlannedOrder, ...]) -> tuple[PlannedOrder, ...]:
    """The buy leg as sized for the cash that is there, and never more of a symbol than was approved or guarded."""
    allowed = {order.symbol: order for order in approved}
    pairs = ((order, allowed[order.symbol]) for order in sized if order.symbol in allowed)
    return tuple(min(pair, key=lambda order: order.quantity) for pair in pairs)


def _moved(before: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> Decimal:
    """The largest move of a price, in percent; a price that came or went counts as the whole of it."""
    whole = Decimal(100)
    if before.keys() != now.keys():
        return whole
    return max((abs(now[symbol] / price - 1) * 100 for symbol, price in before.items()), default=Decimal(0))
