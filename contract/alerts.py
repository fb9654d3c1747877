"""Alerts: what the watch hands to the workflow that tells them, and what that asks its activities.

A rebalance knows nothing of alerts. A watch (``starter.alerts``) reads what the server tells of all, and starts one
workflow for each alert under an id that follows from what happened: so each is told once, however many watch and
however often they begin anew. A state that lasts keeps its workflow open until it is over.
"""

from abc import ABC, abstractmethod
from typing import Final

from contract.run_summary import RunSummary
from rebalancing.alerts import AlertKind
from rebalancing.base import FrozenModel, Instant

ALERT_WORKFLOW_TYPE: Final = "Alert"
DIGEST_WORKFLOW_TYPE: Final = "AlertDigest"
RECORD_WORKFLOW_TYPE: Final = "AlertRecord"

ALERTS_QUEUE: Final = "alerts"
"""Alerts and what sends them: never in the way of a rebalance, whatever a receiver does."""

RECORD_QUEUE: Final = "alert-record"
"""Polled by nobody."""

OVER_SIGNAL: Final = "over"
"""The state that is told of has ended; brings an ``Over``."""
COLLECT_SIGNAL: Final = "collect"
MISSED_SIGNAL: Final = "missed"
"""How often each schedule was missed, as far as it was told."""

RECORD_ID: Final = "alerts"
"""The workflow that says since when alerts are sent; it runs and does nothing."""
DIGEST_ID: Final = "alert-digest"

_ALERT: Final = "alert-"


def alert_id(kind: AlertKind, *about: str) -> str:
    """The workflow id of an alert, from what it is about."""
    return _ALERT + "-".join((kind.value, *about))


class Alert(FrozenModel):
    """What happened, in figures and words from which a template makes a message.

    ``subject`` names what it is about where that is no account; ``run`` is the summary of a run that is over,
    ``workflow_id`` and ``run_id`` lead to it. Texts may come from outside and are shown, never obeyed.
    """

    alert_id: str
    kind: AlertKind
    at: Instant
    account: str = ""
    strategy: str = ""
    subject: str = ""
    by: str = ""
    reason: str = ""
    detail: str = ""
    command: str = ""
    event: str = ""
    plan_hash: str = ""
    refs: tuple[str, ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    workflow_id: str = ""
    run_id: str = ""
    run: RunSummary | None = None


class Over(FrozenModel):
    """What ends a state that was told of: the kind of alert that says so, when, and by whom and why where a person did
    it. All else is as it was told at its beginning."""

    kind: AlertKind
    at: Instant
    by: str = ""
    reason: str = ""
    detail: str = ""


class AlertRequest(FrozenModel):
    """What an ``Alert`` workflow starts with: one alert, or all of a digest.

    ``lasts``: the workflow stays open until it is told that this is over, and then for so many seconds, ``quiet``, in
    which the same state is not told anew.
    """

    alerts: tuple[Alert, ...]
    is_digest: bool = False
    lasts: bool = False
    quiet: float = 0


class AlertResult(FrozenModel):
    """Who was told, and who was not, with the reason."""

    told: tuple[str, ...] = ()
    not_told: dict[str, str] = {}


class Routing(FrozenModel):
    """Where an alert goes: to these receivers at once, or into the digest that is due by then; and to Ably or not."""

    receivers: tuple[str, ...] = ()
    digest_due: Instant | None = None
    publishes: bool = False


class Telling(FrozenModel):
    """Asks to tell one receiver, by its name: its address is a secret and in no history."""

    receiver: str
    alerts: tuple[Alert, ...]
    is_digest: bool = False


class Collected(FrozenModel):
    """An alert for the next digest, which is to go out at ``due`` at the latest."""

    alert: Alert
    due: Instant


class DigestInput(FrozenModel):
    """What came while the last digest was handed over."""

    collected: tuple[Collected, ...] = ()


class OutcomePublisher(ABC):
    """Publishes outcomes on a channel. What does it knows the service, which neither workflows nor activities do."""

    @property
    @abstractmethod
    def can_publish(self) -> bool:
        """Whether it has what it needs."""

    @abstractmethod
    async def publish(self, channel: str, alert: Alert) -> None:
        """Publish what this alert tells of a run; again does no harm. Raises ``RebalancerError``."""
