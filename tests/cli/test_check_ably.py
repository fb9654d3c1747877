"""``rebalancer check`` tells whether a channel keeps its messages, and says so where it cannot be told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.ably.server import SimulatedAbly
from starter.ably.channel_records import ChannelRecord, ChannelRecords
from testbed.addresses import ably_at
from testbed.temporal_server import temporal_server
from tests.cli.command import desk
from tests.starter.ably.ably_listening import MovableClock

ACCOUNTS = "accounts: [{account_id: DU1, strategy_name: blend}]\n"
KEY = "app.key:secret"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("in_history", "remembered", "fine", "told"),
    [
        (True, False, True, "kept for longer than two minutes: the messages of blend"),
        (False, True, False, "Switch on persistence"),
        (False, False, True, "whether those of blend are kept cannot be told"),
    ],
    ids=["kept", "not kept", "nobody knows"],
)
async def test_whether_a_channel_keeps_its_messages_is_told(
    tmp_path: Path, in_history: bool, remembered: bool, fine: bool, told: str
) -> None:
    clock = MovableClock()
    async with (
        temporal_server() as temporal,
        SimulatedAbly(KEY, retention_ms=72 * 3_600_000, clock=clock) as ably,
    ):
        hour_ago = datetime.now(UTC) - HOUR
        if in_history:
            clock.now = -3_600_000
            ably.publish("blend", "x")
            clock.now = 0
        if remembered:
            records = ChannelRecords(temporal.client)
            await records.establish("blend", hour_ago - HOUR)
            await records.note("blend", ChannelRecord(born=hour_ago - HOUR, read_to=hour_ago, newest=hour_ago))
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address, **ably_at(ably.port, KEY))
        answer = await own.run("check")
    (line,) = [line for line in answer.output.splitlines() if line.split()[1] == "Ably"]
    assert line.startswith("ok" if fine else "WRONG")
    assert told in line


@pytest.mark.parametrize(
    ("capability", "outcomes", "told"),
    [
        ({"*": ["*"]}, "", "it may more than anything needs (anything on *): a key for subscribe and history is safer"),
        ({"blend": ["subscribe", "history", "publish"]}, "", "(publish on blend)"),
        ({"blend": ["subscribe", "history"], "told": ["publish"]}, "", "(publish on told)"),
        ({"blend": ["subscribe", "history"], "told": ["publish"]}, "told", ""),
        ({"blend": ["subscribe", "history"]}, "", ""),
    ],
)
async def test_a_key_that_may_more_than_anything_needs_is_told(
    tmp_path: Path, capability: dict[str, list[str]], outcomes: str, told: str
) -> None:
    accounts = ACCOUNTS + (f"alerts: {{ably_channel: {outcomes}}}\n" if outcomes else "")
    async with temporal_server() as temporal, SimulatedAbly(KEY, capability=capability) as ably:
        own = desk(tmp_path, accounts, TEMPORAL_ADDRESS=temporal.address, **ably_at(ably.port, KEY))
        answer = await own.run("check")
    (line,) = [line for line in answer.output.splitlines() if line.split()[1] == "Ably"]
    assert line.startswith("ok")
    assert (told or "the key may subscribe") in line
    assert bool(told) == ("needs" in line)
    assert KEY not in answer.output + answer.errors
