"""What a query may ask for: series of ours, and labels."""

import re
from collections.abc import Iterable
from typing import Final

from contract.metrics import ALL, Histogram

_OF_TEMPORAL: Final = {"namespace", "task_queue", "workflow_type", "operation", "status_code", "worker_type"}
_OF_PROMETHEUS: Final = {"job", "instance", "le"}

LABELS: Final = {label for each in ALL for label in each.labels} | _OF_TEMPORAL | _OF_PROMETHEUS
"""All that a series may have."""


def series() -> set[str]:
    """Every series of ours."""
    endings = ("_bucket", "_sum", "_count")
    return {
        name
        for each in ALL
        for name in ([each.name + ending for ending in endings] if isinstance(each, Histogram) else [each.shown])
    }


def labels_in(queries: Iterable[str]) -> set[str]:
    """The labels by which queries group or choose."""
    found: set[str] = set()
    for query in queries:
        found |= {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")}
        found |= set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query))
    return found
