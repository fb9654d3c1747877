"""What is to be told of schedules: those that were missed. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from contract.alerts import Alert, alert_id
from rebalancing.alerts import AlertKind


def missed_since(known: Mapping[str, int], seen: Mapping[str, int], at: datetime) -> Iterator[Alert]:
    """Those that were missed more often than was known, each by how often that was in all."""
    kind = AlertKind.SCHEDULE_MISSED
    for name, count in seen.items():
        if count > known.get(name, 0):
            yield Alert(alert_id=alert_id(kind, name, str(count)), kind=kind, at=at, subject=name, detail=str(count))
