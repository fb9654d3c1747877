"""What a schedule asks for each time it comes, and what its workflow and activities tell each other."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from rebalancing.accounts import AccountId, StrategyName
from rebalancing.base import FrozenModel
from rebalancing.seals import written
from rebalancing.triggers import LONGEST_KEY_ID, LONGEST_SEAL, ExecutionMode, Trigger

SCHEDULED_WORKFLOW_TYPE: Final = "ScheduledRebalance"

SCHEDULE_SOURCE: Final = "schedule"
"""The source of triggers that come by the clock."""

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$"

ScheduleName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A schedule's name, which is its id on the server too. It is part of event ids, which have a limit."""

DriftBand = Annotated[Decimal, Field(ge=0, le=100)]
"""Drift in percent up to which a schedule lets an account alone."""


def scheduled_id(name: str) -> str:
    """The workflow id of what a schedule starts; the server appends the scheduled time to it."""
    return f"schedule-{name}"


class ScheduledRequest(FrozenModel):
    """What a schedule asks for: one account, or all enabled accounts that follow a strategy when its time comes.

    ``if_drift`` is in percent; with it, what has drifted no further by a dry run is let alone. ``seal`` shows that who
    made the schedule holds the key ``key_id`` (promise P10); when it comes is not in it.
    """

    schedule: ScheduleName
    account: AccountId | None = None
    strategy: StrategyName | None = None
    mode: ExecutionMode = ExecutionMode.DRY_RUN
    if_drift: DriftBand | None = None
    key_id: str = Field(default="", max_length=LONGEST_KEY_ID)
    seal: str = Field(default="", max_length=LONGEST_SEAL)

    @property
    def whom(self) -> str:
        """Who is meant, in words."""
        return f"account {self.account}" if self.account else f"strategy {self.strategy}"


class Delivery(FrozenModel):
    """Asks to deliver these triggers of one time of a schedule, by what its ``request`` and the seal of that allow."""

    request: ScheduledRequest
    triggers: tuple[Trigger, ...]


class MeasuredDrift(FrozenModel):
    """What the dry run of this event id came to. ``drift`` is that before any order, in percent; without one,
    ``problem`` says why. ``ask_again``: it was carried out, but another run has taken the place of its outcome."""

    account: str
    event_id: str
    drift: Decimal | None = None
    problem: str = ""
    ask_again: bool = False


class ScheduledResult(FrozenModel):
    """What came of one time of a schedule: which accounts were triggered by this event id, and the drifts in percent
    where they were asked for. An account with a drift that was not triggered was within the band."""

    event_id: str
    triggered: tuple[str, ...] = ()
    drifts: dict[str, Decimal] = {}


def schedule_content(request: ScheduledRequest) -> bytes:
    """What is sealed of a schedule's request: all of it."""
    drift = None if request.if_drift is None else str(request.if_drift)
    return written(
        "schedule",
        schedule=request.schedule,
        account=request.account,
        strategy=request.strategy,
        mode=request.mode.value,
        if_drift=drift,
        key_id=request.key_id,
    )
