"""Seals what a person or a publisher asks for with this process's key, where it has one (promise P10)."""

from collections.abc import Callable
from typing import TypeVar

from configuration.environment import Connections
from configuration.key_ring import Key
from configuration.keys_in_use import signing_key
from contract.messages import Resolution
from contract.schedules import ScheduledRequest, schedule_content
from rebalancing.approval import Approval
from rebalancing.seals import SEAL, approval_content, resolution_content, seal_over, trigger_content
from rebalancing.triggers import ExecutionMode, Trigger

Sealable = TypeVar("Sealable", Trigger, Approval, Resolution, ScheduledRequest)


def own_key() -> Key | None:
    """The key that this process seals with, as its environment says now; ``None`` where there is none.

    Raises ``KeyFileUnusable``, ``KeyMissing`` or ``KeyUnknown``.
    """
    return signing_key(Connections())


def sealed_trigger(trigger: Trigger) -> Trigger:
    """The same with a seal, if it trades and has none yet."""
    if not trigger.is_live or trigger.seal:
        return trigger
    return _sealed(trigger, trigger_content)


def sealed_approval(approval: Approval, account: str, run_id: str) -> Approval:
    """The same with a seal that is good for this run alone."""
    return _sealed(approval, lambda one: approval_content(account, run_id, one))


def sealed_resolution(resolution: Resolution, account: str, run_id: str) -> Resolution:
    """The same with a seal that is good for this run alone."""
    return _sealed(resolution, lambda one: resolution_content(account, run_id, one, one.key_id))


def sealed_schedule(request: ScheduledRequest) -> ScheduledRequest:
    """The same with a seal, if it trades."""
    return _sealed(request, schedule_content) if request.mode is ExecutionMode.REBALANCE else request


def _sealed(asked: Sealable, content: Callable[[Sealable], bytes]) -> Sealable:
    key = own_key()
    if key is None:
        return asked
    named = asked.model_copy(update={"key_id": key.key_id})
    return named.model_copy(update={"seal": seal_over(key.derived(SEAL), content(named))})
