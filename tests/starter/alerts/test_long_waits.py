"""A receiver that is dead for an hour, in time that the server skips: told afterwards, once."""

from datetime import timedelta

import pytest

from rebalancing.alerts import AlertKind
from testbed.background import in_background
from tests.alert_receiver import Receiver, listening
from tests.house import Holding
from tests.starter.alerts.watched import configure
from tests.workflows.alerting import Alerting, alert
from tests.workflows.skipped_time import house_of_skipped_time
from worker.alert_worker import run_alert_worker

FAILED = "DU1: rebalance FAILED"


async def test_a_receiver_that_is_dead_for_an_hour_is_told_afterwards_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("activities.alerts.receivers.REST", 0.0)
    async with (
        listening(Receiver(refusals=38)) as phone,
        house_of_skipped_time({"DU1": Holding()}, workers=0) as own,
    ):
        configure(own, monkeypatch, {"phone": phone})
        async with in_background(run_alert_worker(own.client, own.in_use)):
            handle = await Alerting(own.address, own.client, own.in_use).start(alert(AlertKind.FAILED))
            result = await handle.result()
        described = await handle.describe()
    assert described.close_time is not None
    assert described.close_time - described.start_time > timedelta(hours=1)
    assert result.told == ("phone",)
    assert phone.titles == [FAILED]
    assert phone.refused == 38
    assert caplog.text.count("phone did not take it") == 1
