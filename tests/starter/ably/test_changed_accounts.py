"""The listener while ``accounts.yaml`` changes: who is switched off is handed nothing, and what is new is followed."""

import asyncio
import logging

import pytest
from temporalio.client import Client

from configuration.configuration_in_use import ConfigurationInUse
from simulator.ably import SimulatedAbly
from testbed.waiting import until
from tests.starter.ably.ably_listening import soon
from tests.starter.ably.test_listener import configuration
from tests.starter.ably.test_outages import KEY, REBALANCE, events, listening, ready, until_sent

BOTH = configuration(DU1="blend", DU2="other")
WITHOUT_FIRST = configuration(DU1="blend-off", DU2="other")


async def test_what_was_published_while_an_account_was_switched_off_starts_nothing_then_or_later(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    own = ConfigurationInUse(BOTH)
    async with SimulatedAbly(KEY, retention_ms=72 * 3_600_000) as ably, listening(client, ably, own):
        await ready(client, ably)
        own.use(WITHOUT_FIRST)
        ably.publish("blend", REBALANCE, id="while-off")
        await soon(lambda: "event while-off starts nothing: no enabled account follows it" in caplog.text)
        own.use(BOTH)
        ably.publish("blend", REBALANCE, id="on-again")
        await until_sent(client, {"on-again"})
        assert await events(client) == {"on-again"}


async def test_a_channel_that_comes_with_a_change_is_followed_and_the_others_go_on(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    own = ConfigurationInUse(configuration(DU1="blend"))
    async with SimulatedAbly(KEY, retention_ms=72 * 3_600_000) as ably, listening(client, ably, own):
        await ready(client, ably)
        ably.publish("other", REBALANCE, id="before")
        await asyncio.sleep(1)
        own.use(BOTH)
        ably.publish("blend", REBALANCE, id="meanwhile")
        await ready(client, ably, "other")
        ably.publish("other", REBALANCE, id="after")
        await until_sent(client, {"meanwhile"})
        await until(lambda: events(client, "DU2"))
        assert await events(client, "DU2") == {"after"}
        assert caplog.text.count("listening to ") == 2


async def test_a_listener_with_nobody_to_listen_for_waits_until_there_is(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    own = ConfigurationInUse(configuration(DU1="blend-off"))
    async with SimulatedAbly(KEY) as ably, listening(client, ably, own):
        await soon(lambda: "no account is enabled" in caplog.text)
        own.use(BOTH)
        await ready(client, ably)
        ably.publish("blend", REBALANCE, id="one")
        await until_sent(client, {"one"})
