"""The cash of an account, exact although the broker's figure may be minutes old (promise P5).

IBKR refreshes account values when a position changes or every three minutes. A figure is taken as it is only if no fill
is younger than that; in between, the fills are added to the last figure that was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

ROUNDING: Final = Decimal("0.02")
"""The broker rounds every fill and every commission to the cent."""


@dataclass
class CashFlow:
    """What one execution moved: ``value`` in USD (negative for a purchase), and its commission once reported.

    ``ref`` is the ref of its order.
    """

    account: str
    at: datetime
    value: Decimal
    commission: Decimal = Decimal(0)
    ref: str = ""

    @property
    def amount(self) -> Decimal:
        """What came into the account."""
        return self.value - self.commission


@dataclass(frozen=True)
class _Anchor:
    """A figure that was right, and the executions it contained."""

    amount: Decimal
    contained: frozenset[str]


class CashBook:
    """The cash flows of one connection, by execution id without its revision."""

    def __init__(self, figures_lag: timedelta) -> None:
        self._lag = figures_lag
        self._flows: dict[str, CashFlow] = {}
        self._by_account: dict[str, dict[str, CashFlow]] = {}
        self._anchors: dict[str, _Anchor] = {}

    def note_fill(self, family: str, flow: CashFlow) -> None:
        """An execution was reported, or corrected: a correction keeps the commission that was already known."""
        known = self._flows.get(family)
        if known is not None and not flow.commission:
            flow.commission = known.commission
        self._flows[family] = flow
        self._by_account.setdefault(flow.account, {})[family] = flow

    def note_commission(self, family: str, commission: Decimal) -> None:
        """The commission of an execution was reported."""
        if family in self._flows:
            self._flows[family].commission = commission

    def cash(self, account: str, figure: Decimal, now: datetime) -> Decimal | None:
        """The account's cash, given the broker's present figure.

        ``None`` if it cannot be told: fills from before this connection may or may not be in the figure yet.
        """
        if not self.recent_refs(account, now):
            return self._anchored(account, figure)
        anchor = self._anchors.get(account)
        if anchor is None:
            return None
        since = [flow.amount for family, flow in self._of(account).items() if family not in anchor.contained]
        expected = anchor.amount + sum(since, Decimal(0))
        if abs(figure - expected) <= ROUNDING * (1 + len(since)):
            return self._anchored(account, figure)
        # A figure below everything that the fills explain tells of money that left the account.
        return figure if figure < anchor.amount + _spent(since) - ROUNDING * (1 + len(since)) else expected

    def recent_refs(self, account: str, now: datetime) -> frozenset[str]:
        """The refs of the orders whose fills are so young that the broker's figure may not contain them yet."""
        return frozenset(flow.ref for flow in self._of(account).values() if flow.at > now - self._lag)

    def _of(self, account: str) -> dict[str, CashFlow]:
        return self._by_account.get(account, {})

    def _anchored(self, account: str, figure: Decimal) -> Decimal:
        self._anchors[account] = _Anchor(figure, frozenset(self._of(account)))
        return figure


def _spent(amounts: Iterable[Decimal]) -> Decimal:
    return sum((amount for amount in amounts if amount < 0), Decimal(0))
