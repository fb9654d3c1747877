"""Many random portfolios, sized by the planner and by the published rules, and held against the proven optimum."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from bench.planner.account import Account
from bench.planner.proven_optimum import proven_optimum
from bench.planner.published_rules import original, round_down, round_down_and_spend
from bench.portfolios import drifted_portfolio
from rebalancing.orders.order import Side
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.planning import make_plan

OURS = "this planner"
OPTIMUM = "proven optimum"

RULES: Mapping[str, Callable[[Account], dict[str, int]]] = {
    "original's rule": original,
    "round down": round_down,
    "round down, spend greedily": round_down_and_spend,
}

ALLOWED_RATIO = Decimal("1.001")
"""The mean drift of the planner may be this many times that of the optimum (and is not expected to differ)."""

Progress = Callable[[int], None]
"""Told after each portfolio how many are done."""


@dataclass(frozen=True)
class Row:
    """What one rule came to. Drifts in percent of the base, shares of the portfolios in percent.

    ``overdrawn``: the cash is below zero with every order filled at its valuation price, commissions left out.
    ``short``: it is below the reserve after commissions with every buy at its worst price.
    """

    mean: Decimal
    percentile_95: Decimal
    overdrawn: Decimal
    short: Decimal


@dataclass(frozen=True)
class Comparison:
    """All rules on the same portfolios of one size in US dollars, by name; ``ratio`` is ours over the optimum.

    ``farthest`` is the largest difference to the optimum in a single portfolio, in percentage points.
    """

    size: int
    portfolios: int
    rows: Mapping[str, Row]
    ratio: Decimal
    farthest: Decimal

    @property
    def is_good(self) -> bool:
        """Whether the planner keeps what it promises."""
        ours = self.rows[OURS]
        return self.ratio <= ALLOWED_RATIO and not ours.overdrawn and not ours.short


def compare(size: int, portfolios: int, seed: int, progress: Progress) -> Comparison:
    """Size so many portfolios of ``size`` US dollars. Raises ``ValueError`` where a plan beats the optimum."""
    random = Random(f"{seed}/{size}")
    drifts: dict[str, list[Decimal]] = {name: [] for name in (OURS, *RULES, OPTIMUM)}
    broken: dict[str, list[tuple[bool, bool]]] = {name: [] for name in drifts}
    for number in range(1, portfolios + 1):
        request = drifted_portfolio(random, size)
        account = Account.of(request)
        chosen = {OURS: planned_shares(request)} | {name: rule(account) for name, rule in RULES.items()}
        for name, shares in chosen.items():
            drifts[name].append(account.drift(shares))
            overdrawn = account.cash_at(shares, account.prices) < 0
            broken[name].append((overdrawn, account.cash_left(shares) < account.reserve))
        drifts[OPTIMUM].append(_optimum(account, chosen))
        broken[OPTIMUM].append((False, False))
        progress(number)
    apart = [ours - best for ours, best in zip(drifts[OURS], drifts[OPTIMUM], strict=True)]
    best_mean = _mean(drifts[OPTIMUM])
    return Comparison(
        size=size,
        portfolios=portfolios,
        rows={name: _row(drifts[name], broken[name]) for name in drifts},
        ratio=_mean(drifts[OURS]) / best_mean if best_mean else Decimal(1),
        farthest=max(apart),
    )


def planned_shares(request: PlanRequest) -> dict[str, int]:
    """The shares that the planner ends with, for every symbol that has a price."""
    shares = {symbol: request.positions.get(symbol, 0) for symbol in request.prices}
    for order in make_plan(request).orders:
        shares[order.symbol] += order.quantity if order.side is Side.BUY else -order.quantity
    return shares


def _optimum(account: Account, chosen: Mapping[str, Mapping[str, int]]) -> Decimal:
    """The smallest drift. The search starts from the greedy plan and knows nothing of the planner's."""
    greedy = chosen["round down, spend greedily"]
    if account.cash_left(greedy) < account.reserve:
        raise ValueError("the greedy plan does not keep the reserve: the search has nothing to start from")
    best = proven_optimum(account, greedy)
    if account.drift(chosen[OURS]) < best - Decimal("1e-15"):
        raise ValueError(f"the planner came closer than the proven optimum of {best} %: the proof is wrong")
    return best


def _row(drifts: list[Decimal], broken: list[tuple[bool, bool]]) -> Row:
    return Row(
        mean=_mean(drifts),
        percentile_95=percentile(drifts, 95),
        overdrawn=_mean(Decimal(100 * overdrawn) for overdrawn, _ in broken),
        short=_mean(Decimal(100 * short) for _, short in broken),
    )


def _mean(values: Iterable[Decimal]) -> Decimal:
    known = list(values)
    return sum(known, Decimal(0)) / len(known)


def percentile(values: Iterable[Decimal], percent: int) -> Decimal:
    """The smallest value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
