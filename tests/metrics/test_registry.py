"""What is counted: names, and labels that stay few."""

import re

import pytest
from temporalio.common import MetricMeter

from contract.metrics import ALL, TIME_OUTS, Counter, Gauge, Histogram, Metric, buckets
from rebalancing import errors, failures

LABELS = {"account", "activity", "cause", "channel", "failure", "gateway", "kind", "mode", "order_type", "outcome",
          "phase", "queue", "result", "role", "side", "state", "when"}  # fmt: skip
"""Each has few values: nothing that an event, an order or a run brings is among them."""


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_name_is_ours_says_its_unit_and_has_few_labels(metric: Metric) -> None:
    assert re.fullmatch(r"rebalancer(_[a-z]+)+", metric.name)
    assert not metric.name.endswith("_total")  # the exporter adds it
    assert set(metric.labels) <= LABELS
    assert metric.description
    if isinstance(metric, Histogram):
        assert metric.name.endswith("_seconds")
        assert list(metric.buckets) == sorted(metric.buckets) == buckets()[metric.name]


def test_no_name_is_there_twice_and_all_are_listed() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL) > 30
    assert {type(metric) for metric in ALL} == {Counter, Gauge, Histogram}


def test_times_that_ran_out_are_errors_of_ours() -> None:
    assert [name for name in TIME_OUTS if not (hasattr(errors, name) or hasattr(failures, name))] == []


def test_nothing_that_is_measured_can_fail() -> None:
    """Workflow code that raised here would be tried again for ever; the library refuses what is below 0."""
    for metric in ALL:
        labels = dict.fromkeys(metric.labels, "x")
        match metric:
            case Counter():
                metric.add(MetricMeter.noop, -1, **labels)
            case Gauge():
                metric.set(MetricMeter.noop, float("-inf"), **labels)
            case Histogram():
                metric.record(MetricMeter.noop, -1.5, **labels)
            case _:
                raise AssertionError(metric)
