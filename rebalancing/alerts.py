"""Every alert there is: when it is sent, whether it is urgent, and its words. A new one is a member and a row here.

The words are Jinja2 templates over the fields of ``contract.alerts.Alert``; ``activities.alerts.words`` fills them in.
``{{ run }}`` is the summary of a run that is over. What mends the cause stands last, as a command.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class AlertKind(StrEnum):
    """What an alert is about; the value is what configuration and files of templates call it."""

    STARTED = "started"
    WAITS_FOR_OPEN = "waits_for_open"
    NEEDS_APPROVAL = "needs_approval"
    NEEDS_OPERATOR = "needs_operator"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EVENT_EXPIRED = "event_expired"
    DRY_RUN_COMPLETED = "dry_run_completed"
    DRY_RUN_FAILED = "dry_run_failed"
    SLOW = "slow"
    SLOW_OVER = "slow_over"
    GATEWAY_AWAY = "gateway_away"
    GATEWAY_BACK = "gateway_back"
    GATEWAY_LOGIN_ENDS = "gateway_login_ends"
    LISTENER_AWAY = "listener_away"
    LISTENER_BACK = "listener_back"
    NO_EVENT = "no_event"
    EVENT_AGAIN = "event_again"
    SCHEDULE_MISSED = "schedule_missed"
    SCHEDULE_FAILED = "schedule_failed"
    HALTED = "halted"
    RESUMED = "resumed"
    CIRCUIT_BREAKER = "circuit_breaker"
    TEST = "test"


class AlertRule(NamedTuple):
    """One row: ``when`` for people, and the templates of title, text, and ``do``, the command that mends the cause."""

    when: str
    title: str
    text: str
    do: str = ""
    is_urgent: bool = False


_OUTCOME: Final = (
    "{{ run.orders }} orders, {{ run.traded | usd }} traded, {{ run.commissions | usd }} commissions"
    "{% if run.slippage is number %}, slippage {{ run.slippage | usd }}{% endif %}."
)
_DRIFT: Final = "drift {{ run.drift_before | percent }} → {{ run.drift_after | percent }}"
_REASON: Final = "{% if reason %}Reason: {{ reason }}{% endif %}"
_TRADED: Final = "{% if run and run.orders %}Until then: " + _OUTCOME + "{% endif %}"

_WHY: Final = (
    "rebalancer show {{ account }}{% if run and run.failure %}, rebalancer explain {{ run.failure }}{% endif %}, "
)

_BY_HAND: Final = (
    "rebalancer schedule list says for whom it is and whether it trades; {} rebalancer run ACCOUNT if it should still "
    "be done, with --live only if it trades"
)

ALERTS: Final[Mapping[AlertKind, AlertRule]] = {
    AlertKind.STARTED: AlertRule(
        when="a live rebalance has begun",
        title="{{ account }}: rebalance started",
        text="It follows {{ strategy }}.",
        do="rebalancer status {{ account }}",
    ),
    AlertKind.WAITS_FOR_OPEN: AlertRule(
        when="a live rebalance waits for a market to open; it goes on by itself",
        title="{{ account }}: waits for the market to open",
        text="Something that must be traded is closed. {{ detail }}\nIt goes on by itself.",
        do="rebalancer status {{ account }}",
    ),
    AlertKind.NEEDS_APPROVAL: AlertRule(
        when="a plan waits for a person's yes; once for each plan",
        title="{{ account }}: a plan waits for your approval",
        text="Plan {{ plan_hash }}{% if until %}, until {{ until | at }}{% endif %}.\n{{ detail }}",
        do="rebalancer approve {{ account }} --plan-hash {{ plan_hash }} (without the hash it shows the plan and "
        "asks), or rebalancer reject {{ account }}",
        is_urgent=True,
    ),
    AlertKind.NEEDS_OPERATOR: AlertRule(
        when="nobody knows what became of an order, and a rebalance waits to be told",
        title="{{ account }}: an order's fate is unknown, the rebalance waits for you",
        text="Look in TWS what became of {{ refs | join(', ') or 'its orders' }}. Nothing is sent again before you say "
        "so. Cancel there what still works, before you do.\n{{ detail }}",
        do="rebalancer resolve {{ account }} {{ refs[0] if refs else 'REF' }} --filled N, or --not-placed if "
        "there is neither an order nor a trade of it; but first cancel in TWS what of it still works",
        is_urgent=True,
    ),
    AlertKind.COMPLETED: AlertRule(
        when="a live rebalance has completed",
        title="{{ account }}: rebalanced, " + _DRIFT,
        text="It follows {{ strategy }}. " + _OUTCOME,
        do="rebalancer show {{ account }}",
    ),
    AlertKind.INCOMPLETE: AlertRule(
        when="a live rebalance has ended, and not all of it was carried out",
        title="{{ account }}: rebalance incomplete, " + _DRIFT,
        text=_REASON + "\n" + _OUTCOME,
        do="rebalancer show {{ account }}, mend the cause, then rebalancer retry {{ account }}",
        is_urgent=True,
    ),
    AlertKind.FAILED: AlertRule(
        when="a live rebalance has failed, was terminated or timed out",
        title="{{ account }}: rebalance FAILED{% if run and run.failure %} ({{ run.failure }}){% endif %}",
        text=_REASON
        + "\n"
        + _TRADED
        + "{% if not run %}Nobody knows what it has sent: orders of it may still be at work. "
        "Look in TWS; rebalancer cancel --at-broker {{ account }} cancels them.{% endif %}",
        do=_WHY + "mend the cause, then rebalancer retry {{ account }}",
        is_urgent=True,
    ),
    AlertKind.CANCELLED: AlertRule(
        when="a live rebalance was cancelled",
        title="{{ account }}: rebalance cancelled",
        text=_REASON + "\n" + _TRADED,
        do="rebalancer show {{ account }}",
    ),
    AlertKind.EVENT_EXPIRED: AlertRule(
        when="a live event was too old to be traded by when its turn came (`events.maximum_age`), or of before the "
        "history was put back",
        title="{{ account }}: an event expired and was not traded",
        text="Event {{ event }} of {{ since | at }}. Nothing was traded for it.",
        do="nothing; only if the account should still be moved: rebalancer run {{ account }} --live",
        is_urgent=True,
    ),
    AlertKind.DRY_RUN_COMPLETED: AlertRule(
        when="a dry run has completed (`alerts.dry_runs`)",
        title="{{ account }}: dry run, {{ run.orders }} orders would be sent, " + _DRIFT,
        text="It follows {{ strategy }}. {{ run.traded | usd }} would be traded. Nothing was.",
        do="rebalancer show {{ account }}; only if it is to trade now: rebalancer run {{ account }} --live",
    ),
    AlertKind.DRY_RUN_FAILED: AlertRule(
        when="a dry run has failed (`alerts.dry_runs`)",
        title="{{ account }}: dry run failed{% if run and run.failure %} ({{ run.failure }}){% endif %}",
        text=_REASON,
        do=_WHY + "mend the cause",
    ),
    AlertKind.SLOW: AlertRule(
        when="a rebalance has been at work for longer than `alerts.slower_than`, waits not counted",
        title="{{ account }}: the rebalance is slower than expected",
        text="It is {{ detail }}, and has been at work since {{ since | at }}.",
        do="rebalancer status {{ account }}",
        is_urgent=True,
    ),
    AlertKind.SLOW_OVER: AlertRule(
        when="that rebalance has ended, or waits for something",
        title="{{ account }}: the slow rebalance is over or waits",
        text="It had been at work since {{ since | at }}.",
        do="rebalancer show {{ account }}",
        is_urgent=True,
    ),
    AlertKind.GATEWAY_AWAY: AlertRule(
        when="no worker has held a gateway's connection for `alerts.gateway_away_minutes`",
        title="{{ subject }} is away since {{ since | at }}",
        text="Nothing is read or traded through it. " + _REASON,
        do="start IB Gateway or log in, confirm the second factor, then rebalancer status; if the gateway is up: "
        "rebalancer doctor says whether a worker is there",
        is_urgent=True,
    ),
    AlertKind.GATEWAY_BACK: AlertRule(
        when="a worker holds that connection again",
        title="{{ subject }} is back",
        text="It was away since {{ since | at }}. What waited for it goes on by itself.",
        do="rebalancer status",
        is_urgent=True,
    ),
    AlertKind.GATEWAY_LOGIN_ENDS: AlertRule(
        when="a gateway's weekly login ends soon (`alerts.gateway_login_ends`)",
        title="The gateway's login ends at {{ until | at }}",
        text="IBKR then asks for the second factor, and nothing is traded until it is given.",
        do="log in again and confirm on your phone, at a time that suits you",
        is_urgent=True,
    ),
    AlertKind.LISTENER_AWAY: AlertRule(
        when="nothing has listened to Ably's channels for `alerts.listener_away_minutes`",
        title="The listener is away{% if since %} since {{ since | at }}{% endif %}",
        text="Events that are published now start nothing until it is back. {{ detail }}",
        do="rebalancer check says whether Ably and its key are all right; if the listener does not run, start it as it "
        "was: rebalancer up, or rebalancer listen where Temporal runs elsewhere",
        is_urgent=True,
    ),
    AlertKind.LISTENER_BACK: AlertRule(
        when="it listens again",
        title="The listener is back",
        text="It was away{% if since %} since {{ since | at }}{% endif %}. Events of that time are read from Ably's "
        "history, as far as Ably kept them.",
        do="rebalancer status",
        is_urgent=True,
    ),
    AlertKind.NO_EVENT: AlertRule(
        when="nothing came on a channel for `alerts.no_event_days`",
        title="No event on {{ subject }} since {{ since | at }}",
        text="That may be right. If the publisher should have sent one, ask there.",
        do="rebalancer check",
    ),
    AlertKind.EVENT_AGAIN: AlertRule(
        when="something came on that channel again",
        title="An event came on {{ subject }}",
        text="There had been none since {{ since | at }}.",
        do="rebalancer history",
    ),
    AlertKind.SCHEDULE_MISSED: AlertRule(
        when="a schedule's time passed while Temporal was away for too long",
        title="Schedule {{ subject }} was missed",
        text="Its time passed while the Temporal server was away, and is not made up for. Missed so far: {{ detail }}.",
        do=_BY_HAND.format("then"),
        is_urgent=True,
    ),
    AlertKind.SCHEDULE_FAILED: AlertRule(
        when="a schedule's time came, and not every account it is for could be triggered",
        title="Schedule {{ subject }} was not carried out, or not whole{% if detail %} ({{ detail }}){% endif %}",
        text=_REASON,
        do=_BY_HAND.format("mend the cause, then"),
        is_urgent=True,
    ),
    AlertKind.HALTED: AlertRule(
        when="trading was halted, or an account or a strategy paused",
        title="{{ subject }}{% if by %}, by {{ by }}{% endif %}",
        text="Since {{ since | at }}. Until that ends no order of it goes out; events are kept, and what waits longer "
        "than max_wait fails. " + _REASON,
        do="when the reason is over: {{ command }}",
        is_urgent=True,
    ),
    AlertKind.RESUMED: AlertRule(
        when="that halt or pause has ended",
        title="No longer: {{ subject }}{% if by %} (ended by {{ by }}){% endif %}",
        text="It had been so since {{ since | at }}. Whoever waited for it goes on. " + _REASON,
        do="rebalancer status; rebalancer history --failed shows what had waited too long and failed",
        is_urgent=True,
    ),
    AlertKind.CIRCUIT_BREAKER: AlertRule(
        when="the circuit breaker paused a strategy (`circuit_breaker.failures`)",
        title="Circuit breaker: {{ subject }}",
        text="Too many of its rebalances in a row went wrong. No order of it goes out until you say so; events are "
        "kept, and what waits longer than max_wait fails. " + _REASON,
        do="rebalancer history --failed, mend the cause, then {{ command }}; what failed before is not done again by "
        "itself: rebalancer retry ACCOUNT",
        is_urgent=True,
    ),
    AlertKind.TEST: AlertRule(
        when="`rebalancer notify test` sends it",
        title="Test: alerts of the rebalancer arrive here",
        text="Sent to {{ subject }} at {{ at | at }}. Nothing is wrong, nothing was traded.",
        is_urgent=True,
    ),
}
"""The table, in the order of a rebalance's life."""

