"""The workflow of one account: takes events in, runs one rebalance for them, and hands later ones to a follow-up run.

Promises P1 (one at a time: the workflow id), P2 (no event lost, none run twice) and P8 (cancel means cancel).
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contract.messages import Resolution, RunInput, RunResult
from contract.names import (
    ACCOUNT,
    APPROVE_UPDATE,
    REJECT_UPDATE,
    RESUMED_SIGNAL,
    STATUS_QUERY,
    TRIGGER_SIGNAL,
    TURN_SIGNAL,
    WORKFLOW_TYPE,
    account_of,
    workflow_id,
)
from contract.seals import SealRequest
from contract.status import Status
from rebalancing import failures
from rebalancing.accounts import is_account_id
from rebalancing.approval import Approval, Rejection
from rebalancing.errors import RebalancerError, with_command
from rebalancing.guards import remembered_targets
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import EventStatus, ExecutionMode, Trigger, next_round, signed
from workflows import local_calls
from workflows.account_memory import AccountMemory
from workflows.activity_errors import FAILURES, own_error
from workflows.approval import PreTradeChecks
from workflows.circuit_breaker import judged
from workflows.misled import first_problem, workflow_id_wrong
from workflows.operation_clock import GATEWAY_ALLOWANCE
from workflows.rebalance import Rebalance
from workflows.run_state import RunState
from workflows.run_summary import summary_of
from workflows.seals import SealedRequests
from workflows.summaries import work_left
from workflows.waits import done_within

REFUSAL_SUMMARY: Final = "refusal-summary"
"""Since when a run that is refused before it begins leaves a summary too."""

REJECTION_SHOWN: Final = "rejection-shown"
"""Since when one whose triggers were all unreadable shows that it failed."""


@workflow.defn(name=WORKFLOW_TYPE, failure_exception_types=[ValidationError, RebalancerError])
class RebalanceAccount:
    """Rebalances one account. Signals bring triggers, the query ``status`` tells where it stands."""

    @workflow.init
    def __init__(self, start: RunInput) -> None:
        self._account = start.account
        self._pending: tuple[Trigger, ...] = ()
        self._misled: tuple[Trigger, ...] = ()
        self._maximum_age: timedelta | None = None
        self._restored_at: datetime | None = None
        self._taken: tuple[Trigger, ...] = ()
        self._expired: tuple[Trigger, ...] = ()
        self._memory = AccountMemory(start)
        self._rejected: list[str] = []
        self._rebalance: Rebalance | None = None
        self._state = RunState(start.account)
        self._seals = SealedRequests(start.account, self._state, self._reject)
        for trigger in start.triggers:
            self._accept(trigger)

    @workflow.run
    async def run(self, start: RunInput) -> RunResult:
        """Open, rebalance once, and either close or hand over to a follow-up run."""
        self._refuse_other_ids()
        if ACCOUNT not in workflow.info().typed_search_attributes:  # the listener starts it with its account
            workflow.upsert_search_attributes([ACCOUNT.value_set(self._account)])
        try:
            opening = await local_calls.open_rebalance(start, asked := self._seals.waiting)
        except asyncio.CancelledError:
            self._refused(Phase.CANCELLED)
            self._state.enter(Phase.CANCELLED, "before it began")
            raise
        except (ActivityError, ApplicationError) as error:
            reason = own_error(error)
            self._refused(Phase.FAILED, reason)
            self._state.enter(Phase.FAILED, reason.message)
            self._state.log(logging.WARNING, f"not started: {reason.message}")
            raise reason from reason.__cause__
        for trigger in self._seals.opened(asked, opening):
            self._take_in(trigger)
        self._memory.learn(opening)
        opening = opening.model_copy(update={"last_targets": self._memory.last_targets})
        self._maximum_age = timedelta(seconds=opening.settings.events.maximum_age)
        self._restored_at = opening.restored_at
        await self._seals.settled()
        if not self._begin(opening.account.strategy_name):
            return self._nothing_to_do()
        if not self._taken:
            return self._all_expired()
        self._rebalance = Rebalance(opening, self._taken, self._state)
        try:
            outcome = await judged(self._supervise(self._rebalance), self._rebalance, self._state)
        except asyncio.CancelledError:
            await self._seals.settled()
            self._close(EventStatus.CANCELLED, f"cancelled; filled: {self._state.orders.filled or 'nothing'}")
            raise
        except FAILURES as error:
            return self._failed(own_error(error))
        if outcome.mode is ExecutionMode.REBALANCE:
            self._memory.last_targets = remembered_targets(outcome.target_weights)
        self._close(EventStatus(outcome.phase.value), outcome.summary, outcome)
        self._hand_over()
        return RunResult(outcome=outcome, events=self._memory.own_events)

    @workflow.signal(
        name=TRIGGER_SIGNAL,
        description="Ask for a rebalance: {account, event_id, mode, requested_at}",
        unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON,  # what waits for its seal is handed over
    )
    async def trigger(self, payload: Any) -> None:
        """Take an event in. What is unreadable is kept as a message in the status and changes nothing else."""
        # What was sent before this run was opened may have waited on the server for days, and nobody tells how long:
        # it counts as sent when the run was started.
        sent_at = workflow.now() if self._maximum_age is not None else workflow.info().workflow_start_time
        try:
            trigger = Trigger.from_signal(payload, account_of(workflow.info().workflow_id), sent_at)
        except ValidationError as error:
            self._reject(f"unreadable trigger: {first_problem(error)}")
            return
        self._accept(trigger)
        if trigger in self._seals.waiting and (weighed := await self._seals.judged(trigger)):
            self._take_in(weighed)

    @workflow.signal(name=TURN_SIGNAL, description="Sent by the worker: the turn of this rebalance has come")
    def turn(self) -> None:
        """Go on; see ``max_concurrent_rebalances``."""
        if self._rebalance is not None:
            self._rebalance.turn.has_come()

    @workflow.signal(name=RESUMED_SIGNAL, description="Sent by a worker: nothing holds trading any more")
    def resumed(self) -> None:
        """Look whether that is so; see ``workflows.halts``."""
        if self._rebalance is not None:
            self._rebalance.halts.look_again()

    @workflow.query(name=STATUS_QUERY, description="Where this rebalance stands")
    def status(self) -> Status:
        """Phase, orders, and the events that are pending or remembered."""
        rebalance = self._rebalance
        return Status(
            account=self._account,
            phase=self._state.phase,
            since=self._state.since,
            detail=self._state.detail,
            mode=rebalance.mode if rebalance else None,
            strategy=rebalance.account.strategy_name if rebalance else "",
            orders=tuple(self._state.orders.reports.values()),
            waiting_plan=self._state.waiting,
            plan=self._state.plan,
            pending_events=tuple(trigger.event_id for trigger in (*self._pending, *self._seals.waiting)),
            events=self._memory.events,
            rejected_triggers=tuple(self._rejected),
        )

    @workflow.update(description="Say what became of an order of unknown fate: {ref, filled}")
    async def resolve(self, resolution: Resolution) -> None:
        """The operator's word on an unknown order (promise P3)."""
        if self._rebalance is None:
            raise failures.NothingToResolve("Nothing waits for an operator.")
        await self._seals.require(SealRequest(account=self._account, resolution=resolution))
        self._state.orders.resolve(resolution.ref, resolution.filled)
        found = "never placed" if resolution.filled is None else f"{resolution.filled} filled"
        self._state.note_act(f"resolved {resolution.ref}: {found}", signed(resolution.by, resolution.key_id))

    @workflow.update(name=APPROVE_UPDATE, description="Approve of the plan that waits for it: {plan_hash}")
    async def approve(self, approval: Approval) -> str:
        """A person's yes to one plan; what follows from it in words."""
        await self._seals.require(SealRequest(account=self._account, approval=approval))
        return self._pre_trade_checks.decide(approval)

    @approve.validator
    def _may_approve(self, approval: Approval) -> None:
        self._pre_trade_checks.check(approval)

    @workflow.update(name=REJECT_UPDATE, description="Reject the plan that waits for approval: {reason}")
    def reject(self, rejection: Rejection | None = None) -> str:
        """A person's no: the rebalance ends, nothing is traded."""
        return self._pre_trade_checks.decide(rejection or Rejection())

    @reject.validator
    def _may_reject(self, rejection: Rejection | None = None) -> None:
        self._pre_trade_checks.check(rejection or Rejection())

    @property
    def _pre_trade_checks(self) -> PreTradeChecks:
        if self._rebalance is None:
            raise failures.NothingToApprove(f"No plan of account {self._account} waits for approval now.")
        return self._rebalance.pre_trade_checks

    def _refuse_other_ids(self) -> None:
        """There is one workflow for an account because there is one id for it (promise P1).

        What was signalled to that id meanwhile is for the account whose id it is, and was accepted (promise P2).
        """
        if workflow.info().workflow_id == workflow_id(self._account):
            return
        if self._misled:
            workflow.continue_as_new(RunInput(account=self._misled[0].account, triggers=self._misled))
        self._state.enter(Phase.FAILED)
        raise workflow_id_wrong(self._account, workflow.info().workflow_id)

    async def _supervise(self, rebalance: Rebalance) -> Outcome:
        """Run the story; stop it when it is cancelled or has worked too long, and clean up before passing that on."""
        limit = timedelta(seconds=float(rebalance.settings.concurrency.operation_timeout))
        story = asyncio.create_task(rebalance.run(self._absorb_newer))
        try:
            while not story.done():
                await self._until_worth_a_look(story, limit)
                if not story.done():
                    self._show_gateway_wait()
                if self._state.clock.worked >= limit:
                    break
        except asyncio.CancelledError:
            await self._stop(rebalance, story)
            raise
        if story.done():
            return await self._finished(rebalance, story)
        phase = self._state.phase
        await self._stop(rebalance, story)
        raise failures.OperationTimeout(
            self._account,
            f"the rebalance worked longer than its limit of {limit.total_seconds():g} s while {phase.value}; it was "
            "stopped and its working orders were cancelled.",
        )

    async def _until_worth_a_look(self, story: asyncio.Task[Outcome], limit: timedelta) -> None:
        """While time is not counted no timer runs beside the story's own: a wait for days leaves a short history."""
        clock = self._state.clock
        if clock.is_waiting:
            await workflow.wait_condition(lambda: story.done() or not clock.is_within_wait)
            return
        left = limit - clock.worked
        await done_within(story, min(left, GATEWAY_ALLOWANCE), work_left(left, limit))

    async def _finished(self, rebalance: Rebalance, story: asyncio.Task[Outcome]) -> Outcome:
        """The story's outcome; where it failed with orders at work, they are cancelled before the failure is told."""
        try:
            return await story
        except FAILURES:
            with suppress(ActivityError):
                await rebalance.legs.cancel_working()
            raise

    async def _stop(self, rebalance: Rebalance, story: asyncio.Task[Outcome]) -> None:
        self._state.stop()
        story.cancel()
        await workflow.wait([story])
        if not story.cancelled():
            story.exception()  # it ended by itself at the same moment; its working orders are cancelled all the same
        await rebalance.legs.cancel_working()

    def _show_gateway_wait(self) -> None:
        away = self._state.clock.is_waiting and not self._state.is_watching_orders
        if away and self._state.phase in (Phase.READING, Phase.SELLING, Phase.BUYING):
            self._state.enter(Phase.WAITING_FOR_GATEWAY, f"during {self._state.phase.value}")

    # --- events ---------------------------------------------------------------------------------------------------

    def _accept(self, trigger: Trigger) -> None:
        if trigger.account != self._account:
            if workflow_id(trigger.account) == workflow.info().workflow_id and is_account_id(trigger.account):
                self._misled += (trigger,)
            self._reject(f"a trigger for account {trigger.account} was sent to {self._account}")
            return
        if not self._is_known(trigger) and not self._seals.keep(trigger):
            self._take_in(trigger)

    def _is_known(self, trigger: Trigger) -> bool:
        return any(own.covers(trigger) for own in (*self._pending, *self._taken)) or self._memory.events.knows(trigger)

    def _take_in(self, trigger: Trigger) -> None:
        """Have a trigger pend whose seal needs no more looking at."""
        if not trigger.seal:  # what is sealed is handed over as it is
            trigger = trigger.no_later_than(workflow.now())
        if self._is_known(trigger):
            return
        if self._why_not_traded(trigger):
            self._expire((trigger,))
        else:
            self._pending = (*(own for own in self._pending if not trigger.covers(own)), trigger)

    def _why_not_traded(self, trigger: Trigger) -> str:
        """Whichever way it came, and however long it waited on the server (promise P2); told once the run is opened."""
        return trigger.why_not_traded(workflow.now(), self._maximum_age, self._restored_at)

    def _expire(self, triggers: tuple[Trigger, ...]) -> None:
        self._expired += triggers
        for trigger in triggers:
            told = f"not traded: {self._why_not_traded(trigger)}"
            workflow.logger.warning("account %s: event %s: %s", self._account, trigger.event_id, told)
            self._memory.take_on((trigger,), EventStatus.EXPIRED, told, self._pending)

    def _reject(self, problem: str) -> None:
        workflow.logger.warning("account %s: %s", self._account, problem)
        self._rejected.append(problem)

    def _begin(self, strategy: str) -> bool:
        """Take on what is new of the pending events, as far as it is not too old; whether anything is new."""
        news = tuple(trigger for trigger in self._pending if not self._memory.events.knows(trigger))
        expired = tuple(trigger for trigger in news if self._why_not_traded(trigger))
        self._pending = tuple(trigger for trigger in news if trigger not in expired)
        if not news:
            return False
        self._expire(expired)
        if self._pending:
            self._take_on(EventStatus.RUNNING)
            events = ", ".join(trigger.event_id for trigger in self._taken)
            self._state.log(logging.INFO, f"{self._taken[0].mode} by {strategy} started for {events}")
        self._state.begin(strategy, (self._taken or expired)[0].mode)
        return True

    def _take_on(self, status: EventStatus) -> None:
        """Move the events of the next round from pending to taken; from here on they are remembered."""
        taken = next_round(self._pending)
        self._pending = tuple(trigger for trigger in self._pending if trigger not in taken)
        taken = tuple(trigger.no_later_than(workflow.now()) for trigger in taken)
        self._taken += taken
        self._state.serve(self._taken)
        self._memory.take_on(taken, status, "", self._pending)

    def _absorb_newer(self) -> bool:
        """While nothing has been traded, a newer event of the same kind joins the round it would only repeat."""
        mode = self._taken[0].mode
        if not any(trigger.mode is mode for trigger in self._pending):
            return False
        joining = tuple(trigger for trigger in self._pending if trigger.mode is mode)
        self._pending = tuple(trigger for trigger in self._pending if trigger.mode is not mode)
        self._taken += tuple(trigger.no_later_than(workflow.now()) for trigger in joining)
        return True

    # --- closing --------------------------------------------------------------------------------------------------

    def _close(self, status: EventStatus, summary: str, outcome: Outcome | None = None, failure: str = "") -> None:
        phase, missing = Phase(status.value), outcome.missing if outcome else ""
        if status is EventStatus.CANCELLED:
            self._taken, self._pending = (*self._taken, *self._pending), ()
        self._state.outcome, self._state.told = outcome, summary
        self._memory.note(self._taken, status, summary)
        told = summary_of(self._state, self._taken, phase, outcome, failure, missing if outcome else summary)
        self._memory.write_down(self._pending, told)
        self._state.enter(phase, missing)
        is_fine = status is EventStatus.COMPLETED
        self._state.log(logging.INFO if is_fine else logging.WARNING, f"{phase.value}: {summary}")

    def _failed(self, error: ApplicationError) -> RunResult:
        message = f"{error.message} {self._state.orders.traded_before}"
        self._close(EventStatus.FAILED, message, failure=error.type or "")
        self._hand_over()
        raise ApplicationError(
            with_command(message, error.type),
            RunResult(outcome=None, events=self._memory.own_events),
            type=error.type,
            non_retryable=True,
        ) from error

    def _hand_over(self) -> None:
        """Go on in a follow-up run if events came meanwhile. There is no await between this and the close."""
        if pending := (*self._pending, *self._seals.waiting):
            workflow.continue_as_new(self._memory.for_follow_up(pending), memo=self._memory.memo(self._pending))

    def _nothing_to_do(self) -> RunResult:
        self._memory.write_down(self._pending)
        if self._rejected:
            if workflow.patched(REJECTION_SHOWN):
                self._state.enter(Phase.FAILED, "; ".join(self._rejected))
            raise failures.TriggerInvalid(with_command("; ".join(self._rejected), "TriggerInvalid"))
        self._state.enter(Phase.COMPLETED, "every event was known already")
        return RunResult(outcome=None, events=self._memory.own_events)

    def _all_expired(self) -> RunResult:
        told = "every event was too old to trade by"
        self._memory.write_down(self._pending, summary_of(self._state, self._expired, Phase.EXPIRED, reason=told))
        self._state.enter(Phase.EXPIRED, told)
        return RunResult(outcome=None, events=self._memory.own_events)

    def _refused(self, phase: Phase, error: ApplicationError | None = None) -> None:
        """Leave a summary of a run that was not begun. Histories of before there were summaries end without it."""
        if workflow.patched(REFUSAL_SUMMARY):
            failure, reason = (error.type or "", error.message) if error else ("", "cancelled before it began")
            triggers = next_round((*self._pending, *self._seals.waiting))
            self._memory.write_refusal(summary_of(self._state, triggers, phase, None, failure, reason))
