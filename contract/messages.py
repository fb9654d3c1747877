"""What a run of the workflow starts with, what it leaves, and what an operator tells it."""

from pydantic import Field

from rebalancing.accounts import AccountId
from rebalancing.base import FrozenModel, Weight
from rebalancing.outcomes import Outcome
from rebalancing.triggers import LONGEST_KEY_ID, LONGEST_NAME, LONGEST_SEAL, EventRing, Trigger


class RunInput(FrozenModel):
    """What a run starts with. People give ``account`` only, or triggers too; a follow-up run gets all of it.

    ``events`` is ``None`` at the start of a chain: then the run asks what the last chain remembered. ``proof`` shows
    that the run before this one handed it over, and no stranger (promise P10).
    """

    account: AccountId
    triggers: tuple[Trigger, ...] = ()
    events: EventRing | None = None
    last_targets: dict[str, Weight] | None = None
    proof: str = ""


class RunResult(FrozenModel):
    """What a run leaves: the outcome of its rebalance, and what became of the events that came to it.

    ``outcome`` is ``None`` if every event was known already.
    """

    outcome: Outcome | None
    events: EventRing


class Resolution(FrozenModel):
    """An operator's word on an unknown order: ``filled`` shares, or ``None`` if it was never placed, and by whom.

    ``seal`` is over it, the account and its run.
    """

    ref: str
    filled: int | None = None
    by: str = Field(default="", max_length=LONGEST_NAME)
    key_id: str = Field(default="", max_length=LONGEST_KEY_ID)
    seal: str = Field(default="", max_length=LONGEST_SEAL)
