"""Which of the things asked of a run may make it trade (promise P10).

The key is with the workers: an activity looks at seals, and this knows what it found. A live trigger waits here until
then, so that one without a good seal neither counts as its event nor keeps that from being carried out.
"""

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from contract.requests import Opening
from contract.seals import SealFindings, SealRequest
from rebalancing.failures import SealRefused
from rebalancing.triggers import Trigger
from workflows import local_calls
from workflows.run_state import RunState


class SealedRequests:
    """The live triggers of a run of this account that are still to be looked at, and what else needs a seal.

    ``reject`` is told what does not count, and why.
    """

    def __init__(self, account: str, state: RunState, reject: Callable[[str], None]) -> None:
        self.waiting: tuple[Trigger, ...] = ()
        self._account = account
        self._state = state
        self._reject = reject
        self._is_open = False
        self._findings: SealFindings | None = None

    def keep(self, trigger: Trigger) -> bool:
        """Have a trigger wait if its seal is to be looked at; whether it waits now."""
        if not trigger.is_live or (self._is_open and self._findings is None):
            return False
        if trigger not in self.waiting:
            self.waiting = (*self.waiting, trigger)
        return True

    def opened(self, asked: tuple[Trigger, ...], opening: Opening) -> tuple[Trigger, ...]:
        """What is to be accepted now that the seals of the triggers ``asked`` about were looked at."""
        self._is_open, self._findings = True, opening.seals
        if self._findings is None:  # of a release before there were seals, or where none are required
            accepted, self.waiting = self.waiting, ()
            return accepted
        self._state.permit = self._findings.permit
        self.waiting = tuple(trigger for trigger in self.waiting if trigger not in asked)
        judged = zip(asked, self._findings.refusals, strict=True)
        return tuple(self._weighed(trigger, refusal) for trigger, refusal in judged)

    async def settled(self) -> None:
        """Return once nothing waits any more."""
        if self.waiting:
            await workflow.wait_condition(lambda: not self.waiting)

    async def judged(self, trigger: Trigger) -> Trigger | None:
        """What a trigger that waits comes to; ``None`` where the opening of the run has judged it meanwhile."""
        await workflow.wait_condition(lambda: self._is_open)
        if trigger not in self.waiting:
            return None
        refusal = await self._refusal(SealRequest(account=self._account, trigger=trigger))
        if trigger not in self.waiting:
            return None
        self.waiting = tuple(each for each in self.waiting if each != trigger)
        return self._weighed(trigger, refusal)

    async def require(self, request: SealRequest) -> None:
        """Raise ``SealRefused`` unless this approval or resolution counts."""
        if self._findings is not None and (refusal := await self._refusal(request)):
            raise SealRefused(f"Account {self._account}: {refusal}.")

    def _weighed(self, trigger: Trigger, refusal: str) -> Trigger:
        """A trigger that does not count is a dry run at most."""
        if not refusal:
            return trigger
        self._reject(f"{refusal}: a dry run at most")
        return trigger.as_dry_run

    async def _refusal(self, request: SealRequest) -> str:
        call: Awaitable[str] = local_calls.judge_seal(request)
        try:
            return await call
        except (ActivityError, ApplicationError) as error:
            if is_cancelled_exception(error):
                raise
            return f"its seal could not be looked at ({error})"
