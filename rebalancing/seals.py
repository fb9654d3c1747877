"""Seals: what shows that whoever asks for a trade holds a key (promise P10).

A seal is HMAC-SHA256 over what is asked for, with a secret derived from the key. Nothing of it can be changed, given to
another account, or moved to another run or time without the key. What is sealed is written as JSON with its keys in
order, so that no two requests are written alike. ``key_id`` says whose key it was; it stands beside the seal.
"""

import hashlib
import hmac
import json
from datetime import UTC
from typing import Final, Protocol

from rebalancing.approval import Approval
from rebalancing.base import Instant
from rebalancing.triggers import Trigger

SEAL: Final = "seal"
PERMIT: Final = "permit"
MEMORY: Final = "memory"
"""Purposes, each with a secret of its own: what people ask for, what a worker lets a run do, what a run remembers."""


class SealedResolution(Protocol):
    """What an operator's word on an order says."""

    @property
    def ref(self) -> str:
        """The order."""
        ...

    @property
    def filled(self) -> int | None:
        """How many shares of it were filled; ``None`` if it was never placed."""
        ...

    @property
    def by(self) -> str:
        """Who says so."""
        ...


def seal_over(secret: bytes, content: bytes) -> str:
    """The seal, in hexadecimal."""
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def is_seal_over(secret: bytes, content: bytes, seal: str) -> bool:
    """Whether this is the seal over it; takes as long whatever it is."""
    return hmac.compare_digest(seal_over(secret, content).encode(), seal.encode())


def trigger_content(trigger: Trigger) -> bytes:
    """All of a trigger but its seal. Its time is in it, so that it cannot be made younger."""
    return written(
        "trigger",
        account=trigger.account,
        mode=trigger.mode.value,
        event_id=trigger.event_id,
        requested_at=_at(trigger.requested_at),
        source=trigger.source,
        by=trigger.by,
        key_id=trigger.key_id,
    )


def approval_content(account: str, run_id: str, approval: Approval) -> bytes:
    """A yes to one plan in one run of one account."""
    return written(
        "approval",
        account=account,
        run_id=run_id,
        plan_hash=approval.plan_hash,
        by=approval.by,
        key_id=approval.key_id,
    )


def resolution_content(account: str, run_id: str, resolution: SealedResolution, key_id: str) -> bytes:
    """A word on one order of one run of one account."""
    return written(
        "resolution",
        account=account,
        run_id=run_id,
        ref=resolution.ref,
        filled=resolution.filled,
        by=resolution.by,
        key_id=key_id,
    )


def run_content(account: str, run_id: str) -> bytes:
    """One run of one account: what a permit and the proof of a memory are for."""
    return written("run", account=account, run_id=run_id)


def written(kind: str, **fields: str | int | None) -> bytes:
    """What is sealed of one kind of thing; no two are written alike."""
    return json.dumps({"kind": kind, **fields}, sort_keys=True, separators=(",", ":")).encode()


def _at(instant: Instant) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
