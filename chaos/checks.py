"""What must be true after a run, whatever went wrong in it. Pure: evidence in, violations out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from chaos.evidence import AccountWord, Broker, Evidence, Question, Run
from chaos.findings import Books, Kind, Violation
from chaos.spending import overspent
from chaos.timeline import Publish
from rebalancing.planner.plan import PlanRequest
from rebalancing.triggers import EventRing, EventStatus, ExecutionMode
from rebalancing.verification import measure

WEIGHT_TOLERANCE: Final = Decimal("0.004")
"""By how much a reported weight may miss the real one: a spread, and a price between the last fill and the report."""

UNCONFIRMED: Final = "did not confirm"
"""What the application says where a cancel was not confirmed in time: that order is there, and rightly asked about."""

IN_FLIGHT: Final = 8.0
"""Seconds that an order may lie before a gateway: as long as one is frozen, and it has something to catch up with."""


def violations(evidence: Evidence, published: Sequence[Publish], books: Books) -> tuple[Violation, ...]:
    """Everything that is wrong."""
    return (
        *duplicated_orders(evidence.broker),
        *duplicated_events(evidence.runs),
        *second_workflows(evidence.runs, books),
        *lost_orders(evidence, books),
        *lost_events(evidence.accounts, published, books),
        *stuck(evidence),
        *stale(evidence, books),
        *overspent(evidence, books),
        *misreported_orders(evidence),
        *misreported_holdings(evidence, books),
    )


def duplicated_orders(broker: Broker) -> Iterator[Violation]:
    """An intent has at most one accepted order."""
    counted = Counter(order.ref for order in broker.orders if order.is_accepted)
    for ref, times in counted.items():
        if times > 1:
            yield Violation(Kind.DUPLICATED, f"order ref {ref!r} has {times} accepted orders")


def duplicated_events(runs: Iterable[Run]) -> Iterator[Violation]:
    """An event is carried out by one run of an account at most."""
    counted = Counter((run.account, event) for run in runs for event in run.carried)
    for (account, event), times in counted.items():
        if times > 1:
            yield Violation(Kind.DUPLICATED, f"event {event} was carried out {times} times for {account}")


def second_workflows(runs: Iterable[Run], books: Books) -> Iterator[Violation]:
    """A run trades the account of its workflow id and no other; one under another id does nothing, and is over."""
    for run in runs:
        for account in sorted(run.traded - {run.account}):
            yield Violation(Kind.DUPLICATED, f"a run under the id of {run.account} traded {account}")
        if run.account not in books.strategies and run.status != "failed":
            yield Violation(Kind.STUCK, f"the run under the id of {run.account}, which is no account, is {run.status}")


def lost_orders(evidence: Evidence, books: Books) -> Iterator[Violation]:
    """The application knows every accepted order: its intent is in a workflow history.

    A power cut takes intents back, and with them the knowledge of orders that went out by them: those that were placed
    between the copy and the time by which everything read before the server's return is old.
    """
    known = {ref for run in evidence.runs for ref in run.intents}
    for order in evidence.broker.orders:
        forgotten = any(loss.copied_at <= order.placed_at <= loss.back_at + books.freshness for loss in evidence.losses)
        if order.is_accepted and order.ref not in known and not forgotten:
            yield Violation(Kind.LOST, f"order {order.perm_id} ({order.ref!r}) of {order.account} is in no history")


def lost_events(accounts: Mapping[str, AccountWord], published: Sequence[Publish], books: Books) -> Iterator[Violation]:
    """Every published event is carried out, or a later one that asks for as much is."""
    for account, strategy in books.strategies.items():
        ring = accounts[account].events if account in accounts else EventRing()
        own = [event for event in published if event.strategy == strategy]
        for position, event in enumerate(own):
            record = ring.find(event.event_id)
            if record is None:
                yield Violation(Kind.LOST, f"event {event.event_id} never reached {account}")
            elif record.status in (EventStatus.PENDING, EventStatus.RUNNING):
                yield Violation(Kind.STUCK, f"event {event.event_id} of {account} is still {record.status}")
            elif not _superseded(own[position:], ring, live=event.live):
                yield Violation(
                    Kind.LOST, f"event {event.event_id} of {account} ended as {record.status}: {record.summary}"
                )


def stuck(evidence: Evidence) -> Iterator[Violation]:
    """Nothing runs any more, and the operator was asked only about what could not be known."""
    for account, word in evidence.accounts.items():
        if word.is_running:
            yield Violation(Kind.STUCK, f"the rebalance of {account} is still running: {word.phase} {word.detail}")
    for order in evidence.broker.orders:
        if not order.is_over:
            yield Violation(Kind.STUCK, f"order {order.ref} of {order.account} is still {order.status}")
    for question in evidence.questions:
        if question.order is not None and UNCONFIRMED not in question.reason and not _out_of_sight(question, evidence):
            yield Violation(
                Kind.STUCK,
                f"the operator was asked about {question.ref} of {question.account}, which the gateway lists as "
                f"{question.order.status}: {question.reason}",
            )


def misreported_orders(evidence: Evidence) -> Iterator[Violation]:
    """What the application reported as final is what the broker's executions say."""
    reports = {ref: report for run in evidence.runs for ref, report in run.reports.items()}
    for run in evidence.runs:
        reports |= {report.ref: report for report in (run.outcome.orders if run.outcome else ())}
    for ref, report in reports.items():
        filled = evidence.broker.filled(ref)
        if report.state.is_final and report.filled != filled:
            yield Violation(
                Kind.MISREPORTED,
                f"order {ref} was reported {report.state} with {report.filled} shares; {filled} filled",
            )


