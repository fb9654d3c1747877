"""Names that the server, the workers, the starters and people share."""

from typing import Any, Final

from temporalio.common import SearchAttributeKey

WORKFLOW_TYPE: Final = "RebalanceAccount"
TRIGGER_SIGNAL: Final = "trigger"
TURN_SIGNAL: Final = "turn"
RESUMED_SIGNAL: Final = "resumed"
APPROVE_UPDATE: Final = "approve"
REJECT_UPDATE: Final = "reject"
RESOLVE_UPDATE: Final = "resolve"
STATUS_QUERY: Final = "status"
EVENTS_MEMO: Final = "events"
"""What the account remembers, as of the end of the run."""
BEGUN_MEMO: Final = "begun"
"""What a run that has not come to its end took on until now."""
TARGETS_MEMO: Final = "last_targets"
PROOF_MEMO: Final = "proof"
"""What shows that a run of ours wrote down what the account remembers (promise P10)."""
SUMMARY_MEMO: Final = "summary"
"""What a run that is over tells of itself in a few words."""

LOGIN_WORKFLOW_TYPE: Final = "GatewayLogin"
LOGIN_MEMO: Final = "login"
REHEARSAL_OR_REAL: Final = "rehearsal-or-real"
"""The workflow that says whether the history is that of a rehearsal."""

LOGIN_QUEUE: Final = "gateway-logins"
"""Polled by nobody: what was written down there is read from outside."""

PROCESSES_QUEUE: Final = "processes"
"""Nothing is ever put there: who polls it says by its identity what it is and which configuration it goes by."""

CHANNEL_RECORD_TYPE: Final = "ChannelRecord"
READ_SIGNAL: Final = "read"
"""What a channel's record is told whenever its history was read whole."""
DELIVERING_SIGNAL: Final = "delivering"
"""What it is told before the accounts get an event."""

CONTACT_QUEUE: Final = "contact"
"""Nothing is ever put there either: a poll of it ends with the server, which is how workers notice that."""

REBALANCES_QUEUE: Final = "rebalances"
"""Workflows, and activities that do not touch the gateway."""

GATEWAY_QUEUE: Final = "ibkr"
"""Every request to the gateway; its worker has one slot (promise P4). A named gateway has a queue of its own."""

FILLS_QUEUE: Final = "ibkr-fills"
"""What rests on what the gateway pushes, such as waiting for fills; many slots, no requests."""

TURNS_QUEUE: Final = "rebalance-turns"
"""As many slots as rebalances may run at once, where ``max_concurrent_rebalances`` limits them."""

ACCOUNT: Final = SearchAttributeKey.for_keyword("Account")
STRATEGY: Final = SearchAttributeKey.for_keyword("Strategy")
EXECUTION_MODE: Final = SearchAttributeKey.for_keyword("ExecutionMode")
PHASE: Final = SearchAttributeKey.for_keyword("Phase")
OUTCOME: Final = SearchAttributeKey.for_keyword("Outcome")
"""What a run that is over came to, in a word: ``completed``, ``incomplete``, ``dry run``, ``failed`` and so on."""
DRIFT: Final = SearchAttributeKey.for_float("Drift")
"""How far the account is from its targets as it was last measured, in percent."""
SEARCH_ATTRIBUTES: Final[tuple[SearchAttributeKey[Any], ...]] = (
    ACCOUNT,
    STRATEGY,
    EXECUTION_MODE,
    PHASE,
    OUTCOME,
    DRIFT,
)
"""All that workflows set; what each holds says its type."""

LOGIN_ID: Final = "gateway-login-"

_OWN_ID: Final = "rebalance-"
_UNNAMED: Final = "default"


def gateway_queue(gateway: str | None) -> str:
    """The queue with one slot for requests to this gateway; ``None`` is the one without a name."""
    return GATEWAY_QUEUE if gateway is None else f"{GATEWAY_QUEUE}-{gateway}"


def fills_queue(gateway: str | None) -> str:
    """The queue beside it."""
    return FILLS_QUEUE if gateway is None else f"{GATEWAY_QUEUE}-{gateway}-fills"


def kind_of(attribute: SearchAttributeKey[Any]) -> str:
    """What a search attribute holds, as the ``temporal`` command spells it: ``Keyword`` or ``Double``."""
    return attribute.indexed_value_type.name.capitalize()


def workflow_id(account: str) -> str:
    """The one id under which an account is rebalanced (promise P1)."""
    return f"{_OWN_ID}{account}"


def account_of(workflow_id: str) -> str:
    """The account whose one id this is, if it is that of an account."""
    return workflow_id.removeprefix(_OWN_ID)


def login_id(gateway: str | None) -> str:
    """The workflow that says which login of this gateway the history belongs to."""
    return f"{LOGIN_ID}{gateway or _UNNAMED}"


def gateway_of_login(login_id: str) -> str | None:
    """The gateway whose login is written down there."""
    name = login_id.removeprefix(LOGIN_ID)
    return None if name == _UNNAMED else name


def channel_id(channel: str) -> str:
    """The workflow that says up to when an Ably channel was read."""
    return f"channel-{channel}"
