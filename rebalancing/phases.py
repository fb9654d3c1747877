"""Every phase there is: what a rebalance does in it, and what a person is to do. A new one is a row here."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from rebalancing.outcomes import Phase


class PhaseRule(NamedTuple):
    """One row, in words: what ``meaning`` the phase has, and what to ``do``."""

    meaning: str
    do: str


_NOTHING: Final = "nothing; it goes on by itself."
_OUTLASTS: Final = "It fails after `max_wait`."
_THEN_CANCELLED: Final = (
    _NOTHING
    + " What has not filled in its time is cancelled: after `fill_timeout`, an order on the close so long after "
    "the close, a limit order after its last new price (what is left then may go to market, docs/order-policies.md)."
)

PHASES: Final[Mapping[Phase, PhaseRule]] = {
    Phase.STARTING: PhaseRule(
        "It was accepted, and looks at what it is asked for.",
        "nothing, for a moment. If it stays so, no worker goes on with it: `rebalancer doctor` and the worker's log "
        "say why.",
    ),
    Phase.HALTED: PhaseRule(
        "Trading is halted, the account or its strategy is paused, or its history is not whole. It waits before its "
        f"next order; what had been sent works on. {_OUTLASTS}",
        "`rebalancer status` says who holds it, why, and which command ends that: `rebalancer resume`, or `rebalancer "
        "unpause`. Run it when the reason is over. Where the history is not whole, look at the broker first, then "
        "`rebalancer accept-history ACCOUNT` (docs/backup.md). If it failed meanwhile: `rebalancer retry ACCOUNT`.",
    ),
    Phase.WAITING_FOR_TURN: PhaseRule(
        f"As many rebalances run as `concurrency.max_concurrent_rebalances` allows. {_OUTLASTS}",
        "nothing, as long as the others go on. `rebalancer status` shows them: one that needs an operator, or waits "
        "for its gateway, keeps its turn until you have seen to that.",
    ),
    Phase.READING: PhaseRule(
        "It reads the published weights, the account's cash and holdings, quotes and trading hours.",
        _NOTHING + " Figures that disagree are read again for `figures_lag`, bad quotes for `quotes.patience`; then it "
        "fails.",
    ),
    Phase.WAITING_FOR_GATEWAY: PhaseRule(
        "No worker holds the gateway's connection, it has only just come back, it is about to restart, or other "
        f"accounts' requests go first. This is not counted as working time. {_OUTLASTS}",
        "`rebalancer status` says whether the gateway is connected, and the detail here whether it only restarts. If "
        "it is away: start IB Gateway or log in, confirm the second factor. It goes on by itself then. If the gateway "
        "is up, `rebalancer doctor` says whether a worker is there.",
    ),
    Phase.WAITING_FOR_MARKET: PhaseRule(
        "Something that must be traded is closed. A newer event joins in, unless only the buys are left. What "
        "opens later than `max_wait` is not waited for: it fails at once.",
        "nothing; it reads everything anew when all of it trades. The detail says from when (docs/market-hours.md).",
    ),
    Phase.PLANNING: PhaseRule("It works out the orders, and asks IBKR about the margin where it must.", _NOTHING),
    Phase.WAITING_FOR_APPROVAL: PhaseRule(
        "A person is to say yes to its plan, for the account wants that always, or a guard spoke against the plan. It "
        "fails after `approval.expires_after`, or after `max_wait` if that is shorter. After a yes everything is read "
        "again, and a plan that has changed is asked about anew.",
        "look at the plan with `rebalancer status ACCOUNT`, then `rebalancer approve ACCOUNT` or `rebalancer reject "
        "ACCOUNT`.",
    ),
    Phase.CANCELLING_OPEN_ORDERS: PhaseRule(
        "It cancels orders of earlier runs that still work, and waits until the broker has confirmed it.",
        _NOTHING
        + " If they cannot be cancelled within `concurrency.cancel_timeout`, it fails and sends no further order.",
    ),
    Phase.SELLING: PhaseRule(
        "The orders of the SELL leg go to the broker, and work there.",
        _THEN_CANCELLED,
    ),
    Phase.BUYING: PhaseRule(
        "The orders of the BUY leg go to the broker, sized by the cash that there really is after the sells, and work "
        "there.",
        _THEN_CANCELLED,
    ),
    Phase.VERIFYING: PhaseRule(
        "It reads the account once more, and compares it with what its fills explain.", _NOTHING
    ),
    Phase.NEEDS_OPERATOR: PhaseRule(
        "Nobody knows what became of an order: it may have been sent, and the broker does not tell. It is never sent "
        f"again, and nothing follows it. {_OUTLASTS}",
        "look in TWS under Orders and Trades of the account, of the day of the order, for the symbol and the ref. If "
        "the order still works, cancel it there first and wait until it is gone: what fills after your answer is not "
        "known here. Then `rebalancer resolve ACCOUNT REF --filled N` with what it filled (0 if nothing), or "
        "`--not-placed` if there is no order and no trade of it. Do so before you retry a run that failed of this.",
    ),
    Phase.CANCELLING_WORKING_ORDERS: PhaseRule(
        "It cancels its own orders that still work: the time of their leg is over, it was cancelled, it failed, or it "
        "worked too long.",
        "nothing; it goes on when the broker has confirmed it. If no worker goes on with it: `rebalancer cancel "
        "--at-broker ACCOUNT`.",
    ),
    Phase.COMPLETED: PhaseRule(
        "All was carried out. What is left away from its target has a reason, which stands beside it.", "nothing."
    ),
    Phase.INCOMPLETE: PhaseRule(
        "It came to its end, and not everything was carried out; the reason stands beside it.",
        "`rebalancer show ACCOUNT`, mend the cause, then `rebalancer retry ACCOUNT`.",
    ),
    Phase.FAILED: PhaseRule(
        "It stopped; the type of the failure and its message stand beside it, with what is known to have traded until "
        "then. Orders that worked were cancelled, if the gateway could be reached.",
        "`rebalancer explain TYPE` with that type, mend the cause, then `rebalancer retry ACCOUNT`.",
    ),
    Phase.CANCELLED: PhaseRule(
        "Somebody cancelled it, and with it the events that waited behind it; its working orders were cancelled, what "
        "had filled is told.",
        "nothing, if that was meant: what had traded stays. `rebalancer run ACCOUNT --live` begins anew, from what the "
        "account holds.",
    ),
    Phase.EXPIRED: PhaseRule(
        "Its events were too old to be traded by when its turn came (`events.maximum_age`), or of before the history "
        "was put back. This run traded nothing.",
        "nothing; only if the account should still be moved, `rebalancer run ACCOUNT --live`.",
    ),
}