def misreported_holdings(evidence: Evidence, books: Books) -> Iterator[Violation]:
    """An account holds what its last outcome says: after a dry run what it held before, as nothing was traded."""
    for account, word in evidence.accounts.items():
        outcome = word.last_outcome
        if outcome is None or account not in evidence.broker.accounts:
            continue
        own = evidence.broker.accounts[account]
        real = measure(
            PlanRequest(
                cash=own.cash,
                positions=dict(own.positions),
                prices={symbol: evidence.broker.prices[symbol] for symbol in own.positions},
                targets={},
                reserve_percent=books.reserve_percent,
            )
        ).weights
        is_live = outcome.mode is ExecutionMode.REBALANCE
        weights = outcome.weights_after if is_live else outcome.weights_before
        for symbol in sorted({*real, *weights}):
            is_, told = real.get(symbol, Decimal(0)), weights.get(symbol, Decimal(0))
            if abs(is_ - told) > WEIGHT_TOLERANCE:
                yield Violation(
                    Kind.MISREPORTED, f"{account} holds {is_:.4f} in {symbol}, its last outcome says {told:.4f}"
                )


def stale(evidence: Evidence, books: Books) -> Iterator[Violation]:
    """Every order reached the gateway while what it was sized by was fresh, or lay there before a frozen gateway."""
    figures = {ref: each for run in evidence.runs for ref, each in run.figures.items()}
    for order in evidence.broker.orders:
        own = figures.get(order.ref)
        if own is None or not order.is_accepted:
            continue
        late = (order.placed_at - own.fresh_until).total_seconds()
        if late > IN_FLIGHT or own.fresh_until - own.taken_at > books.freshness:
            yield Violation(
                Kind.STALE,
                f"order {order.ref} of {order.account} was placed {late:.1f} s after what it was sized by was old",
            )


def _out_of_sight(question: Question, evidence: Evidence) -> bool:
    """Whether the order was placed on an earlier day of the broker, of which a gateway tells nothing."""
    order, asked_at = question.order, question.asked_at
    if order is None or asked_at is None:
        return False
    return any(order.placed_at < midnight <= asked_at for midnight in evidence.new_days)


def _superseded(later: Sequence[Publish], ring: EventRing, *, live: bool) -> bool:
    """Whether the first of these events was carried out, or one after it that asks for as much."""
    for event in later:
        record = ring.find(event.event_id)
        if record is not None and record.status.is_carried_out and (event.live or not live):
            return True
    return False
