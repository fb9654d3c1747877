"""The orders of one run: what is known of every intent, and what an operator says of those whose fate is unknown."""

from collections.abc import Callable, Iterable
from typing import Final

from rebalancing import failures
from rebalancing.orders.order import Intent, OrderReport, OrderState

RESOLVED: Final = "resolved by the operator"
"""The reason of an order whose fate a person told."""


class RunOrders:
    """Every intent that may have become an order (``intents``), and what became of it: ``reports`` by order ref.

    ``withdrawn`` are those that certainly never became one, because what they were sized by was old.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        """``on_change`` is called whenever more is known of an order."""
        self._on_change = on_change
        self.reports: dict[str, OrderReport] = {}
        self.withdrawn: dict[str, OrderReport] = {}
        self.highest_withdrawn_id = 0
        self.intents: tuple[Intent, ...] = ()

    @property
    def sent_refs(self) -> set[str]:
        """The refs of all orders that may be at the broker."""
        return {*self.reports, *(intent.ref for intent in self.intents)}

    @property
    def working(self) -> tuple[Intent, ...]:
        """The intents whose orders may still trade."""
        return self.still_working(self.intents)

    def still_working(self, intents: Iterable[Intent]) -> tuple[Intent, ...]:
        """Those of these intents whose orders may still trade."""
        return tuple(intent for intent in intents if not self._is_over(intent.ref))

    def expect(self, intents: tuple[Intent, ...]) -> None:
        """These are about to be placed: from here on they may be at the broker."""
        self.intents += intents
        self._on_change()

    def drop(self, reports: Iterable[OrderReport]) -> None:
        """These were certainly never sent. Those that were withdrawn are remembered with the highest of their ids."""
        unsent = {report.ref: report for report in reports}
        withdrawn = {ref: report for ref, report in unsent.items() if report.state is OrderState.WITHDRAWN}
        ids = [intent.order_id for intent in self.intents if intent.ref in withdrawn]
        self.highest_withdrawn_id = max(self.highest_withdrawn_id, *ids, 0)
        self.withdrawn |= withdrawn
        self.intents = tuple(intent for intent in self.intents if intent.ref not in unsent)

    def forget(self, intents: Iterable[Intent]) -> None:
        """These were certainly never sent, and never will be."""
        refs = {intent.ref for intent in intents}
        self.intents = tuple(intent for intent in self.intents if intent.ref not in refs)

    def note(self, reports: Iterable[OrderReport]) -> None:
        """What became of some of them."""
        self.reports |= {report.ref: report for report in reports}
        self._on_change()

    def doubt(self, intents: Iterable[Intent], seconds: float) -> None:
        """An order whose cancel is not confirmed within ``seconds`` may still fill: no further leg is built on it."""
        for intent in self.still_working(intents):
            report = self.reports[intent.ref]
            if report.filled >= report.quantity:  # only the report of its commission is missing
                self.note([report.model_copy(update={"state": OrderState.FILLED})])
                continue
            reason = (
                f"the broker did not confirm within {seconds:g} s that order {intent.order_id} ({intent.side} "
                f"{intent.quantity} {intent.symbol}) is cancelled. Look in TWS what became of it."
            )
            self.note([report.model_copy(update={"state": OrderState.UNKNOWN, "reason": reason})])

    @property
    def filled(self) -> str:
        """What has filled of every order, in words; empty where none was sent."""
        reports = self.reports.values()
        return ", ".join(f"{report.side} {report.filled}/{report.quantity} {report.symbol}" for report in reports)

    @property
    def traded_before(self) -> str:
        """What a run that does not come to its end had traded, to end the message that says why.

        What may still trade is named: where the gateway went away, an order may be there that nobody reported.
        """
        untold = ", ".join(f"{one.side} {one.quantity} {one.symbol} ({one.ref})" for one in self.working)
        told = [f"Traded before: {self.filled}."] if self.filled else []
        if untold:
            told.append(f"May still be at work or have filled: {untold}. Look in TWS.")
        return " ".join(told) or "Nothing was traded."

    @property
    def unknown(self) -> tuple[OrderReport, ...]:
        """The orders of unknown fate, by ref."""
        reports = sorted(self.reports.values(), key=lambda report: report.ref)
        return tuple(report for report in reports if report.state is OrderState.UNKNOWN)

    def resolve(self, ref: str, filled: int | None) -> None:
        """The operator says what became of an unknown order: so many shares filled, or (``None``) never placed."""
        report = self.reports.get(ref)
        if report is None or report.state is not OrderState.UNKNOWN:
            raise failures.NothingToResolve(f"No order {ref} of unknown fate here.")
        if (filled or 0) > report.quantity:
            raise failures.ResolutionInvalid(
                f"Order {ref} is for {report.quantity} shares; {filled} cannot have filled. If it was ordered twice, "
                "cancel this rebalance: the next one starts from what the account holds."
            )
        state = OrderState.FILLED if filled == report.quantity else OrderState.CANCELLED
        self.note([report.model_copy(update={"state": state, "filled": filled or 0, "reason": RESOLVED})])

    def _is_over(self, ref: str) -> bool:
        report = self.reports.get(ref)
        return report is not None and (report.state.is_final or report.state is OrderState.UNKNOWN)
