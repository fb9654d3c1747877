"""Every metric of ours: its name as Prometheus shows it, what it means, and its labels, which stay few.

All go through the meter of Temporal's library, which has one exporter for its own metrics (``temporal_…``) and for
these. It puts ``_total`` behind the name of a counter. No event, order or run is ever a label: an account, a queue or a
phase is. Money is counted in whole cents, because counters take whole numbers.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from temporalio.common import MetricMeter
from temporalio.runtime import Runtime

from contract.gateway_pacing import MESSAGES_ALLOWED
from rebalancing import failures
from rebalancing.errors import GatewayTimeout

SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
"""From a step of a rebalance to what waits for a market."""

QUICK_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""For what the gateway's slot is waited for and held."""

TIME_OUTS: Final = tuple(
    error.__name__
    for error in (
        GatewayTimeout,
        failures.ActivityTimeout,
        failures.ApprovalExpired,
        failures.CancelUnconfirmed,
        failures.OperationTimeout,
        failures.WaitedTooLong,
    )
)
"""The types of errors that say that a time ran out."""


def process_meter() -> MetricMeter:
    """Where everything but workflow code counts; workflow code counts where it is not counted again on replay."""
    return Runtime.default().metric_meter


def is_measured() -> bool:
    """Whether this process keeps metrics at all."""
    return process_meter() is not MetricMeter.noop


@dataclass(frozen=True)
class Metric:
    """One metric. ``name`` says the unit; ``labels`` are those of ours, beside what Temporal's library adds."""

    name: str
    description: str
    labels: tuple[str, ...] = ()

    kind: ClassVar[str]

    @property
    def shown(self) -> str:
        """Its name in a scrape; a histogram's series have ``_bucket``, ``_sum`` and ``_count`` behind it."""
        return self.name


class Counter(Metric):
    """How often something happened, or how much of it there was."""

    kind = "counter"

    @property
    def shown(self) -> str:
        """The exporter's own ending is part of it."""
        return f"{self.name}_total"

    def add(self, meter: MetricMeter, by: int = 1, **labels: str) -> None:
        """Count; what is below nothing is not counted."""
        meter.create_counter(self.name, self.description).add(max(by, 0), labels)


class Gauge(Metric):
    """How something stands now."""

    kind = "gauge"

    def set(self, meter: MetricMeter, value: float, **labels: str) -> None:
        """This is how it stands; nothing is below 0."""
        meter.create_gauge_float(self.name, self.description).set(max(float(value), 0.0), labels)


@dataclass(frozen=True)
class Histogram(Metric):
    """How long something took, in seconds."""

    buckets: tuple[float, ...] = SECONDS

    kind = "histogram"

    def record(self, meter: MetricMeter, value: float, **labels: str) -> None:
        """It took so long; clocks that disagree make nothing of less than 0."""
        meter.create_histogram_float(self.name, self.description).record(max(float(value), 0.0), labels)


# --- rebalances, counted by workflow code ---------------------------------------------------------------------------

REBALANCES: Final = Counter(
    "rebalancer_rebalances", "Rebalances that are over, by how they ended", ("account", "mode", "outcome")
)
FAILURES: Final = Counter(
    "rebalancer_failures", "Rebalances that failed, by the type of the error", ("account", "failure")
)
TIMEOUTS: Final = Counter(
    "rebalancer_timeouts", "Times that ran out, by what was waited for: a type of error", ("account", "cause")
)
PHASE_SECONDS: Final = Histogram("rebalancer_phase_seconds", "How long a rebalance was in a phase", ("phase",))
EVENT_TO_FIRST_ORDER: Final = Histogram(
    "rebalancer_event_to_first_order_seconds",
    "From the publication of an event until its first order was at the broker",
)
EVENT_TO_DONE: Final = Histogram(
    "rebalancer_event_to_done_seconds",
    "From the publication of an event until its rebalance was over",
    ("mode", "outcome"),
)
DRIFT: Final = Gauge(
    "rebalancer_drift_percent",
    "Drift of the account's latest rebalance, before it and after it (of a dry run: as it would be)",
    ("account", "when"),
)
TRADED: Final = Counter("rebalancer_traded_cents", "Value of all fills, in cents", ("account", "side"))
COMMISSIONS: Final = Counter("rebalancer_commissions_cents", "Commissions, in cents", ("account",))
SLIPPAGE_COST: Final = Counter(
    "rebalancer_slippage_cost_cents", "What fills cost beside the prices of the plan, in cents", ("account",)
)
SLIPPAGE_SAVED: Final = Counter(
    "rebalancer_slippage_saved_cents", "What fills saved beside the prices of the plan, in cents", ("account",)
)

