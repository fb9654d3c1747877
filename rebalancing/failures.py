"""Why a rebalance ends without an outcome, or refuses what it is asked: each a type of its own (decision 3).

People search for these names in the Temporal UI. A message names the account, what happened and what to do.
"""

from rebalancing.errors import RebalancerError


class AccountFailure(RebalancerError):
    """Something that stops the rebalance of one account; ``what`` says it without the account."""

    def __init__(self, account: str, what: str) -> None:
        super().__init__(f"Account {account}: {what}")
        self.what = what


class WorkflowIdWrong(RebalancerError):
    """A run under another id than the account's own (promise P1)."""


class TriggerInvalid(RebalancerError):
    """Nothing that the run was asked can be read."""


class ActivityTimeout(RebalancerError):
    """An activity had no result in time: no worker, or no gateway."""


class OperationTimeout(AccountFailure):
    """The rebalance worked for longer than ``operation_timeout``."""


class WaitedTooLong(AccountFailure):
    """Something would be waited for beyond ``max_wait``."""


class GuardBreached(AccountFailure):
    """A guard of the account speaks against the plan."""


class PlanRejected(AccountFailure):
    """A person rejected the plan."""


class ApprovalExpired(AccountFailure):
    """Nobody approved of the plan in time."""


class SealRefused(RebalancerError):
    """What would trade has no seal, or none that counts (promise P10)."""


class NotPermitted(RebalancerError):
    """Orders of a run that no sealed trigger stands behind (promise P10)."""


class NothingToApprove(RebalancerError):
    """No plan waits for approval now."""


class OtherPlan(RebalancerError):
    """Another plan waits than the one that was approved of."""


class NothingToResolve(RebalancerError):
    """No such order of unknown fate."""


class ResolutionInvalid(RebalancerError):
    """What an operator said of an order cannot be."""


class ForeignOrders(AccountFailure):
    """Working orders that were not placed here."""


class CancelUnconfirmed(AccountFailure):
    """Open orders that could not be cancelled in time."""


class OrderIdsOvertaken(AccountFailure):
    """Order ids that were reserved were overtaken again and again."""


class MarginInsufficient(AccountFailure):
    """The plan would leave too little margin."""


class OrdersRefused(AccountFailure):
    """IBKR would refuse orders of the plan."""


class HoursUnreadable(AccountFailure):
    """The trading hours of a symbol cannot be read."""


class MarketClosed(AccountFailure):
    """The market is closed and is not waited for, or opens no more."""


class NoCommonSession(AccountFailure):
    """There is no moment when everything trades that must."""


class FiguresDisagree(AccountFailure):
    """Cash and holdings do not come to what the broker says the account is worth."""


class ClockAstray(AccountFailure):
    """The worker's clock is not the gateway's."""


class QuoteMissing(AccountFailure):
    """A symbol has no price."""


class QuoteNotLive(AccountFailure):
    """A quote is delayed or frozen."""


class QuoteHalted(AccountFailure):
    """Trading in a symbol is halted."""


class QuoteOneSided(AccountFailure):
    """A quote lacks its bid or its ask."""


class QuoteCrossed(AccountFailure):
    """A bid is above its ask."""


class QuoteStale(AccountFailure):
    """A quote is old."""


class QuoteTooFar(AccountFailure):
    """A price is too far from the last close."""


class QuoteWithoutClose(AccountFailure):
    """There is no last close to hold a quote against."""


class CutOffPassed(AccountFailure):
    """It is too late for orders on the close."""


class BuysTooLate(AccountFailure):
    """The buys would follow too long after the sells."""


class LimitPriceUnknown(AccountFailure):
    """A limit order needs a price that nobody tells."""


class TooManyWorkingOrders(AccountFailure):
    """IBKR takes no more working orders for a symbol."""


class NotScheduled(RebalancerError):
    """The workflow of a schedule was started by something else."""


class ScheduleIncomplete(RebalancerError):
    """A schedule's time came, and not all of its accounts could be asked or triggered."""