URGENT: Final = tuple(kind for kind, rule in ALERTS.items() if rule.is_urgent)
"""What is sent at once; all else waits for the next digest."""

ENDINGS: Final[Mapping[AlertKind, AlertKind]] = {
    AlertKind.SLOW: AlertKind.SLOW_OVER,
    AlertKind.GATEWAY_AWAY: AlertKind.GATEWAY_BACK,
    AlertKind.LISTENER_AWAY: AlertKind.LISTENER_BACK,
    AlertKind.NO_EVENT: AlertKind.EVENT_AGAIN,
    AlertKind.HALTED: AlertKind.RESUMED,
    AlertKind.CIRCUIT_BREAKER: AlertKind.RESUMED,
}
"""What lasts, and what says that it is over."""

OUTCOMES: Final = frozenset(
    {
        AlertKind.COMPLETED,
        AlertKind.INCOMPLETE,
        AlertKind.FAILED,
        AlertKind.CANCELLED,
        AlertKind.EVENT_EXPIRED,
        AlertKind.DRY_RUN_COMPLETED,
        AlertKind.DRY_RUN_FAILED,
    }
)
"""What a run came to: programs are told of these, too, where there is a channel for outcomes."""

DRY_RUNS: Final = (AlertKind.DRY_RUN_COMPLETED, AlertKind.DRY_RUN_FAILED)
