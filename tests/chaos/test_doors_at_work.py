"""What doors need to be opened: a database put back, a day that changes, a connection's owner."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from chaos.accounts import START_PRICES
from chaos.broker_day import BrokerDay
from chaos.connections import is_connected
from chaos.power import copy_database, put_back
from chaos.price_log import PriceLog
from chaos.stand_ins import believable

LOOKS = """
from datetime import datetime, UTC
from zoneinfo import ZoneInfo
import sys
for name in ("US/Eastern", "America/New_York"):
    for at in sys.argv[1:]:
        print(datetime.fromtimestamp(float(at), UTC).astimezone(ZoneInfo(name)).strftime("%Y-%m-%d %H:%M:%S"))
"""


def new_york(day: BrokerDay, *moments: datetime) -> list[datetime]:
    """What another process has for the time in New York at these moments, by both names of the zone."""
    command = [sys.executable, "-c", LOOKS, *(str(each.timestamp()) for each in moments)]
    environment = {**os.environ, **day.environment}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return [datetime.fromisoformat(line) for line in told.splitlines()]


def test_what_was_committed_after_the_copy_is_gone_once_it_is_put_back(tmp_path: Path) -> None:
    database, copy = tmp_path / "temporal.db", tmp_path / "copy"
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("pragma journal_mode=wal")
        writer.execute("create table history (event integer)")
        writer.execute("insert into history values (1)")
        writer.commit()
        copy_database(database, copy)
        writer.execute("insert into history values (2)")
        writer.commit()
        held = [path.name for path in tmp_path.iterdir()]
        assert "temporal.db-wal" in held  # where the second one is
    put_back(copy, database)
    with closing(sqlite3.connect(database)) as reader:
        assert reader.execute("select event from history").fetchall() == [(1,)]


def test_a_database_in_the_midst_of_a_write_is_copied_as_it_was_before(tmp_path: Path) -> None:
    database, copy = tmp_path / "temporal.db", tmp_path / "copy"
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("pragma journal_mode=wal")
        writer.execute("create table history (event integer)")
        writer.commit()
        writer.execute("insert into history values (1)")
        copy_database(database, copy)
        writer.commit()
    with closing(sqlite3.connect(copy)) as reader:
        assert reader.execute("select count(*) from history").fetchall() == [(0,)]


@pytest.mark.parametrize("hour", [0, 7, 18, 21])
def test_the_broker_s_day_changes_when_it_is_told_to_and_clocks_stay(tmp_path: Path, hour: int) -> None:
    start = datetime(2026, 11, 24, hour, 17, 23, tzinfo=UTC)
    day = BrokerDay(tmp_path)
    day.begin(start)
    first, *_ = new_york(day, start)
    for number in range(1, 3):
        at = start + number * timedelta(minutes=3)
        assert day.change(at)
        before, after, *others = new_york(day, at - timedelta(seconds=1), at)
        assert others == [before, after]
        assert (before.date() - first.date()).days == number - 1
        assert (after.hour, after.minute, after.second) == (0, 0, 0)
        assert (after.date() - first.date()).days == number
    assert day.changes == [start + number * timedelta(minutes=3) for number in (1, 2)]


def test_a_zone_reaches_no_further_than_a_day_from_greenwich(tmp_path: Path) -> None:
    day, at = BrokerDay(tmp_path), datetime(2026, 11, 24, 12, tzinfo=UTC)
    day.begin(at)
    assert [day.change(at + number * timedelta(minutes=1)) for number in range(1, 5)] == [True, True, False, False]
    assert len(day.changes) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_the_owner_of_a_connection_is_told_while_it_lasts() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.write(b"."), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert not is_connected(os.getpid(), port)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    assert is_connected(os.getpid(), port)
    assert not is_connected(os.getpid(), port - 1)
    assert not is_connected(os.getppid(), port)
    writer.close()
    await writer.wait_closed()
    server.close()


def test_a_process_that_is_gone_has_no_connection() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert not is_connected(gone.pid, 1)


def test_prices_stay_where_they_are_believed_however_often_a_gateway_forgets_what_took_them_back() -> None:
    start = price = START_PRICES["QQQ"]
    for _ in range(20):
        price = believable("QQQ", price, Decimal("1.05"))
        assert abs(price / start - 1) < Decimal("0.13")
    assert believable("QQQ", start, Decimal("1.05")) == (start * Decimal("1.05")).quantize(Decimal("0.01"))
    assert believable("QQQ", start * Decimal("1.2"), Decimal("0.95")) < start * Decimal("1.2")


def test_the_log_of_prices_tells_the_lowest_around_a_time() -> None:
    log, start = PriceLog(), datetime(2026, 11, 24, 15, tzinfo=UTC)
    for second, price in enumerate(("3", "1", "5", "7", "6")):
        log.note(start + timedelta(seconds=second), {"QQQ": Decimal(price)})
    moment = [start + timedelta(seconds=number + 0.5) for number in range(6)]
    assert log.lowest("QQQ", moment[2], moment[3]) == 5  # the one before counts
    assert log.lowest("QQQ", moment[3], moment[4]) == 6
    assert log.lowest("QQQ", moment[0], moment[0]) == 1  # and the one after
    assert log.lowest("SPY", moment[0], moment[4]) is None
