"""What a real scrape of ``up`` has, after a rebalance of each kind, a fault of the gateway and an event."""

from pathlib import Path

from contract.metrics import ALL, Histogram
from starter.ably.listener import RESULTS
from starter.cli.setup import SIMULATED_ACCOUNTS
from testbed.publishing import event, publish
from testbed.waiting import until
from tests.metrics.stage import Sample, Stage, measured_up, total

NAMED_IN_LABELS = {"namespace", "workflow_type", "task_queue"}
"""What Temporal's library adds."""

FEW = 2500
"""Series of six accounts, those of Temporal's library among them."""


async def rebalance_all(own: Stage) -> None:
    """Events for all strategies; one account waits for a person, one fails, and all wait for a slot that is stuck."""
    await own.control.add_rules([{"action": "stall", "match": {"request": "reqAllOpenOrders"}, "count": 2}])
    for strategy in ("leveraged-blend", "global-sixty-forty", "us-growth", "all-weather-with-cash"):
        await publish(own.http, own.ably_port, strategy, event(f"all-{strategy}", live=True))


async def test_every_metric_is_in_a_scrape_with_its_own_labels(tmp_path: Path) -> None:
    async with measured_up(tmp_path, SIMULATED_ACCOUNTS.read_text(encoding="utf-8")) as own:
        await rebalance_all(own)
        await until(lambda: own.shows("rebalancer_rebalances_total", 5))
        await until(lambda: own.shows("rebalancer_open_rebalances", phase="waiting for approval"))
        found = await own.scrape()
        for metric in ALL:
            name = f"{metric.shown}_count" if isinstance(metric, Histogram) else metric.shown
            series = [one for one in found if one.name == name]
            assert series, f"{name} is in no scrape"
            assert {label for one in series for label in one.labels} - NAMED_IN_LABELS == set(metric.labels), name
        ids = [one for one in found for value in one.labels.values() if "all-" in value or value.startswith("rb-")]
        assert [one for one in ids if one.labels.get("channel") != "all-weather-with-cash"] == []
        assert len(found) < FEW
        agrees_with_the_books(found, await own.control.read("executions"), await own.control.read("orders"))


async def test_what_becomes_of_events_and_sweeps_is_counted_from_zero(tmp_path: Path) -> None:
    """Prometheus sees no rise in a series that begins with a 1."""
    async with measured_up(tmp_path, SIMULATED_ACCOUNTS.read_text(encoding="utf-8")) as own:
        found = {
            (one.name, one.labels["result"]): one.value
            for one in await own.scrape()
            if one.labels.get("channel") == "us-growth" and "result" in one.labels
        }
    assert [found["rebalancer_events_total", result] for result in RESULTS] == [0, 0, 0, 0]
    assert found["rebalancer_sweeps_total", "failed"] == 0


def agrees_with_the_books(found: list[Sample], executions: list[dict[str, str]], orders: list[object]) -> None:
    """The gateway's own list of what was ordered and filled."""
    assert total(found, "rebalancer_orders_sent_total") == len(orders)
    assert total(found, "rebalancer_fills_total") == len(executions)
    assert total(found, "rebalancer_activity_retries_total") > 0
