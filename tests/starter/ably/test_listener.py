"""From messages on channels to triggers that Temporal holds, over a real server; no worker is needed to accept them."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from contract.names import WORKFLOW_TYPE
from rebalancing.accounts import Account
from rebalancing.triggers import ExecutionMode, Trigger
from starter.ably.channel_records import ChannelRecords
from starter.ably.listener import AblyNotConfigured, EventDispatcher, ably_settings
from starter.ably.received_message import ReceivedMessage
from starter.ably.temporal_away import TemporalAwayError
from worker.free_ports import free_port
from worker.temporal import connect_embedded, embedded_server

PUBLISHED = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def configuration(**strategies: str) -> Configuration:
    """Accounts by number, each with its strategy; one whose strategy ends in ``-off`` is switched off."""
    return Configuration(
        accounts=tuple(
            Account.model_validate(
                {
                    "account_id": account,
                    "strategy_name": strategy.removesuffix("-off"),
                    "type": "paper",
                    "enabled": not strategy.endswith("-off"),
                }
            )
            for account, strategy in strategies.items()
        )
    )


def message(data: object, id: str = "m-1") -> ReceivedMessage:
    return ReceivedMessage(id=id, data=data, timestamp=PUBLISHED)


async def triggers(client: Client, account: str) -> list[Trigger]:
    """The triggers that the account's running workflow has been sent, oldest first."""
    found: list[Trigger] = []
    async for event in client.get_workflow_handle(f"rebalance-{account}").fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            payloads = event.workflow_execution_signaled_event_attributes.input.payloads
            found += await client.data_converter.decode(payloads, [Trigger])
    return found


async def started(client: Client) -> int:
    return (await client.count_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'")).count


async def following(client: Client, followers: Configuration) -> EventDispatcher:
    """A dispatcher of an installation that has followed its channels for a day when the event is published."""
    records = ChannelRecords(client)
    for channel in followers.strategies:
        await records.establish(channel, PUBLISHED - timedelta(days=1))
    return EventDispatcher(client, ConfigurationInUse(followers), records)


async def test_one_channel_serves_every_enabled_account_that_follows_it(client: Client) -> None:
    dispatcher = await following(client, configuration(DU1="blend", DU2="blend", DU3="blend-off", DU4="other"))
    await dispatcher.on_message("blend", message({"execution": "rebalance"}))
    for account in ("DU1", "DU2"):
        assert await triggers(client, account) == [
            Trigger(
                account=account,
                event_id="m-1",
                mode=ExecutionMode.REBALANCE,
                source="ably:blend",
                requested_at=PUBLISHED,
            )
        ]
    for account in ("DU3", "DU4"):
        with pytest.raises(Exception, match="not found"):
            await triggers(client, account)


async def test_a_second_event_reaches_the_workflow_that_runs_already(client: Client) -> None:
    dispatcher = await following(client, configuration(DU1="blend"))
    await dispatcher.on_message("blend", message({"execution": "rebalance"}, id="m-1"))
    await dispatcher.on_message("blend", message({"exec": "print-rebalance", "eventId": "e-2"}, id="m-2"))
    assert [(one.event_id, one.mode) for one in await triggers(client, "DU1")] == [
        ("m-1", ExecutionMode.REBALANCE),
        ("e-2", ExecutionMode.DRY_RUN),
    ]


@pytest.mark.parametrize("data", [None, "not JSON", "[1]", 7, "x" * 1_000_000, {"eventId": [7]}])
async def test_a_bad_event_is_logged_with_its_reason_and_starts_nothing(
    client: Client, caplog: pytest.LogCaptureFixture, data: object
) -> None:
    await (await following(client, configuration(DU1="blend"))).on_message("blend", message(data))
    assert "message m-1 starts nothing: " in caplog.text
    assert len(caplog.text) < 500
    assert await started(client) == 0


async def test_an_event_nobody_follows_is_logged_and_starts_nothing(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await (await following(client, configuration(DU1="blend-off"))).on_message("blend", message({}))
    assert "no enabled account follows it" in caplog.text
    assert await started(client) == 0


async def test_an_event_that_was_published_before_the_channel_was_followed_starts_nothing(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    records = ChannelRecords(client)
    await records.establish("blend", PUBLISHED + timedelta(seconds=1))
    dispatcher = EventDispatcher(client, ConfigurationInUse(configuration(DU1="blend")), records)
    await dispatcher.on_message("blend", message({"execution": "rebalance"}))
    assert "before this installation followed the channel" in caplog.text
    assert await started(client) == 0


async def test_an_event_on_a_channel_this_server_does_not_know_has_to_wait(client: Client) -> None:
    """Its database may be new: then nobody knows yet what is old."""
    dispatcher = EventDispatcher(client, ConfigurationInUse(configuration(DU1="blend")), ChannelRecords(client))
    with pytest.raises(TemporalAwayError, match="does not know the channel blend yet"):
        await dispatcher.on_message("blend", message({"execution": "rebalance"}))
    assert await started(client) == 0


async def test_an_event_is_accepted_only_when_temporal_has_it_on_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    port, database = free_port(), tmp_path / "temporal.db"
    async with embedded_server(port, ui_port=None, database=database) as address:
        client = await connect_embedded(address)
        dispatcher = await following(client, configuration(DU1="blend"))
    delivery = asyncio.create_task(dispatcher.on_message("blend", message({"execution": "rebalance"})))
    await asyncio.sleep(0)  # the delivery begins, and finds nobody
    assert "accepted" not in caplog.text
    async with embedded_server(port, ui_port=None, database=database):
        await delivery
    assert "event m-1 (rebalance) accepted for DU1" in caplog.text
    async with embedded_server(port, ui_port=None, database=database):
        assert [trigger.event_id for trigger in await triggers(client, "DU1")] == ["m-1"]


def test_without_a_key_or_an_enabled_account_there_is_nothing_to_listen_with() -> None:
    with pytest.raises(AblyNotConfigured, match="ABLY_API_KEY"):
        ably_settings(configuration(DU1="blend"), Connections(ably_api_key=None))
    with pytest.raises(AblyNotConfigured, match="No account is enabled"):
        ably_settings(configuration(DU1="blend-off"), Connections(ably_api_key=SecretStr("a.b:c")))


def test_every_followed_strategy_is_a_channel_once() -> None:
    settings = ably_settings(
        configuration(DU1="blend", DU2="blend", DU3="other", DU4="third-off"),
        Connections(ably_api_key=SecretStr("a.b:c"), ably_endpoint="127.0.0.1", ably_port=8081, ably_tls=False),
    )
    assert settings.channels == ("blend", "other")
    assert (settings.endpoint, settings.port, settings.tls) == ("127.0.0.1", 8081, False)
