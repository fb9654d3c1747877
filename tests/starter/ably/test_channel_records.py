"""What Temporal remembers of channels: with a real server, without any worker."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue

from starter.ably import channel_records
from starter.ably.channel_records import ChannelRecord, ChannelRecords, Recalled
from starter.ably.temporal_away import TemporalAwayError
from worker.free_ports import free_port
from worker.temporal import connect_embedded, embedded_server

BORN = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def read(minutes: int) -> ChannelRecord:
    """What a sweep so many minutes after the birth comes to."""
    at = BORN + timedelta(minutes=minutes)
    return ChannelRecord(born=BORN, read_to=at, newest=at)


def kept(record: ChannelRecord) -> Recalled:
    """The record as it is recalled where nothing unusual happened."""
    return Recalled(record, went_back=False)


async def test_of_several_listeners_that_begin_at_once_one_makes_the_record(client: Client) -> None:
    births = [BORN + timedelta(seconds=n) for n in range(8)]
    listeners = [ChannelRecords(client) for _ in births]
    made = await asyncio.gather(
        *(records.establish("c", born) for records, born in zip(listeners, births, strict=True))
    )
    assert len({record.born for record in made}) == 1
    assert await listeners[0].recall("c") == kept(made[0])


async def test_a_channel_nobody_followed_is_not_known(client: Client) -> None:
    records = ChannelRecords(client)
    await records.establish("c", BORN)
    assert await records.recall("other") is None
    assert await records.born("other") is None
    assert await records.born("c") == BORN


async def test_the_latest_reading_counts_and_the_birth_stays(client: Client) -> None:
    records = ChannelRecords(client)
    await records.establish("etf blend:ä/1", BORN)
    for minutes in range(3):
        await records.note("etf blend:ä/1", read(minutes))
    assert await ChannelRecords(client).recall("etf blend:ä/1") == kept(read(2))
    assert await records.establish("etf blend:ä/1", BORN + timedelta(days=1)) == read(2)


async def test_a_record_is_renewed_before_its_history_grows_long(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_records, "RENEW_AFTER", 5)
    records = ChannelRecords(client)
    await records.establish("c", BORN)
    for minutes in range(20):
        await records.note("c", read(minutes))
        assert await records.recall("c") == kept(read(minutes))
    assert (await client.get_workflow_handle("channel-c").describe()).history_length <= 6
    assert await records.born("c") == BORN


async def test_a_record_outlives_the_server(tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "temporal.db"
    async with embedded_server(port, ui_port=None, database=database) as address:
        records = ChannelRecords(await connect_embedded(address))
        await records.establish("c", BORN)
        await records.note("c", read(7))
    async with embedded_server(port, ui_port=None, database=database) as address:
        assert await ChannelRecords(await connect_embedded(address)).recall("c") == kept(read(7))


async def test_a_record_that_a_person_has_ended_still_counts_and_is_begun_again(client: Client) -> None:
    records = ChannelRecords(client)
    await records.establish("c", BORN)
    await records.note("c", read(3))
    await client.get_workflow_handle("channel-c").terminate("what is this?")
    assert await records.recall("c") == kept(read(3))
    await records.note("c", read(4))
    assert await records.recall("c") == kept(read(4))
    assert (await client.get_workflow_handle("channel-c").describe()).close_time is None


async def test_a_lost_record_is_not_made_again_by_a_reading_that_was_under_way(client: Client) -> None:
    records = ChannelRecords(client)
    await records.note("c", read(3))
    assert await records.recall("c") is None


async def test_what_somebody_sends_by_hand_and_makes_no_sense_is_passed_over(client: Client) -> None:
    records = ChannelRecords(client)
    await records.establish("c", BORN)
    await records.note("c", read(3))
    for nonsense in ("yesterday", {"read_to": "x"}, None):
        await client.get_workflow_handle("channel-c").signal("read", nonsense)
    unknown = RawValue(Payload(metadata={"encoding": b"nonsense"}, data=b"x"))
    await client.get_workflow_handle("channel-c").signal("read", unknown)
    await client.get_workflow_handle("channel-c").signal("other", 1)
    assert await records.recall("c") == kept(read(3))


async def test_a_server_that_is_away_or_knows_no_such_namespace_is_said_to_be_away(client: Client) -> None:
    away = await connect_embedded(f"127.0.0.1:{free_port()}", lazy=True)
    config = client.config()
    config["namespace"] = "nowhere"
    for records in (ChannelRecords(away), ChannelRecords(Client(**config))):
        with pytest.raises(TemporalAwayError):
            await records.establish("c", BORN)


async def test_a_reading_is_found_behind_any_number_of_delivered_events(client: Client) -> None:
    records = ChannelRecords(client)
    await records.establish("c", BORN)
    await records.note("c", read(3))
    for n in range(25):
        await records.delivering("c", f"m-{n}")
    assert await records.recall("c") == kept(read(3))


@pytest.mark.parametrize("since", ["a reading", "a delivered event"])
async def test_it_is_told_when_a_copy_of_the_database_was_put_back(tmp_path: Path, since: str) -> None:
    port, folder, copy = free_port(), tmp_path / "now", tmp_path / "copy"
    folder.mkdir()
    database = folder / "temporal.db"
    async with embedded_server(port, ui_port=None, database=database) as address:
        client = await connect_embedded(address)
        records = ChannelRecords(client)
        await records.establish("c", BORN)
        await records.note("c", read(3))
    shutil.copytree(folder, copy)
    async with embedded_server(port, ui_port=None, database=database):
        await (records.note("c", read(4)) if since == "a reading" else records.delivering("c", "m-1"))
        recalled = await records.recall("c")
        assert recalled is not None
        assert not recalled.went_back
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    async with embedded_server(port, ui_port=None, database=database):
        await records.note("c", read(5))  # by a reading that was under way
        assert await records.recall("c") == Recalled(read(3), went_back=True)
        assert await records.recall("c") == kept(read(3))
