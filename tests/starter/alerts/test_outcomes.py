"""Outcomes for programs: on the Ably channel, each once, whatever Ably does meanwhile."""

import json
import re
from typing import Any

import pytest

from configuration.alert_settings import AlertSettings
from rebalancing.alerts import AlertKind
from rebalancing.triggers import ExecutionMode
from simulator.ably.server import SimulatedAbly
from starter.ably.ably_outcomes import AblyOutcomes
from starter.ably.ably_settings import AblyKeyRefusedError
from starter.alerts.record import AlertRecord
from starter.alerts.watch import watch
from testbed.addresses import ably_at, connections_of
from testbed.background import in_background
from testbed.waiting import until
from tests.activities.test_alert_words import RUN, alert
from tests.documentation.blocks import blocks
from tests.house import Holding, house
from tests.simulator.ably.clients import rest
from tests.source_tree import ROOT
from tests.starter.alerts.watched import QUICK
from tests.workflows.test_circuit_breaker import TOO_LARGE, failed
from worker.alert_worker import run_alert_worker

KEY = "app.key:secret"


async def published(ably: SimulatedAbly) -> list[dict[str, Any]]:
    """What is on the channel, oldest first."""
    async with rest(ably) as client:
        page = await client.channels.get("outcomes").history(direction="forwards")
        return [message.data for message in page.items]


def shown_outcome() -> dict[str, Any]:
    """The one that docs/alerts.md shows."""
    (shown,) = blocks("json", pages=[ROOT / "docs" / "alerts.md"])
    return json.loads(shown.text)


def form(outcome: dict[str, Any]) -> dict[str, object]:
    """What is known of it, and how many decimals its numbers have; ids and times are another's."""
    return {
        name: re.sub(r"-?\d", "9", str(value)) if re.fullmatch(r"-?[\d.]+", str(value)) else type(value).__name__
        for name, value in outcome.items()
    }


async def test_every_run_is_published_once_also_after_ably_was_away(caplog: pytest.LogCaptureFixture) -> None:
    accounts = {"DU1": Holding(), "DU2": Holding(more=TOO_LARGE)}
    async with SimulatedAbly(KEY) as ably, house(accounts) as own:
        alerts = AlertSettings(ably_channel="outcomes")
        own.in_use.use(own.in_use.now.model_copy(update={"alerts": alerts}))
        publisher = AblyOutcomes(connections_of(ably_at(ably.port, KEY)))
        async with (
            in_background(run_alert_worker(own.client, own.in_use, publisher)),
            in_background(watch(own.client, own.in_use, own.connections, QUICK)),
        ):
            await until(AlertRecord(own.client).born)
            await ably.stop_listening()
            result = await (await own.trigger("DU1", "event-1")).result()
            await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
            await failed(own, "DU2")
            await ably.start_listening()

            async def all_there() -> bool:
                return len(await published(ably)) >= 3

            await until(all_there)
            told = {each["kind"]: each for each in await published(ably)}
    assert result.outcome is not None
    assert told.keys() == {"completed", "dry_run_completed", "failed"}
    completed = told["completed"]
    assert (completed["account"], completed["event_ids"], completed["orders"]) == ("DU1", ["event-1"], 3)
    assert completed["drift_after"] == str(result.outcome.drift)
    assert told["failed"]["failure"] == "GuardBreached"
    assert list(completed) == list(shown_outcome())
    assert form(completed) == form(shown_outcome())
    assert "secret" not in caplog.text


async def test_what_is_published_again_is_there_once() -> None:
    async with SimulatedAbly(KEY) as ably:
        publisher = AblyOutcomes(connections_of(ably_at(ably.port, KEY)))
        for _ in range(3):
            await publisher.publish("outcomes", alert(AlertKind.COMPLETED, run=RUN))
        assert len(await published(ably)) == 1


async def test_a_key_that_may_not_publish_is_told_what_it_needs_and_is_not_shown() -> None:
    async with SimulatedAbly(KEY) as ably:
        publisher = AblyOutcomes(connections_of(ably_at(ably.port, "app.key:wrong-secret")))
        with pytest.raises(AblyKeyRefusedError, match="needs `publish` on the channel outcomes") as refused:
            await publisher.publish("outcomes", alert(AlertKind.COMPLETED, run=RUN))
    assert "wrong-secret" not in str(refused.value)
