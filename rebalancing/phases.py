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

PHASES: Final[Mapping[Phase, PhaseRule]] = {
    Phase.STARTING: PhaseRule(
        "It was accepted, and looks at what it is asked for.",
        "nothing, for a moment. If it stays so, no worker answers: `rebalancer doctor` says why.",
    ),
    Phase.HALTED: PhaseRule(
        "Trading is halted, the account or its strategy is paused, or its history is not whole. It waits before its "
        f"next order; what had been sent is finished. {_OUTLASTS}",
        "`rebalancer status` says who holds it and why. `rebalancer resume`, or `rebalancer unpause ACCOUNT`; where "
        "the history is not whole, look at the broker first, then `rebalancer accept-history ACCOUNT`. See "
        "docs/backup.md.",
    ),
    Phase.WAITING_FOR_TURN: PhaseRule(
        f"As many rebalances run as `concurrency.max_concurrent_rebalances` allows. {_OUTLASTS}", _NOTHING
    ),
    Phase.READING: PhaseRule(
        "It reads the published weights, the account's cash and holdings, quotes and trading hours.",
        _NOTHING + " Figures that disagree are read again for as long as `figures_lag` says.",
    ),
    Phase.WAITING_FOR_GATEWAY: PhaseRule(
        "No worker holds the gateway's connection, or it has only just come back. This is not counted as working time. "
        + _OUTLASTS,
        "look at IB Gateway: start it or log in, confirm the second factor. It goes on by itself. If the gateway is "
        "up, `rebalancer doctor` says whether a worker is there.",
    ),
    Phase.WAITING_FOR_MARKET: PhaseRule(
        f"Something that must be traded is closed. A newer event replaces the one that waits. {_OUTLASTS}",
        "nothing; it reads everything anew when all of it trades. The detail says from when (docs/market-hours.md).",
    ),
    Phase.PLANNING: PhaseRule("It works out the orders, and asks IBKR about the margin where it must.", _NOTHING),
    Phase.WAITING_FOR_APPROVAL: PhaseRule(
        "A person is to say yes to its plan, for the account wants that always, or a guard spoke against the plan. It "
        "fails after `approval.expires_after`.",
        "look at the plan with `rebalancer status ACCOUNT`, then `rebalancer approve ACCOUNT` or `rebalancer reject "
        "ACCOUNT`.",
    ),
    Phase.CANCELLING_OPEN_ORDERS: PhaseRule(
        "It cancels orders of earlier runs that still work, and waits until the broker has confirmed it.",
        _NOTHING + " Orders that cannot be cancelled within `concurrency.cancel_timeout` end it before any trade.",
    ),
    Phase.SELLING: PhaseRule(
        "The orders of the SELL leg are at the broker.",
        _NOTHING + " What has not filled after `fill_timeout` is cancelled.",
    ),
    Phase.BUYING: PhaseRule(
        "The orders of the BUY leg are at the broker, sized by the cash that there really is after the sells.",
        _NOTHING + " What has not filled after `fill_timeout` is cancelled.",
    ),
    Phase.VERIFYING: PhaseRule(
        "It reads the account once more, and compares it with what its fills explain.", _NOTHING
    ),
    Phase.NEEDS_OPERATOR: PhaseRule(
        "Nobody knows what became of an order: it may have been sent, and the broker does not tell. It is never sent "
        f"again, and nothing follows it. {_OUTLASTS}",
        "look in TWS under Trades and Orders of the account, today, for the symbol and the ref. Then `rebalancer "
        "resolve ACCOUNT REF --filled N`, or `--not-placed` if there is no order and no trade of it.",
    ),
    Phase.CANCELLING_WORKING_ORDERS: PhaseRule(
        "It cancels its own orders that still work: the time of their leg is over, it was cancelled, or it worked too "
        "long.",
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
        "It stopped; the type of the failure and its message stand beside it, with what had traded until then.",
        "`rebalancer explain TYPE` with that type, mend the cause, then `rebalancer retry ACCOUNT`.",
    ),
    Phase.CANCELLED: PhaseRule(
        "Somebody cancelled it; its working orders were cancelled, what had filled is told.",
        "nothing. `rebalancer run ACCOUNT --live` begins anew, from what the account holds.",
    ),
    Phase.EXPIRED: PhaseRule(
        "Its events were too old to be traded by when its turn came (`events.maximum_age`). Nothing was traded.",
        "nothing; only if the account should still be moved, `rebalancer run ACCOUNT --live`.",
    ),
}
