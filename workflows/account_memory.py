"""What an account remembers from one run to the next: events, so that none is carried out twice, and its last targets.

It is written to the run's memo, because a run that is terminated leaves no result (promise P2): what the run takes on
at once, and all that the account remembers at its end only, for that is long.
"""

from collections.abc import Mapping
from decimal import Decimal

from temporalio import workflow

from contract.messages import RunInput
from contract.names import BEGUN_MEMO, EVENTS_MEMO, PROOF_MEMO, SUMMARY_MEMO, TARGETS_MEMO
from contract.requests import Opening
from contract.run_summary import RunSummary
from rebalancing.triggers import EventRing, EventStatus, Trigger
from workflows import run_metrics


class AccountMemory:
    """The memory of one run. ``own_events`` are those that came to this run, ``last_targets`` of the last rebalance."""

    def __init__(self, start: RunInput) -> None:
        self.own_events = EventRing()
        self.last_targets: Mapping[str, Decimal] | None = start.last_targets
        self._earlier = start.events or EventRing()
        self._was_handed_over = start.events is not None
        self._account = start.account
        self._proof = ""

    @property
    def events(self) -> EventRing:
        """All that the account remembers by now."""
        return self._earlier.followed_by(self.own_events)

    def learn(self, opening: Opening) -> None:
        """Take in what the last chain of runs remembered, unless this run was handed it by the one before."""
        if opening.seals is not None:  # what it was handed may have come from anybody
            self._was_handed_over = opening.seals.is_follow_up
            self._proof = opening.seals.proof
        if not self._was_handed_over:
            self._earlier, self.last_targets = opening.events, opening.last_targets

    def note(self, triggers: tuple[Trigger, ...], status: EventStatus, summary: str) -> None:
        """Remember how far these events of this run have come."""
        self.own_events = self.own_events.noting(triggers, status, summary)

    def take_on(
        self, triggers: tuple[Trigger, ...], status: EventStatus, summary: str, pending: tuple[Trigger, ...]
    ) -> None:
        """Remember them at once, and those that are pending: a person who terminates the run ends them too."""
        self.note(triggers, status, summary)
        begun = self.own_events.noting(pending, EventStatus.PENDING)
        workflow.upsert_memo({BEGUN_MEMO: begun.model_dump(mode="json")})

    def write_down(self, pending: tuple[Trigger, ...], summary: RunSummary | None = None) -> None:
        """Leave everything to the next run, and what this one came to to whoever looks back."""
        workflow.upsert_memo({**self.memo(pending), BEGUN_MEMO: None, **_told(summary)})
        if summary is not None:
            run_metrics.ended(self._account, summary)

    def write_refusal(self, summary: RunSummary | None) -> None:
        """Of a run that was refused before it began: it learned nothing that the next run would need."""
        if summary is not None:
            workflow.upsert_memo(_told(summary))
            run_metrics.ended(self._account, summary)

    def memo(self, pending: tuple[Trigger, ...]) -> dict[str, object]:
        """Everything, as a memo."""
        memo: dict[str, object] = {
            EVENTS_MEMO: self.events.noting(pending, EventStatus.PENDING).model_dump(mode="json")
        }
        if self.last_targets is not None:
            memo[TARGETS_MEMO] = {symbol: str(weight) for symbol, weight in self.last_targets.items()}
        if self._proof:
            memo[PROOF_MEMO] = self._proof
        return memo

    def for_follow_up(self, triggers: tuple[Trigger, ...]) -> RunInput:
        """What a follow-up run starts with. Who waits for an event of this run is told in words what became of it."""
        return RunInput(
            account=self._account,
            triggers=triggers,
            events=self._earlier.without_summaries.followed_by(self.own_events),
            last_targets=None if self.last_targets is None else dict(self.last_targets),
            proof=self._proof,
        )


def _told(summary: RunSummary | None) -> dict[str, object]:
    return {} if summary is None else {SUMMARY_MEMO: summary.model_dump(mode="json", exclude_defaults=True)}
