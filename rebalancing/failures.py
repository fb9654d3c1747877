"""Why a rebalance ends without an outcome, or refuses what it is asked: each a type of its own (decision 3).

People search for these names in the Temporal UI. A message names the account, what happened and what to do.
"""

from rebalancing.errors import RebalancerError


class AccountFailure(RebalancerError):
    """Something that stops the rebalance of one account; ``what`` says it without the account.

    Do: look at the message of the failure that it was.
    """

    def __init__(self, account: str, what: str) -> None:
        super().__init__(f"Account {account}: {what}")
        self.what = what


class WorkflowIdWrong(RebalancerError):
    """A run under another id than the account's own (promise P1).

    Do: trigger the account by its own id, ``rebalance-ACCOUNT`` (docs/triggering.md). Nothing was traded.
    """


class TriggerInvalid(RebalancerError):
    """Nothing that the run was asked can be read, or counts for this account.

    Do: correct what sent it; the message says what is wrong with it. Nothing was traded.
    """


class ActivityTimeout(RebalancerError):
    """An activity had no result in time: no worker, or no gateway.

    Do: look whether a worker runs and the gateway is up (``rebalancer status``, ``rebalancer doctor``). Where
    the message names orders that may still be at work, look in TWS, and ``rebalancer cancel --at-broker ACCOUNT``
    cancels what still works. Then ``rebalancer retry ACCOUNT``, which starts from what is held.
    """


class OperationTimeout(AccountFailure):
    """The rebalance worked for longer than ``operation_timeout``.

    Do: ``rebalancer show ACCOUNT`` says where the time went and what had filled. Mend that (a slow gateway, an API that
    does not answer, a leg that does not fill), or raise ``concurrency.operation_timeout`` where there are many orders;
    then ``rebalancer retry ACCOUNT``.
    """


class WaitedTooLong(AccountFailure):
    """Something would be waited for beyond ``max_wait``.

    Do: the message says what it waited for. If that was an operator or the gateway, look in TWS first: an order whose
    fate is unknown may still work or have filled, so cancel it there; nothing of it is to be at work before the next
    step. Then mend what was waited for, and ``rebalancer retry ACCOUNT``. Raise ``max_wait`` where such waits are
    usual, as a weekend is.
    """


class GuardBreached(AccountFailure):
    """A guard of the account speaks against the plan.

    Do: look at the plan (``rebalancer plan ACCOUNT``) and at the guard that the message names. If the plan is wrong,
    ask the publisher. If it is right, change the limit or have such plans asked about (``guards.on_breach: ask``), then
    ``rebalancer retry ACCOUNT``.
    """


class PlanRejected(AccountFailure):
    """A person rejected the plan.

    Do: nothing; no order of that plan was sent. The message says what the run had traded before, if anything.
    ``rebalancer run ACCOUNT --live`` plans anew.
    """


class ApprovalExpired(AccountFailure):
    """Nobody approved of the plan in time.

    Do: no order of that plan was sent. Trigger it again when somebody can look (``rebalancer run ACCOUNT --live``), or
    raise ``approval.expires_after``, and ``max_wait`` if that is shorter.
    """


class SealRefused(RebalancerError):
    """What would trade has no seal, or none that counts (promise P10).

    Do: give the approval, the word on the order, or the schedule (removed first) again with its command, by somebody
    who holds a key that the worker has (``rebalancer key list``): the command seals it. If nobody of yours sent it,
    somebody tries to trade: ``rebalancer halt``, and see SECURITY.md.
    """


class NotPermitted(RebalancerError):
    """Orders of a run that no sealed trigger stands behind (promise P10).

    Do: nothing was sent by this step; what the run had traded before stands in the message of its failure. A run of
    before there was a key, one that was reset, or one whose key was taken out trades no more: ``rebalancer run ACCOUNT
    --live``, by somebody who holds a key, begins a new one. If it was none of these, somebody tries to trade:
    ``rebalancer halt``, and see SECURITY.md.
    """


class NothingToApprove(RebalancerError):
    """No plan waits for approval now.

    Do: ``rebalancer status ACCOUNT`` says what it does now; somebody else may have answered already.
    """


class OtherPlan(RebalancerError):
    """Another plan waits than the one that was approved of.

    Do: look at the plan as it is now (``rebalancer status ACCOUNT``), then approve of that one.
    """


class NothingToResolve(RebalancerError):
    """No such order of unknown fate.

    Do: ``rebalancer status ACCOUNT`` names the orders that are waited for; somebody else may have answered already.
    """


class ResolutionInvalid(RebalancerError):
    """What an operator said of an order cannot be.

    Do: look in TWS once more, and say how many shares that one order filled. If it was ordered twice, ``rebalancer
    cancel ACCOUNT``: the next rebalance starts from what is held.
    """


class ForeignOrders(AccountFailure):
    """Working orders that were not placed here.

    Do: cancel those orders where they were placed, then ``rebalancer retry ACCOUNT``. Let them be (``foreign_orders:
    ignore``) only if they may trade beside a plan that does not count them.
    """


class CancelUnconfirmed(AccountFailure):
    """Open orders that could not be cancelled in time.

    Do: look in TWS what became of the orders that it names: cancel what still works there, and wait until it is gone.
    Then ``rebalancer retry ACCOUNT``. No order of the new plan was sent; the message says what the run had traded
    before.
    """


class OrderIdsOvertaken(AccountFailure):
    """Order ids that were reserved were overtaken again and again.

    Do: other legs at the same gateway went first each time; these orders were not sent, what was sent of the leg before
    them was cancelled if it still worked. ``rebalancer retry ACCOUNT``; if it comes back, lower
    ``concurrency.max_concurrent_rebalances``.
    """


