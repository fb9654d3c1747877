"""What must be cleared before anything is traded: the account's guards, and a person's approval where it is asked for.

An approval is a workflow update, so it is in the history before anybody is told that it was taken, and survives
whatever happens to workers. It holds for one plan hash; see ``rebalancing.approval`` for what becomes of it when prices
move.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import NamedTuple

from temporalio import workflow

from contract.requests import Opening
from rebalancing import failures
from rebalancing.approval import Approval, ApprovalRequired, Rejection, WaitingPlan, bounded, holds_still
from rebalancing.guards import Breach, GuardRequest, OnBreach
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import Plan, PlannedOrder
from rebalancing.targets import Targets
from rebalancing.triggers import signed
from workflows import local_calls
from workflows.details import plain, plan_table
from workflows.run_state import RunState
from workflows.summaries import orders
from workflows.turn import Turn
from workflows.waits import Waits


class Reading(NamedTuple):
    """One look at targets and account, and the plan that follows from it."""

    targets: Targets
    opening: AccountSnapshot
    plan: Plan


class PreTradeChecks:
    """Guards and approval of one rebalance."""

    def __init__(self, opening: Opening, turn: Turn, state: RunState, waits: Waits) -> None:
        self._account = opening.account
        self._last_targets = opening.last_targets
        self._longest = timedelta(seconds=min(self._account.approval.expires_after, opening.settings.max_wait))
        self._turn = turn
        self._state = state
        self._waits = waits
        self._decision: Approval | Rejection | None = None
        self._made_from: AccountSnapshot | None = None

    # --- the story's side -----------------------------------------------------------------------------------------

    async def clear(
        self, reading: Reading, read_again: Callable[[], Awaitable[Reading]], newer_event: Callable[[], bool]
    ) -> Reading:
        """The plan to carry out: this one, one made afresh while a person was asked, or the one that was approved.

        Raises ``GuardBreached``, ``PlanRejected`` or ``ApprovalExpired``.
        """
        while True:
            found = await self._breaches(reading)
            if found and self._account.guards.on_breach is OnBreach.STOP:
                raise failures.GuardBreached(self._account.account_id, f"{_listed(found)}.")
            if self._state.approved is not None and self._still_holds(self._state.approved, reading, found):
                return reading._replace(plan=self._state.approved.plan)
            if not found and not self._asks_always(reading.plan):
                self._state.approved = None
                return reading
            await self._ask(reading, found, newer_event)
            reading = await read_again()

    async def would_say(self, reading: Reading) -> list[str]:
        """What guards and approval would do to this plan, for a dry run: it never stops or waits."""
        found = await self._breaches(reading)
        stops = self._account.guards.on_breach is OnBreach.STOP
        does = "stop a live run" if stops else "make a live run ask for approval"
        notes = [f"a breached guard would {does}: {breach}" for breach in found]
        if self._asks_always(reading.plan) and not (found and stops):
            notes.append(f"a live run would ask for approval of plan {reading.plan.plan_hash}")
        return notes

    def bounded(self, checked: Plan, sized: tuple[PlannedOrder, ...]) -> tuple[PlannedOrder, ...]:
        """The buy leg as sized at last, kept within what guards or a person looked at."""
        looked_at = self._account.guards.are_set or self._state.approved is not None
        return bounded(checked.buys, sized) if looked_at else sized

    # --- the person's side ----------------------------------------------------------------------------------------

    def check(self, decision: Approval | Rejection) -> None:
        """Refuse a decision that fits no waiting plan, or is none. Raises ``NothingToApprove`` or ``OtherPlan``.

        JSON's ``null`` reaches an update as ``None``, whatever type it declares.
        """
        if not isinstance(decision, Approval | Rejection):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise failures.OtherPlan("A plan_hash is needed.")
        if self._state.waiting is None or self._decision is not None:
            raise failures.NothingToApprove(f"No plan of account {self._account.account_id} waits for approval now.")
        waiting = self._state.waiting.plan_hash
        if isinstance(decision, Approval) and decision.plan_hash != waiting:
            raise failures.OtherPlan(
                f"Account {self._account.account_id} waits for approval of plan {waiting}, not of "
                f"{decision.plan_hash}: an approval is for one plan and no other. Look at the plan as it is now, then "
                f"approve of {waiting}."
            )

    def decide(self, decision: Approval | Rejection) -> str:
        """Take a person's word, and say what follows from it."""
        self.check(decision)
        self._decision = decision
        plan_hash = self._state.waiting.plan_hash if self._state.waiting else ""
        word = "approved" if isinstance(decision, Approval) else "rejected"
        key_id = decision.key_id if isinstance(decision, Approval) else ""
        self._state.note_act(f"{word} plan {plan_hash}", signed(decision.by, key_id))
        if isinstance(decision, Rejection):
            return f"plan {plan_hash} of account {self._account.account_id} is rejected; nothing is traded"
        return f"plan {plan_hash} of account {self._account.account_id} is approved; the market is read again first"

    # --- steps ----------------------------------------------------------------------------------------------------

    def _asks_always(self, plan: Plan) -> bool:
        return bool(plan.orders) and self._account.approval.required is ApprovalRequired.ALWAYS

    async def _breaches(self, reading: Reading) -> tuple[Breach, ...]:
        if not self._account.guards.are_set:
            return ()
        request = GuardRequest(
            guards=self._account.guards,
            plan=reading.plan,
            targets=reading.targets,
            prices=reading.opening.prices,
            last_targets=self._last_targets,
            at=workflow.now(),
        )
        return await self._state.step(local_calls.check_guards(request))

    def _still_holds(self, approved: WaitingPlan, reading: Reading, found: Iterable[Breach]) -> bool:
        known = {breach.guard for breach in approved.breaches}
        if self._made_from is None or not {breach.guard for breach in found} <= known:
            return False
        tolerance = self._account.approval.price_tolerance_percent
        return holds_still(approved.plan, self._made_from, reading.opening, reading.plan, tolerance)

    async def _ask(self, reading: Reading, found: tuple[Breach, ...], newer_event: Callable[[], bool]) -> None:
        """Show the plan and wait for a person, a newer event or the end of patience."""
        if self._state.approved is not None:
            self._state.notes.append(
                f"plan {self._state.approved.plan_hash} was approved, but did not hold until it was read again"
            )
        now = workflow.now()
        waiting = WaitingPlan.of(reading.plan, found, now + self._longest)
        self._state.approved, self._decision, self._made_from = None, None, reading.opening
        self._state.waiting = waiting
        self._state.enter(Phase.WAITING_FOR_APPROVAL, _headline(waiting), _shown(self._account.account_id, waiting))
        is_replaced = False

        def is_over() -> bool:
            nonlocal is_replaced
            is_replaced = is_replaced or (self._decision is None and newer_event())
            return self._decision is not None or is_replaced

        async with self._turn.given_back():
            try:
                await self._waits.for_at_most(
                    self._longest, is_over, f"a person's approval of plan {waiting.plan_hash}: {orders(waiting.plan)}"
                )
            finally:
                self._state.waiting = None
            if not is_replaced:
                self._take(waiting)

    def _take(self, waiting: WaitingPlan) -> None:
        if isinstance(self._decision, Approval):
            self._state.approved = waiting
            self._state.notes.append(f"plan {waiting.plan_hash} was approved")
        elif isinstance(self._decision, Rejection):
            reason = f": {self._decision.reason}" if self._decision.reason else ""
            raise failures.PlanRejected(self._account.account_id, f"plan {waiting.plan_hash} was rejected{reason}.")
        else:
            seconds = self._longest.total_seconds()
            raise failures.ApprovalExpired(
                self._account.account_id,
                f"nobody approved of plan {waiting.plan_hash} within {seconds:g} s. Trigger the rebalance again when "
                "somebody can.",
            )


def _listed(found: Iterable[Breach]) -> str:
    return "; ".join(str(breach) for breach in found)


def _headline(waiting: WaitingPlan) -> str:
    orders = len(waiting.plan.orders)
    because = f", because of {_listed(waiting.breaches)}" if waiting.breaches else ""
    return f"of plan {waiting.plan_hash} ({orders} orders) until {waiting.expires_at:%Y-%m-%d %H:%M} UTC{because}"


def _shown(account: str, waiting: WaitingPlan) -> str:
    """The plan in Markdown, for the Temporal UI."""
    lines = [plan_table(waiting.plan)]
    if waiting.breaches:
        lines += ["", "Breached guards:", *(f"- {plain(str(breach))}" for breach in waiting.breaches)]
    lines += ["", f"Approve with `rebalancer approve {account} --plan-hash {waiting.plan_hash}`."]
    return "\n".join(lines)
