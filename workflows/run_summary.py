"""What a run writes down of itself when it closes, whatever way it ends (``contract.run_summary``)."""

from collections.abc import Iterable
from decimal import Decimal

from temporalio import workflow

from contract.run_summary import LONGEST_REASON, MOST_EVENTS, RunSummary
from rebalancing.base import CENT
from rebalancing.orders.slippage import total_slippage
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import ExecutionMode, Trigger
from workflows.run_state import RunState


def summary_of(
    state: RunState,
    triggers: tuple[Trigger, ...],
    phase: Phase,
    outcome: Outcome | None = None,
    failure: str = "",
    reason: str = "",
) -> RunSummary | None:
    """The summary of a run that ends now, for these triggers; ``None`` where there was nothing to do."""
    if not triggers:
        return None
    reports = tuple(state.orders.reports.values())
    prices = state.opening.prices if state.opening else {}
    slippage = outcome.slippage if outcome else total_slippage(reports, prices)
    planned = outcome.plan.orders if outcome and outcome.plan and outcome.mode is ExecutionMode.DRY_RUN else ()
    filled = (report.filled * report.average_price for report in reports)
    return RunSummary(
        phase=phase,
        mode=triggers[0].mode,
        sources=_named(trigger.source for trigger in triggers),
        by=_named(trigger.signed_by for trigger in triggers),
        event_ids=tuple(trigger.event_id for trigger in triggers[:MOST_EVENTS]),
        events=len(triggers),
        drift_before=outcome.drift_before if outcome else state.drift_before,
        drift_after=outcome.drift if outcome else None,
        orders=len(planned) or len(reports),
        traded=_cents([*filled, *(order.estimated_value for order in planned)]),
        slippage=slippage.amount if slippage else None,
        slippage_bp=slippage.basis_points if slippage else None,
        commissions=_cents(report.commission for report in reports),
        started_at=workflow.info().start_time,
        finished_at=workflow.now(),
        failure=failure,
        reason=_short(reason),
        acts=tuple(state.acts),
    )


def _named(names: Iterable[str]) -> tuple[str, ...]:
    """The first few different ones of those that are not empty, in their order."""
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_EVENTS]


def _cents(amounts: Iterable[Decimal]) -> Decimal:
    total = sum(amounts, Decimal(0))
    return total.quantize(CENT) if total else Decimal(0)


def _short(reason: str) -> str:
    words = " ".join(reason.split())
    return words if len(words) <= LONGEST_REASON else f"{words[: LONGEST_REASON - 1]}…"
