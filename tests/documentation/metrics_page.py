"""docs/metrics.md: every metric of ours, with a query."""

from collections.abc import Mapping
from typing import Final

from contract.metrics import ALL, EVENTS, REBALANCES, SLOT_WAIT, TEMPORAL_ANSWERS, Metric
from tests.documentation.written_part import page_with

PAGE: Final = "docs/metrics.md"

SECTIONS: Final[Mapping[str, str]] = {
    REBALANCES.name: "Rebalances",
    SLOT_WAIT.name: "The gateway, its slot, and orders",
    TEMPORAL_ANSWERS.name: "What waits, by the server's own word",
    EVENTS.name: "Events",
}
"""What begins with this metric."""

QUERIES: Final[Mapping[str, str]] = {
    "rebalancer_rebalances": "sum by (outcome, mode) (increase(rebalancer_rebalances_total[1d]))",
    "rebalancer_failures": "topk(5, sum by (account, failure) (increase(rebalancer_failures_total[7d])))",
    "rebalancer_timeouts": "sum by (cause) (increase(rebalancer_timeouts_total[1d]))",
    "rebalancer_phase_seconds": "sum by (phase) (increase(rebalancer_phase_seconds_sum[1d]))",
    "rebalancer_event_to_first_order_seconds": (
        "histogram_quantile(0.95, sum by (le) (rate(rebalancer_event_to_first_order_seconds_bucket[1h])))"
    ),
    "rebalancer_event_to_done_seconds": (
        "histogram_quantile(0.95, sum by (le, mode) (rate(rebalancer_event_to_done_seconds_bucket[1h])))"
    ),
    "rebalancer_drift_percent": 'max by (account) (rebalancer_drift_percent{when="before"}) > 5',
    "rebalancer_traded_cents": "sum by (account, side) (increase(rebalancer_traded_cents_total[30d])) / 100",
    "rebalancer_commissions_cents": "sum by (account) (increase(rebalancer_commissions_cents_total[30d])) / 100",
    "rebalancer_slippage_cost_cents": (
        "1e4 * sum(rebalancer_slippage_cost_cents_total) / sum(rebalancer_traded_cents_total)"
    ),
    "rebalancer_slippage_saved_cents": "sum by (account) (increase(rebalancer_slippage_saved_cents_total[30d])) / 100",
    "rebalancer_slot_wait_seconds": (
        "histogram_quantile(0.95, sum by (le, queue) (rate(rebalancer_slot_wait_seconds_bucket[15m])))"
    ),
    "rebalancer_slot_visit_seconds": (
        'sum by (queue) (rate(rebalancer_slot_visit_seconds_sum{queue!~".*-fills"}[5m]))'
    ),
    "rebalancer_activity_retries": "sum by (activity) (rate(rebalancer_activity_retries_total[5m])) * 60",
    "rebalancer_activity_failures": "sum by (activity, cause) (increase(rebalancer_activity_failures_total[1d]))",
    "rebalancer_orders_sent": "sum by (side, order_type) (increase(rebalancer_orders_sent_total[1d]))",
    "rebalancer_orders": 'sum by (account) (increase(rebalancer_orders_total{state="rejected"}[1d])) > 0',
    "rebalancer_fills": "sum by (account, side) (increase(rebalancer_fills_total[1d]))",
    "rebalancer_out_of_market_seconds": "topk(5, max by (account) (rebalancer_out_of_market_seconds))",
    "rebalancer_gateway_connected": "max by (gateway) (rebalancer_gateway_connected) == 0",
    "rebalancer_gateway_connections_lost": "sum by (gateway) (increase(rebalancer_gateway_connections_lost_total[1d]))",
    "rebalancer_gateway_messages": "sum by (gateway) (rate(rebalancer_gateway_messages_total[1m]))",
    "rebalancer_gateway_messages_per_second": "max by (gateway) (rebalancer_gateway_messages_per_second) > 45",
    "rebalancer_temporal_answers": "max(rebalancer_temporal_answers) == 0",
    "rebalancer_queue_depth": "max by (queue) (rebalancer_queue_depth)",
    "rebalancer_queue_age_seconds": 'max by (queue) (rebalancer_queue_age_seconds{queue=~"ibkr.*"}) > 60',
    "rebalancer_queue_pollers": 'max(rebalancer_queue_pollers{queue="rebalances"}) == 0',
    "rebalancer_account_queue_depth": "topk(5, max by (account, queue) (rebalancer_account_queue_depth))",
    "rebalancer_account_queue_age_seconds": "max by (account, queue) (rebalancer_account_queue_age_seconds) > 60",
    "rebalancer_open_rebalances": 'max by (account) (rebalancer_open_rebalances{phase="waiting for approval"}) > 0',
    "rebalancer_halts": "max by (kind) (rebalancer_halts) > 0",
    "rebalancer_halted_seconds": "max by (kind) (rebalancer_halted_seconds) > 3600",
    "rebalancer_processes": 'max by (role) (rebalancer_processes{role=~"listener|up"})',
    "rebalancer_events": "sum by (channel, result) (increase(rebalancer_events_total[1d]))",
    "rebalancer_sweeps": 'sum by (channel) (increase(rebalancer_sweeps_total{result="failed"}[1h]))',
    "rebalancer_channel_read_timestamp_seconds": (
        "time() - max by (channel) (rebalancer_channel_read_timestamp_seconds) > 90"
    ),
}
"""What each may be asked."""


def metrics_page() -> str:
    """The page with what is known of each metric, under its own heading, so that its name finds it."""
    return page_with(PAGE, "\n\n".join(_told(each) for each in ALL))


def _told(metric: Metric) -> str:
    section = [f"### {SECTIONS[metric.name]}"] if metric.name in SECTIONS else []
    labels = f" by {', '.join(f'`{label}`' for label in metric.labels)}" if metric.labels else ""
    told = f"A {metric.kind}{labels}. {metric.description}."
    return "\n\n".join([*section, f"#### `{metric.shown}`", told, f"```promql\n{QUERIES[metric.name]}\n```"])
