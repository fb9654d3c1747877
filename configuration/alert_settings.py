"""The ``alerts:`` block of ``accounts.yaml``: who is told what, when, and in which words. No address is in it.

An address holds a token: it is in the environment alone, as ``ALERT_<RECEIVER>_URL`` (``configuration.environment``).
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, field_validator

from rebalancing.alerts import DRY_RUNS, OUTCOMES, URGENT, AlertKind
from rebalancing.base import ConfiguredModel
from rebalancing.market.gateway_login import parse_login_end
from rebalancing.market.gateway_restart import parse_restart
from rebalancing.web_address import WebAddress

ReceiverName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
"""A receiver, as in the name of its environment variable."""

ALL: Final = "all"
URGENT_ONLY: Final = "urgent"

_NAMED: Final[dict[str, tuple[AlertKind, ...]]] = {ALL: tuple(AlertKind), URGENT_ONLY: URGENT}

_CHOICE_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"enum": list(_NAMED)}, {"type": "array", "items": {"enum": [kind.value for kind in AlertKind]}}]
}


def _kinds(value: object) -> object:
    """A word in place of the list names many kinds."""
    if not isinstance(value, str):
        return value
    if value not in _NAMED:
        raise ValueError(f"{URGENT_ONLY}, {ALL} or a list of kinds is allowed")
    return _NAMED[value]


Choice = Annotated[tuple[AlertKind, ...], BeforeValidator(_kinds), WithJsonSchema(_CHOICE_SCHEMA)]
"""Which alerts one receiver gets."""


class AlertSettings(ConfiguredModel):
    """Who is told what. Without a receiver, and without a channel for outcomes, nothing watches."""

    receivers: dict[ReceiverName, Choice] = {}
    """Who is told, by names of your own, and of what: `all`, `urgent` or a list of kinds. Where each is reached is in
    the environment: `ALERT_<NAME>_URL`."""
    digest_every: float = Field(default=3600, ge=0, le=7 * 86_400)
    """Seconds for which what is not urgent is collected before it is sent together; `0` sends everything at once."""
    digest_at: str | None = None
    """The time of day at which it is sent instead (`18:00 Europe/Berlin`)."""
    dry_runs: bool = False
    """Whether dry runs are told of too."""
    gateway_away_minutes: float = Field(default=10, gt=0, le=10_080)
    """Minutes a gateway may be away before somebody is told; longer than its daily restart."""
    listener_away_minutes: float = Field(default=10, gt=0, le=10_080)
    """Minutes nothing may listen to Ably before somebody is told."""
    no_event_days: float | None = Field(default=None, gt=0, le=365)
    """Days without an event on a channel after which somebody is told."""
    slower_than: float | None = Field(default=900, gt=0, le=86_400)
    """Seconds a rebalance may be at work, waits not counted, before somebody is told."""
    quiet_minutes: float = Field(default=30, ge=0, le=10_080)
    """Minutes after the end of such a state in which its return is not told."""
    gateway_login_ends: str | None = None
    """When the gateway's weekly login ends (`SUN 01:00 America/New_York`)."""
    warn_before_hours: float = Field(default=12, gt=0, le=144)
    """Hours before that at which somebody is told."""
    templates: str | None = Field(default=None, min_length=1)
    """A folder with words of your own, found from where the configuration is: `<kind>.txt`."""
    dashboard_url: WebAddress | None = None
    """An address that every alert ends with."""
    temporal_ui_url: WebAddress | None = None
    """Where Temporal's UI is; alerts about a rebalance then link to it."""
    ably_channel: str | None = Field(default=None, min_length=1, max_length=200)
    """An Ably channel on which the outcome of every run is published."""

    @field_validator("digest_at")
    @classmethod
    def _daily(cls, value: str | None) -> str | None:
        if value is not None:
            parse_restart(value)
        return value

    @field_validator("gateway_login_ends")
    @classmethod
    def _weekly(cls, value: str | None) -> str | None:
        if value is not None:
            parse_login_end(value)
        return value

    @property
    def is_on(self) -> bool:
        """Whether anybody is to be told anything."""
        return bool(self.receivers or self.ably_channel)

    def wants(self, kind: AlertKind) -> bool:
        """Whether anybody is to be told of this, or it is an outcome that is to be published."""
        return bool(self.receivers_of((kind,))) or (kind in OUTCOMES and self.ably_channel is not None)

    def gets(self, receiver: str, kind: AlertKind) -> bool:
        """Whether this receiver is told of this; one that is not configured is told nothing."""
        wanted = kind in self.receivers.get(receiver, ())
        return wanted and (self.dry_runs or kind not in DRY_RUNS)

    def receivers_of(self, kinds: Iterable[AlertKind]) -> tuple[str, ...]:
        """Who is told of any of these."""
        asked = tuple(kinds)
        return tuple(name for name in self.receivers if any(self.gets(name, kind) for kind in asked))


def variable_of(receiver: str) -> str:
    """The environment variable with this receiver's address."""
    return f"ALERT_{receiver.upper()}_URL"