class MarginInsufficient(AccountFailure):
    """The plan would leave too little margin.

    Do: free margin, raise ``cash_reserve_percent``, or trade less; the message has IBKR's figures. Then ``rebalancer
    retry ACCOUNT``. See docs/margin-and-settlement.md.
    """


class OrdersRefused(AccountFailure):
    """IBKR would refuse orders of the plan.

    Do: the message has IBKR's words: a permission, a restriction or a size that the account may not trade. Mend it in
    Client Portal, or hold the symbol out (``held_out``); then ``rebalancer retry ACCOUNT``.
    """


class HoursUnreadable(AccountFailure):
    """The trading hours of a symbol cannot be read.

    Do: hold the symbol out of the rebalance (``held_out``), or trade it by hand; please report the text that could not
    be read.
    """


class MarketClosed(AccountFailure):
    """The market is closed and is not waited for, or opens no more.

    Do: ``rebalancer retry ACCOUNT`` when the market is open, or let the account wait: ``market_closed: wait``. A symbol
    without any coming session may be delisted: look it up in TWS.
    """


class NoCommonSession(AccountFailure):
    """There is no moment when everything trades that must.

    Do: hold symbols of one of these exchanges in an account of their own, or hold them out. See docs/market-hours.md.
    """


class FiguresDisagree(AccountFailure):
    """Cash and holdings do not come to what the broker says the account is worth.

    Do: compare cash and holdings with TWS. A transfer, a split or a dividend that is still being booked is the usual
    cause: ``rebalancer retry ACCOUNT`` when the figures agree.
    """


class ClockAstray(AccountFailure):
    """The worker's clock is not the gateway's.

    Do: have the worker's machine and the gateway's set by a time server (NTP). Raise ``clock_tolerance`` only if you
    know why they differ.
    """


class QuoteMissing(AccountFailure):
    """A symbol has no price.

    Do: look whether this login has market data for the symbol in TWS: a subscription that is missing, or another
    session of the same login that takes the data away (10197). Then ``rebalancer retry ACCOUNT``.
    """


class QuoteNotLive(AccountFailure):
    """A quote is delayed, and live ones are needed.

    Do: subscribe to the exchange's market data for this login, then ``rebalancer retry ACCOUNT``. ``quotes_needed:
    delayed`` has orders sized by prices that are up to 20 minutes old: not for real money.
    """


class QuoteHalted(AccountFailure):
    """Trading in a symbol is halted.

    Do: wait until its exchange trades it again, then ``rebalancer retry ACCOUNT``; or hold it out (``held_out``).
    """


class QuoteOneSided(AccountFailure):
    """A quote lacks its bid or its ask.

    Do: look at the symbol in TWS: nobody bids or offers at the moment, or market data are missing. ``rebalancer retry
    ACCOUNT`` when both sides are there, or hold it out (``held_out``).
    """


class QuoteCrossed(AccountFailure):
    """A bid is above its ask.

    Do: look at the symbol in TWS: market data are broken there or in a fast market. ``rebalancer retry ACCOUNT`` when
    bid and ask are in order.
    """


class QuoteStale(AccountFailure):
    """A quote is old.

    Do: look at the symbol in TWS: it hardly trades, or market data stand still. ``rebalancer retry ACCOUNT`` when they
    move. Older quotes are allowed with ``quotes.max_age``, for all symbols.
    """


class QuoteTooFar(AccountFailure):
    """A price is too far from the last close.

    Do: look for news, a split or a wrong price. If the price is right, trade the symbol by hand or trigger the account
    another day: ``quotes.max_move_percent`` holds for all symbols.
    """


class QuoteWithoutClose(AccountFailure):
    """There is no last close to hold a quote against.

    Do: look at the symbol in TWS: a new listing has no last close. Hold it out today (``held_out``).
    ``quotes.close_needed: false`` allows it, for all symbols: a wrong price is then not noticed by it.
    """


class CutOffPassed(AccountFailure):
    """It is too late for orders on the close.

    Do: ``rebalancer retry ACCOUNT`` before the cut-off of the next session, or have what is late traded at market:
    ``order_policy.after_cut_off: market``.
    """


class BuysTooLate(AccountFailure):
    """The buys would follow too long after the sells.

    Do: nothing of this plan was sold. Sell those symbols by another order type (``symbol_order_policies``), raise
    ``max_wait``, or let the account wait (``market_closed: wait``), as the message says; then ``rebalancer retry
    ACCOUNT``. See docs/order-policies.md.
    """


class LimitPriceUnknown(AccountFailure):
    """A limit order needs a price that nobody tells.

    Do: look whether market data for the symbol arrive in TWS; ``rebalancer retry ACCOUNT`` when they do, or hold it out
    (``held_out``).
    """


class TooManyWorkingOrders(AccountFailure):
    """IBKR takes no more working orders for a symbol.

    Do: cancel working orders of that symbol where they were placed (IBKR takes 20 on one side of a contract; these are
    not ours), then ``rebalancer retry ACCOUNT``.
    """


class NotScheduled(RebalancerError):
    """The workflow of a schedule was started by something else.

    Do: nothing was triggered. Use ``rebalancer run``, or ``rebalancer schedule add`` for what should recur; look who
    started that workflow.
    """


class ScheduleIncomplete(RebalancerError):
    """A schedule's time came, and not all of its accounts could be asked or triggered.

    Do: the message names the accounts that were not triggered, and why. ``rebalancer run ACCOUNT`` does it by hand,
    with ``--live`` only if the schedule trades (``rebalancer schedule list``).
    """
