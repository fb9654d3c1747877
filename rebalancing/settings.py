"""Settings that hold for all accounts. Names and defaults are those of the original system where they still apply."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, WithJsonSchema, field_validator

from rebalancing.base import ConfiguredModel
from rebalancing.market.gateway_restart import parse_restart


class Seals(StrEnum):
    """Whether what trades needs a seal (promise P10)."""

    REQUIRED = "required"
    """Nothing trades without one; no worker starts without a key."""

    OPTIONAL = "optional"
    """Temporal itself is guarded: whoever reaches it may trade."""


class ConcurrencySettings(ConfiguredModel):
    """How much happens at once, and how long each step may take."""

    max_concurrent_requests: int = Field(default=10, ge=1, le=1000)
    """Requests that may wait at the HTTP API, or at the listener, at once."""
    max_concurrent_rebalances: int | None = Field(default=None, ge=1, le=1000)
    """How many accounts are rebalanced at once; `1` runs them strictly one after the other."""
    operation_timeout: float = Field(default=300, gt=0, le=86_400)
    """Seconds one rebalance may work; waiting for a market, a person or the gateway is not counted."""
    request_timeout: float = Field(default=10, gt=0, le=300)
    """Seconds one request to the gateway may take."""
    cancel_timeout: float = Field(default=60, gt=0, le=600)
    """Seconds within which cancels must be confirmed."""
    settling_period: float = Field(default=5, ge=0, le=60)
    """Seconds a new gateway connection is kept for legs that an earlier one left half sent."""
    connection_check_interval: float = Field(default=30, gt=0, le=3600)
    """Seconds between checks of an idle connection."""


class RetrySettings(ConfiguredModel):
    """How retryable faults are tried again; becomes Temporal's retry policy, which varies the delays."""

    base_delay: float = Field(default=1, gt=0, le=3600)
    """Seconds before the first retry."""
    max_delay: float = Field(default=60, gt=0, le=86_400)
    """The longest pause between two tries, in seconds."""
    multiplier: float = Field(default=2, ge=1, le=100)
    """By how much each pause is longer than the last."""


class QuoteSettings(ConfiguredModel):
    """Quotes: how long they are shared, and which are refused."""

    time_to_live: float = Field(default=60, ge=0, le=3600)
    """Seconds a symbol's quotes go on being received after their last use; accounts share them."""
    max_age: float = Field(default=300, gt=0, le=86_400)
    """Seconds since the last trade or change of a quote after which nothing is traded by it."""
    max_move_percent: Decimal = Field(default=Decimal(20), gt=0, le=1000)
    """Percent a quote may be from the last close; beyond it nothing is traded."""
    close_needed: bool = True
    """Whether a symbol without a last close, such as a new listing, is refused."""
    patience: float = Field(default=30, ge=0, le=3600)
    """Seconds a quote that would be refused is read again, before the run stops."""


class EventSettings(ConfiguredModel):
    """Which events are still carried out."""

    maximum_age: float = Field(default=86_400, gt=0, le=30 * 86_400)
    """Seconds after which a live event whose turn has not come is shown as expired and not traded; never more than the
    server keeps closed workflows."""


class FiguresSettings(ConfiguredModel):
    """How closely what is read of an account must agree with what the broker says it is worth."""

    tolerance_percent: Decimal = Field(default=Decimal(2), gt=0, le=100)
    """Percent that cash and holdings may be off the net liquidation value before nothing is traded."""


class CircuitBreakerSettings(ConfiguredModel):
    """When a strategy is paused by itself."""

    failures: int = Field(default=3, ge=1, le=1000)
    """So many live rebalances of a strategy in a row that fail or end incomplete pause it (`rebalancer unpause`)."""


class Settings(ConfiguredModel):
    """All settings in force."""

    concurrency: ConcurrencySettings = ConcurrencySettings()
    """How much happens at once, and how long each step may take."""
    retry: RetrySettings = RetrySettings()
    """How retryable faults are tried again."""
    quotes: QuoteSettings = QuoteSettings()
    """Quotes: how long they are shared, and which are refused."""
    events: EventSettings = EventSettings()
    """Which events are still carried out."""
    figures: FiguresSettings = FiguresSettings()
    """How closely an account must agree with what the broker says it is worth."""
    circuit_breaker: CircuitBreakerSettings | None = None
    """When a strategy is paused by itself; without this block never."""
    fill_timeout: float = Field(default=120, gt=0, le=86_400)
    """Seconds a leg may take to fill before its rest is cancelled."""
    figures_lag: float = Field(default=180, ge=0, le=3600)
    """Seconds by which the broker's figures may lag behind a fill; as long, figures that do not agree are read
    again."""
    clock_tolerance: float = Field(default=5, gt=0, le=86_400)
    """Seconds that the worker's clock may be off the gateway's before nothing is traded."""
    gateway_restart: str | None = None
    """When the gateway restarts itself every day (`23:45 US/Eastern`); no leg is started within two minutes of it."""
    freshness: float = Field(default=60, gt=0, le=3600)
    """Seconds after which nothing is sent any more by figures that were read; they are read anew."""
    max_wait: float = Field(default=86_400, gt=0, le=30 * 86_400)
    """Seconds a rebalance waits for the gateway, a market, a turn or a person before it fails."""
    seals: Annotated[Seals, WithJsonSchema({"enum": list(Seals)})] | None = None
    """`required`: nothing trades without a seal by one of the keys; `optional`: whoever reaches Temporal may trade.
    Without it they are required where there is a key."""

    @field_validator("gateway_restart")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            parse_restart(value)
        return value
