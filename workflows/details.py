"""A run's current details: how the account stands, as a page in Temporal's UI, and at the end what it came to.

They are Markdown, fetched by a query that any worker answers from the history, also of a run that is over. So they are
made at every phase and every report of orders, on replays too: from what is there already, and short.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from contract.summaries import counted
from rebalancing.orders.order import Intent, OrderReport, OrderState
from rebalancing.outcomes import ENDED_PHASES, Outcome, Phase
from rebalancing.phases import PHASES
from rebalancing.planner.plan import Plan
from rebalancing.triggers import ExecutionMode, Trigger
from workflows.summaries import orders

MOST_ROWS: Final = 40
"""So many orders, gaps and notes are listed; the others are counted."""

MOST_EVENTS: Final = 5

_FOREIGN: Final = str.maketrans({letter: f"\\{letter}" for letter in "\\`*[]<>|$"} | dict.fromkeys("\r\n\t", " "))

_GAP: Final = "\u00a0"


class Standing(NamedTuple):
    """How a run stands. ``told`` is what it ended with, in words; ``shown`` is Markdown that goes below.

    ``intents`` are the orders that may be at the broker, ``reports`` what is known of them, by ref. ``drift_before`` is
    that before the first order, in percent.
    """

    account: str
    phase: Phase
    since: datetime
    detail: str
    shown: str
    told: str
    mode: ExecutionMode | None
    strategy: str
    triggers: tuple[Trigger, ...]
    drift_before: Decimal | None
    plan: Plan | None
    intents: tuple[Intent, ...]
    reports: dict[str, OrderReport]
    outcome: Outcome | None


def details(run: Standing) -> str:
    """The page."""
    parts = [_headline(run), _facts(run), run.shown, _order_table(run), *_endings(run)]
    return "\n\n".join(filter(None, parts))


def plain(text: str) -> str:
    """Text of others, which must not become links, formulas, tables or tags."""
    return text.translate(_FOREIGN).replace("://", ": //")


# --- above ------------------------------------------------------------------------------------------------------------


def _headline(run: Standing) -> str:
    told = " · ".join(filter(None, (run.mode.word if run.mode else "", plain(run.strategy), run.account)))
    return f"### {run.phase.value.upper()}\n\n**{told}**"


def _facts(run: Standing) -> str:
    return _table(("", ""), "--", [(name, value) for name, value in _told_facts(run) if value])


def _told_facts(run: Standing) -> Iterator[tuple[str, str]]:
    """What is to be read first comes first."""
    yield ("why" if run.phase in ENDED_PHASES else "now"), plain(_reason(run))
    yield "what to do", PHASES[run.phase].do.replace("ACCOUNT", run.account)
    yield "drift", _drift(run)
    yield "orders", _progress(run)
    yield "plan", orders(run.plan) if run.plan else ""
    if run.outcome is not None and run.outcome.orders:
        yield "commissions", f"{run.outcome.commissions:,.2f} USD"
        if slippage := run.outcome.slippage:
            yield "slippage", f"{slippage.amount:,.2f} USD ({slippage.basis_points:+} bp of {slippage.traded:,.0f} USD)"
    yield "asked for by", _asked_by(run.triggers)
    since = "ended at" if run.phase in ENDED_PHASES else "in this phase since"
    yield since, f"{run.since.astimezone(UTC):%a %Y-%m-%d %H:%M:%S} UTC"


def _reason(run: Standing) -> str:
    """What is waited for, why it ended as it did, or what is not carried out."""
    if run.outcome is not None:
        return run.outcome.missing
    if run.told or run.detail:
        leads_in = run.phase in ENDED_PHASES or run.phase in (Phase.HALTED, Phase.NEEDS_OPERATOR)
        return run.told or (run.detail if leads_in else f"{run.phase.value} {run.detail}")
    if any(intent.ref not in run.reports for intent in run.intents):
        return "orders are being sent"
    at_work = [report for report in run.reports.values() if not report.state.is_final]
    return f"waits for {counted(len(at_work), 'order')} to fill" if at_work else ""


def _drift(run: Standing) -> str:
    """From what to what; of a dry run, what it would come to."""
    if run.drift_before is None:
        return ""
    before = f"{run.drift_before:.2f} %"
    after = run.outcome.drift if run.outcome else None
    if after is None:
        return f"{before} off the targets"
    would = " (would be)" if run.mode is ExecutionMode.DRY_RUN else ""
    return f"**{before} → {after:.2f} %**{would}"


def _progress(run: Standing) -> str:
    """How many orders are filled, of how many that went out."""
    if not run.intents and not run.reports:
        return ""
    refs = dict.fromkeys([*run.reports, *(intent.ref for intent in run.intents)])
    states = [run.reports[ref].state for ref in refs if ref in run.reports]
    others = {state: states.count(state) for state in OrderState if state is not OrderState.FILLED}
    more = "".join(f", {number} {_state_word(state)}" for state, number in others.items() if number)
    return f"{states.count(OrderState.FILLED)} of {len(refs)} filled{more}"


def _asked_by(triggers: Iterable[Trigger]) -> str:
    given = tuple(triggers)
    told = [plain(trigger.origin) for trigger in given[:MOST_EVENTS]]
    more = [f"{len(given) - MOST_EVENTS} more"] if len(given) > MOST_EVENTS else []
    return "; ".join((*told, *more))


# --- below ------------------------------------------------------------------------------------------------------------


def _order_table(run: Standing) -> str:
    """The orders as the broker tells of them; of a dry run those that it would send."""
    if run.mode is ExecutionMode.DRY_RUN and run.outcome is not None and run.plan is not None:
        return plan_table(run.plan)
    rows = [*_order_rows(run)]
    return _table(("side", "symbol", "filled", "at", "state"), "--<<-", rows) if rows else ""


def plan_table(plan: Plan) -> str:
    """What a plan would have traded, with the reason of each order; empty where it would nothing."""
    rows = [
        (order.side, f"{order.quantity:,}", order.symbol, f"{order.estimated_value:,.2f}", plain(order.reason))
        for order in plan.orders
    ]
    return _table(("side", "shares", "symbol", "USD", "reason"), "-<-<-", rows) if rows else ""


def _order_rows(run: Standing) -> Iterator[tuple[str, ...]]:
    sent = [intent for intent in run.intents if intent.ref not in run.reports]
    for report in run.reports.values():
        at = f"{report.average_price:,.2f}" if report.filled else ""
        state = " ".join(filter(None, (f"**{_state_word(report.state)}**", plain(report.reason))))
        filled = f"{report.filled:,} of {report.quantity:,}"
        yield report.side, report.symbol, filled, at, state
    for intent in sent:
        yield intent.side, intent.symbol, f"0 of {intent.quantity:,}", "", "being sent"


def _endings(run: Standing) -> Iterator[str]:
    """What is left open, and what people should know besides."""
    if run.outcome is None:
        return
    gaps = [
        f"- {plain(gap.symbol)}: {100 * gap.achieved_weight:.2f} % instead of {100 * gap.target_weight:.2f} %, "
        f"{plain(gap.reason)}{'' if gap.is_explained else ' **(not carried out)**'}"
        for gap in sorted(run.outcome.gaps, key=lambda gap: gap.is_explained)
    ]
    if gaps:
        yield "\n".join(("**Away from the targets**", "", *_some(gaps, "- and {} more")))
    if run.outcome.notes and run.mode is ExecutionMode.REBALANCE:
        notes = [f"- {plain(note)}" for note in run.outcome.notes]
        yield "\n".join(("**Notes**", "", *_some(notes, "- and {} more")))


def _table(head: tuple[str, ...], ways: str, rows: list[tuple[str, ...]]) -> str:
    """A table; ``ways`` says of each column whether it is of numbers (``<``). The UI leaves no room between cells."""
    lines = [_row(head), "|".join(("", *("---:" if way == "<" else "---" for way in ways), ""))]
    more = [_row((f"… {len(rows) - MOST_ROWS} more", *[""] * (len(head) - 1)))] if len(rows) > MOST_ROWS else []
    return "\n".join([*lines, *(_row(row) for row in rows[:MOST_ROWS]), *more])


def _row(cells: tuple[str, ...]) -> str:
    return "|".join(("", *(f"{_GAP}{cell}{_GAP}{_GAP}" if cell else " " for cell in cells), ""))


def _some(lines: list[str], more: str) -> list[str]:
    return lines if len(lines) <= MOST_ROWS else [*lines[:MOST_ROWS], more.format(len(lines) - MOST_ROWS)]


def _state_word(state: OrderState) -> str:
    return "at work" if state is OrderState.WORKING else state.value.replace("_", " ")
