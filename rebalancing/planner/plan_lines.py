"""Every symbol of a plan with the reason why it is traded, or why it is not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from rebalancing.base import WEIGHT_PLACES
from rebalancing.market.snapshot import QuoteKind
from rebalancing.planner.holdings_at_targets import Entry, HoldingsAtTargets
from rebalancing.planner.plan import PlanLine, PlanRequest
from rebalancing.planner.reasons import Reason
from rebalancing.planner.sizing_problem import ZERO, SizingProblem

QUOTE_NOTES = {
    QuoteKind.DELAYED: "prices are delayed by up to 20 minutes",
    QuoteKind.CLOSE: "prices are those of the last trade or the last close",
}
"""What a plan says of prices that are not live."""


@dataclass(frozen=True)
class Explainer:
    """Explains the chosen steps of a problem; ``notes`` holds what deserves to be read apart from the lines."""

    _request: PlanRequest
    _holdings: HoldingsAtTargets
    _problem: SizingProblem
    _steps: Mapping[str, int]
    _is_worth_it: bool
    notes: list[str] = field(default_factory=list[str])

    def lines(self, changes: Mapping[str, int]) -> tuple[PlanLine, ...]:
        """One line for each symbol, in alphabetical order; ``changes`` are in whole shares."""
        lines = [self._line(entry, changes[symbol]) for symbol, entry in self._holdings.entries.items()]
        self._note_quotes(lines)
        lines += self._held_out()
        named = {line.symbol for line in lines}
        lines += [
            PlanLine(symbol=source, held=0, reason=Reason.REPLACED, details=f"by {target}")
            for source, target in self._request.replaced.items()
            if source not in named
        ]
        return tuple(sorted(lines, key=lambda line: line.symbol))

    def _line(self, entry: Entry, change: int) -> PlanLine:
        reason = self._reason(entry, change)
        self._note(entry, reason)
        return PlanLine(
            symbol=entry.symbol,
            held=entry.held,
            fraction=entry.fraction,
            change=change,
            target=self._weight(entry.target_value),
            before=self._weight((entry.held + entry.fraction) * entry.price),
            after=self._weight((entry.held + entry.fraction + change) * entry.price),
            reason=reason,
            details=self._details(entry, reason),
            quote=self._request.quote_kinds.get(entry.symbol, QuoteKind.LIVE),
        )

    def _held_out(self) -> list[PlanLine]:
        request = self._request
        symbols = request.held_out & {*request.positions, *request.fractions, *request.targets}
        return [
            PlanLine(
                symbol=symbol,
                held=request.positions.get(symbol, 0),
                fraction=request.fractions.get(symbol, ZERO),
                reason=Reason.HELD_OUT,
            )
            for symbol in symbols
        ]

    def _reason(self, entry: Entry, change: int) -> Reason:
        if entry.held < 0 and entry.compulsory:
            return Reason.SHORT
        if entry.fixed is not None:
            return entry.fixed
        if change > 0:
            return Reason.UNDER_TARGET
        if change < 0:
            return Reason.OVER_TARGET if entry.gap < 0 else Reason.PAYS_FOR_ANOTHER
        return self._reason_to_leave(entry)

    def _reason_to_leave(self, entry: Entry) -> Reason:
        """Why an open line was left as it is; the first limit that stands in the way."""
        problem, line = self._problem, self._problem.lines[entry.symbol]
        gap = line.gap(line.held)
        if gap == 0:
            return Reason.ON_TARGET
        if gap > 0 and not self._holdings.may_buy(entry.symbol):
            return Reason.NEVER_BOUGHT
        if gap < 0 and not self._holdings.may_sell(entry.symbol):
            return Reason.NEVER_SOLD
        whole = abs(line.steps_to_target - line.held) if gap > 0 else int(-gap / line.price)
        if whole == 0:
            return Reason.NO_WHOLE_SHARE
        if whole < line.smallest:
            return Reason.BELOW_MINIMUM
        if not self._is_worth_it:
            return Reason.NOT_WORTH_IT
        if problem.turnover is not None and problem.turnover - problem.traded(self._steps) < line.price * line.smallest:
            return Reason.TURNOVER
        if gap > 0 and problem.left(self._steps) < line.buy_price * line.smallest:
            return Reason.NO_CASH
        if gap < 0 and problem.surplus_after(self._steps) >= 0:
            return Reason.ONLY_CASH
        return Reason.NO_WHOLE_SHARE

    def _details(self, entry: Entry, reason: Reason) -> str:
        if reason is Reason.REPLACED:
            return f"by {self._request.replaced[entry.symbol]}"
        if reason in (Reason.OVER_TARGET, Reason.UNDER_TARGET, Reason.PAYS_FOR_ANOTHER):
            held = (entry.held + entry.fraction) * entry.price
            return f"{self._percent(held)} held, {self._percent(entry.target_value)} targeted"
        return ""

    def _note(self, entry: Entry, reason: Reason) -> None:
        if reason is Reason.BELOW_MINIMUM:
            self.notes.append(f"{entry.symbol} is left alone: its order would be below the minimum value")
        if reason is Reason.TURNOVER:
            self.notes.append(f"{entry.symbol} is left alone: the maximum turnover is reached")
        if entry.fraction:
            self.notes.append(
                f"{entry.symbol}: {entry.fraction.normalize():f} of a share stays, because the API refuses to trade "
                "fractions (error 10243); close it in TWS or Client Portal"
            )

    def _note_quotes(self, lines: list[PlanLine]) -> None:
        for kind, words in QUOTE_NOTES.items():
            symbols = sorted(line.symbol for line in lines if line.quote is kind)
            if symbols:
                self.notes.append(f"{words}: {', '.join(symbols)}")

    def _weight(self, value: Decimal) -> Decimal:
        return (value / self._holdings.base).quantize(WEIGHT_PLACES) if self._holdings.base else ZERO

    def _percent(self, value: Decimal) -> str:
        return f"{100 * value / self._holdings.base if self._holdings.base else ZERO:.2f} %"
