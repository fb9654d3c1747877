"""Looks at seals with the keys of this worker, and writes the permits of runs that good ones stand behind (P10)."""

from temporalio import activity

from configuration.key_ring import KeyRing, KeyUnknown
from configuration.keys_in_use import KeysInUse
from contract.activities import SealsContract
from contract.requests import OpeningRequest
from contract.schedules import ScheduledRequest, schedule_content
from contract.seals import SealFindings, SealRequest
from rebalancing.failures import SealRefused
from rebalancing.seals import (
    MEMORY,
    PERMIT,
    SEAL,
    approval_content,
    is_seal_over,
    resolution_content,
    run_content,
    seal_over,
    trigger_content,
)
from rebalancing.triggers import Trigger


class Seals(SealsContract):
    """What seals are worth by the keys of this moment."""

    def __init__(self, keys: KeysInUse) -> None:
        self._keys = keys

    @property
    def are_required(self) -> bool:
        """Whether nothing trades without one. Raises ``KeysUnread``."""
        return self._keys.are_required

    @activity.defn
    async def judge_seal(self, request: SealRequest) -> str:
        """Why this does not count, in words; empty where it does, or where no seals are required by now.

        Raises ``KeyMissing`` or ``KeysUnread``.
        """
        if not self._keys.are_required:
            return ""
        ring, run_id = self._keys.required_ring(), activity.info().workflow_run_id or ""
        if request.trigger is not None:
            return refusal_of(ring, request.trigger)
        if request.approval is not None:
            approval = request.approval
            content = approval_content(request.account, run_id, approval)
            told = "the approval", f"`rebalancer approve {request.account}`"
            return _refusal(ring, approval.key_id, approval.seal, content, *told)
        if request.resolution is not None:
            resolution = request.resolution
            content = resolution_content(request.account, run_id, resolution, resolution.key_id)
            told = f"the word on order {resolution.ref}", f"`rebalancer resolve {request.account}`"
            return _refusal(ring, resolution.key_id, resolution.seal, content, *told)
        return "nothing that could have a seal"

    def findings(self, request: OpeningRequest) -> SealFindings | None:
        """What the seals of a run's triggers are worth; ``None`` where none are required.

        Only for the workflow itself: anybody can have an activity run that is no local one. Raises ``KeyMissing`` or
        ``KeysUnread``.
        """
        if not self._keys.are_required:
            return None
        ring = self._keys.required_ring()
        refusals = tuple(refusal_of(ring, trigger) for trigger in request.triggers)
        info = activity.info()
        if not info.is_local:
            return SealFindings(refusals=refusals)
        run = request.account, info.workflow_run_id or ""
        return SealFindings(
            refusals=refusals,
            permit=_written(ring, PERMIT, *run) if "" in refusals else "",
            proof=_written(ring, MEMORY, *run),
            is_follow_up=request.is_follow_up and self.is_proof(request.proof, request.account, request.run_before),
        )

    def sealed_for(self, request: ScheduledRequest, trigger: Trigger) -> Trigger:
        """A schedule's trigger with a seal, in the place of whoever sealed the schedule.

        Raises ``SealRefused`` where that has none that counts; ``KeyMissing`` or ``KeysUnread``.
        """
        if not trigger.is_live or not self._keys.are_required:
            return trigger
        ring = self._keys.required_ring()
        told = f"schedule {request.schedule}", "`rebalancer schedule add`"
        if refusal := _refusal(ring, request.key_id, request.seal, schedule_content(request), *told):
            raise SealRefused(f"{refusal}. Nothing was triggered. Remove the schedule and add it again with a key.")
        key = ring.key(request.key_id)
        named = trigger.model_copy(update={"key_id": key.key_id})
        return named.model_copy(update={"seal": seal_over(key.derived(SEAL), trigger_content(named))})

    def is_proof(self, proof: str, account: str, run_id: str) -> bool:
        """Whether a run of ours wrote this down. Raises ``KeyMissing`` or ``KeysUnread``."""
        return _is_written(self._keys.required_ring(), MEMORY, proof, account, run_id)

    def counts(self, trigger: Trigger) -> bool:
        """Whether a trigger counts as what it says. Raises ``KeyMissing`` or ``KeysUnread``."""
        return not (trigger.is_live and self._keys.are_required and refusal_of(self._keys.required_ring(), trigger))

    def is_permitted(self, permit: str, account: str, run_id: str) -> bool:
        """Whether this run may trade in this account. Raises ``KeyMissing`` or ``KeysUnread``."""
        if not self._keys.are_required:
            return True
        return _is_written(self._keys.required_ring(), PERMIT, permit, account, run_id)


def refusal_of(ring: KeyRing, trigger: Trigger) -> str:
    """Why a live trigger does not count, in words; empty where it does."""
    told = f"event {trigger.event_id}", f"`rebalancer run {trigger.account} --live`"
    return _refusal(ring, trigger.key_id, trigger.seal, trigger_content(trigger), *told)


def _refusal(ring: KeyRing, key_id: str, seal: str, content: bytes, what: str, remedy: str) -> str:
    if not seal:
        return f"{what} has no seal, so it cannot trade. {remedy} seals it, and so does `rebalancer seal`"
    try:
        key = ring.key(key_id)
    except KeyUnknown:
        known = ", ".join(each.key_id for each in ring.keys)
        return f"{what} is sealed with the key {key_id!r}, which is not known here (known: {known}), so it cannot trade"
    if not is_seal_over(key.derived(SEAL), content, seal):
        return (
            f"the seal of {what} does not fit: it was made with another key than {key_id!r} is here, or for something "
            f"else (another account, run, time or order), or it was changed since. It cannot trade. {remedy} seals "
            "it anew"
        )
    return ""


def _written(ring: KeyRing, purpose: str, account: str, run_id: str) -> str:
    return f"{ring.first.key_id}:{seal_over(ring.first.derived(purpose), run_content(account, run_id))}"


def _is_written(ring: KeyRing, purpose: str, written: str, account: str, run_id: str) -> bool:
    key_id, _, seal = written.partition(":")
    try:
        key = ring.key(key_id)
    except KeyUnknown:
        return False
    return is_seal_over(key.derived(purpose), run_content(account, run_id), seal)
