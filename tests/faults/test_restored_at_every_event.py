"""The database is copied at each event of a live rebalance; each copy is put back while the broker stays at the end.

On the broker's same day and on the next. Nothing is doubled, and nothing is lost silently: every run ends completed, by
itself or after what it waits for was answered. ``make restores`` takes every copy, ``make test-faults`` a few.
"""

import asyncio
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.gateway import intent_judge, reading
from chaos.power import copy_database, put_back
from contract.halts import halts_of
from contract.messages import Resolution
from contract.status import Status
from rebalancing.orders.order import OrderState
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from simulator.gateway.scenario import Latency
from starter.desk.latest_run import query_status
from tests.faults.ledger_checks import never_overspent, placed_at_most_once
from tests.house import Holding, House, quick_settings
from tests.workflows.restoring import Restorable, accepted, restorable_house
from tests.workflows.test_restored_history import let_a_day_pass
from workflows.rebalance_account import RebalanceAccount

A_FEW: Final = 4
"""Copies that are tried where not all are."""

ALL: Final = os.environ.get("RESTORES") == "all"

LOOKS_EVERY: Final = 0.2

ACCOUNT: Final = Holding(
    cash="2000", holdings={"SPY": 60, "EDC": 300}, weights={"QQQ": "0.5", "BND": "0.5"}, more={"tolerance_percent": "1"}
)
"""What must be sold first."""

SLOW: Final = Latency(request=0.03, ack=0.03, fill=(0.1, 0.2), commission=0.03)
"""Time to copy the database between two events."""

SETTINGS: Final = Settings.model_validate({**quick_settings().model_dump(), "figures_lag": 1, "max_wait": 300})

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3000 if ALL else 300)]


class Copy(NamedTuple):
    """A copy of the database, and how many parts of histories it has."""

    file: Path
    written: int


class Copying:
    """Copies a database, again and again while a server writes it; what is the same as the last is dropped."""

    def __init__(self, database: Path) -> None:
        self.copies: list[Copy] = []
        self._database = database
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Copying":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        known: set[int] = set()
        while not self._is_over.is_set():
            file = self._database.with_name(f"copy-{len(self.copies):03}.db")
            copy_database(self._database, file)
            written = _written(file)
            if written not in known:
                known.add(written)
                self.copies.append(Copy(file, written))


def _written(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM history_node").fetchone()[0])


@pytest.mark.parametrize("day", ["same", "next"])
async def test_a_copy_of_any_moment_doubles_nothing_and_loses_nothing_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    async with restorable_house(tmp_path, {"DU1": ACCOUNT}, settings=SETTINGS, latency=SLOW) as (own, server):
        with Copying(tmp_path / "temporal.db") as copying:
            async with own.working():
                await (await own.trigger("DU1")).result()
        engine = own.gateway.engine
        orders, held = own.accepted_orders("DU1"), dict(engine.accounts["DU1"].positions)
        assert {order.action for order in orders} == {"SELL", "BUY"}
        if day == "next":
            let_a_day_pass(engine)
            _have_the_worker_a_day_later(monkeypatch)
        ends: Counter[str] = Counter()  # how each run came to its end
        for copy in _chosen(copying.copies):
            await _put_back(server, copy)
            async with own.working():
                ends[await _ends(own)] += 1
            placed_at_most_once(engine)
            assert own.accepted_orders("DU1") == orders, copy.file.name
            assert engine.accounts["DU1"].positions == held, copy.file.name
            never_overspent(engine, "DU1", ACCOUNT.cash)
        moments = copying.copies[-1].written - copying.copies[0].written + 1
        tried = f"{sum(ends.values())} of {len(copying.copies)} copies, of {moments} commits of history"
        print(f"{day} day: {tried}: {dict(ends)}")  # noqa: T201


def _chosen(copies: list[Copy]) -> Iterator[Copy]:
    step = 1 if ALL else max(1, len(copies) // A_FEW)
    yield from copies[step // 2 :: step]


def _have_the_worker_a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's date, by which the worker tells what its queries reach back to, is the next."""
    today = intent_judge.trading_day

    def tomorrow(at: datetime) -> str:
        return today(at + timedelta(days=1))

    monkeypatch.setattr(intent_judge, "trading_day", tomorrow)
    monkeypatch.setattr(reading, "trading_day", tomorrow)


async def _put_back(server: Restorable, copy: Copy) -> None:
    await server.stop()
    spent = copy.file.with_suffix(".spent")
    spent.write_bytes(copy.file.read_bytes())
    put_back(spent, server.database)
    await server.start()


async def _ends(own: House) -> str:
    """Deliver the event as Ably's history brings it again, and answer what is asked until the run is over."""
    handle = await own.trigger("DU1", at=datetime.now(UTC))
    how = "by itself"
    result = asyncio.create_task(handle.result())
    while not result.done():
        how = await _answered(own, handle) or how
        await asyncio.wait({result}, timeout=LOOKS_EVERY)
    outcome = result.result().outcome
    assert outcome is None or outcome.phase is Phase.COMPLETED, outcome
    return how if outcome else "was over"


async def _answered(own: House, handle: WorkflowHandle[Any, Any]) -> str:
    status = await query_status(handle)
    if status is None:
        return ""
    if status.phase is Phase.HALTED and await halts_of(own.client, "DU1", None):
        await accepted(own)
        return "after accept-history"
    return await _resolved(own, handle, status) if status.phase is Phase.NEEDS_OPERATOR else ""


async def _resolved(own: House, handle: WorkflowHandle[Any, Any], status: Status) -> str:
    """An operator looks each order of unknown fate up, as in TWS."""
    for report in status.orders:
        if report.state is OrderState.UNKNOWN:
            found = [order for order in own.accepted_orders("DU1") if order.ref == report.ref]
            filled = found[0].filled if found else None
            with suppress(WorkflowUpdateFailedError, RPCError):
                await handle.execute_update(RebalanceAccount.resolve, Resolution(ref=report.ref, filled=filled))
    return "after resolve"
