"""What is asked about seals, and what is answered (promise P10). The key is with the workers, never in a history."""

from contract.messages import Resolution
from rebalancing.approval import Approval
from rebalancing.base import FrozenModel
from rebalancing.triggers import Trigger


class SealRequest(FrozenModel):
    """Asks what the seal of one thing is worth that reached a run of this account."""

    account: str
    trigger: Trigger | None = None
    approval: Approval | None = None
    resolution: Resolution | None = None


class SealFindings(FrozenModel):
    """What the seals of a run's triggers are worth where they are required.

    ``refusals`` says of each trigger that was asked about why it does not count, empty where it does. ``permit`` is
    what the gateway's worker wants to see of this run before it sends anything; a run without a sealed trigger has
    none. ``proof`` shows later that this run wrote down what the account remembers, and ``is_follow_up`` that what it
    was handed came from such a run.
    """

    refusals: tuple[str, ...] = ()
    permit: str = ""
    proof: str = ""
    is_follow_up: bool = False