# --- the gateway, its slot, and orders ------------------------------------------------------------------------------

SLOT_WAIT: Final = Histogram(
    "rebalancer_slot_wait_seconds",
    "How long an activity waited in a gateway's queue before it began",
    ("account", "queue"),
    QUICK_SECONDS,
)
SLOT_VISIT: Final = Histogram(
    "rebalancer_slot_visit_seconds",
    "How long an activity of a gateway's queue took; on the queue with one slot, its sum a second is the utilisation",
    ("queue", "activity"),
    QUICK_SECONDS,
)
RETRIES: Final = Counter(
    "rebalancer_activity_retries", "Activities that were begun again after they had failed", ("account", "activity")
)
ACTIVITY_FAILURES: Final = Counter(
    "rebalancer_activity_failures",
    "Attempts of activities that failed, by the type of the error",
    ("activity", "cause"),
)
ORDERS_SENT: Final = Counter(
    "rebalancer_orders_sent", "Orders that were written to the gateway", ("account", "side", "order_type")
)
ORDERS: Final = Counter(
    "rebalancer_orders", "What became of orders: filled, cancelled, rejected or unknown", ("account", "side", "state")
)
FILLS: Final = Counter("rebalancer_fills", "Executions of our orders that the gateway told", ("account", "side"))
OUT_OF_MARKET: Final = Gauge(
    "rebalancer_out_of_market_seconds",
    "From the first fill of the sell leg to the latest of the buy leg, in the account's latest rebalance with both",
    ("account",),
)
GATEWAY_CONNECTED: Final = Gauge(
    "rebalancer_gateway_connected", "1 while this process holds the gateway's connection, else 0", ("gateway",)
)
CONNECTIONS_LOST: Final = Counter("rebalancer_gateway_connections_lost", "Connections that were lost", ("gateway",))
MESSAGES: Final = Counter("rebalancer_gateway_messages", "Messages sent to the gateway", ("gateway",))
MESSAGES_A_SECOND: Final = Gauge(
    "rebalancer_gateway_messages_per_second",
    f"Most messages in one second of the last fifteen; IBKR allows {MESSAGES_ALLOWED}",
    ("gateway",),
)

# --- what waits, by the server's own word ---------------------------------------------------------------------------

TEMPORAL_ANSWERS: Final = Gauge("rebalancer_temporal_answers", "1 while Temporal tells how things stand, else 0")
QUEUE_DEPTH: Final = Gauge("rebalancer_queue_depth", "What waits in a task queue, by the server's estimate", ("queue",))
QUEUE_AGE: Final = Gauge("rebalancer_queue_age_seconds", "How long the first of a task queue has waited", ("queue",))
QUEUE_POLLERS: Final = Gauge("rebalancer_queue_pollers", "Workers that take from a task queue", ("queue",))
ACCOUNT_DEPTH: Final = Gauge(
    "rebalancer_account_queue_depth", "Activities of an account that wait in a task queue", ("account", "queue")
)
ACCOUNT_AGE: Final = Gauge(
    "rebalancer_account_queue_age_seconds", "How long the first of them has waited", ("account", "queue")
)
OPEN_REBALANCES: Final = Gauge(
    "rebalancer_open_rebalances",
    "1 for the phase that an account's running rebalance is in, else 0",
    ("account", "phase"),
)
HALTS: Final = Gauge("rebalancer_halts", "What holds trading: halt, accounts or strategies that are paused", ("kind",))
HALTED_SECONDS: Final = Gauge("rebalancer_halted_seconds", "How long the oldest of them has held it", ("kind",))
PROCESSES: Final = Gauge("rebalancer_processes", "Processes that run, by what they are", ("role",))

# --- events ---------------------------------------------------------------------------------------------------------

EVENTS: Final = Counter(
    "rebalancer_events", "Messages of Ably: accepted, or why they start nothing", ("channel", "result")
)
SWEEPS: Final = Counter(
    "rebalancer_sweeps", "Readings of a channel's history: complete or failed", ("channel", "result")
)
CHANNEL_READ_AT: Final = Gauge(
    "rebalancer_channel_read_timestamp_seconds",
    "When a channel's history was last read whole (before the first time: when it was begun), as a Unix time",
    ("channel",),
)

ALL: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
"""In the order in which they stand here."""


def buckets() -> dict[str, list[float]]:
    """The buckets of every histogram, for the exporter."""
    return {each.name: list(each.buckets) for each in ALL if isinstance(each, Histogram)}
