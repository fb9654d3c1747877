"""``rebalancer worker`` and ``rebalancer listen`` as they are deployed: processes of their own around one server."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from simulator.ably.server import SimulatedAbly
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.server import SimulatedGateway
from starter.cli.logs import without_known_tracebacks
from testbed.addresses import ably_at, allocations_at, gateway_at, temporal_at
from testbed.temporal_server import temporal_server
from testbed.waiting import PATIENCE, until
from tests.cli.command import Desk, desk, service
from tests.house import WEIGHTS, Holding, scenario
from worker.free_ports import free_port
from worker.temporal import embedded_server

ACCOUNTS = """\
concurrency: {settling_period: 0}
accounts:
  - {account_id: DU1, strategy_name: blend}
  - {account_id: DU2, strategy_name: blend}
"""
KEY = "app.key:very-secret"


async def test_an_event_published_while_only_the_listener_runs_is_carried_out_once_a_worker_comes(
    tmp_path: Path,
) -> None:
    async with (
        temporal_server() as temporal,
        SimulatedGateway(scenario({"DU1": Holding(), "DU2": Holding()})) as gateway,
        SimulatedAbly(KEY) as ably,
        SimulatedAllocations({"blend": {symbol: float(weight) for symbol, weight in WEIGHTS.items()}}) as allocations,
    ):
        own = desk(
            tmp_path,
            ACCOUNTS,
            TEMPORAL_ADDRESS=temporal.address,
            **gateway_at(gateway.port),
            **ably_at(ably.port, KEY),
            **allocations_at(allocations.port),
        )
        async with service(own, "listen") as listener:
            await until(lambda: ably.attached("blend"))
            ably.publish("blend", {"execution": "rebalance"})
            await accounts_known(own, 2)
        assert gateway.engine.orders == []
        async with service(own, "worker"):
            await everything_completed(own)
        refs = [order.ref for order in gateway.engine.orders]
        assert len(refs) == len(set(refs)) == 2 * len(WEIGHTS)
    assert "very-secret" not in listener.errors


async def test_a_listener_without_temporal_waits_for_it_and_keeps_the_events(tmp_path: Path) -> None:
    port = free_port()
    async with SimulatedAbly(KEY) as ably:
        own = desk(tmp_path, ACCOUNTS, **temporal_at(port), **ably_at(ably.port, KEY))
        async with service(own, "listen") as listener:
            await until(lambda: ably.attached("blend"))
            ably.publish("blend", {"execution": "rebalance"})
            await asyncio.sleep(0.5)
            async with embedded_server(port, ui_port=None):
                await accounts_known(own, 2)
    assert "Traceback" not in listener.errors
    assert "kept until it can be accepted" in listener.errors


async def accounts_known(own: Desk, count: int) -> None:
    """Wait until so many accounts have a workflow."""
    async with asyncio.timeout(PATIENCE):
        while sum(one["phase"] != "never run" for one in await own.standings()) < count:
            pass


async def everything_completed(own: Desk) -> None:
    """Wait until every account's workflow has completed."""
    async with asyncio.timeout(PATIENCE):
        while {one["phase"] for one in await own.standings() if one["enabled"]} != {"completed"}:
            pass


def record(error: Exception, name: str = "temporalio.activity") -> logging.LogRecord:
    try:
        raise error
    except Exception:
        made = logging.LogRecord(
            name, logging.WARNING, __file__, 1, "Completing activity as failed", None, sys.exc_info()
        )
    made.__dict__["temporal_activity"] = {"activity_type": "read_targets", "workflow_id": "rebalance-DU1"}
    return made


def test_an_error_raised_on_purpose_is_one_line_in_the_log() -> None:
    told = record(ApplicationError("The allocations API answered 500.", type="AllocationsUnavailable"))
    assert without_known_tracebacks(told)
    text = logging.Formatter("%(message)s").format(told)
    assert text == "read_targets for rebalance-DU1: The allocations API answered 500."


@pytest.mark.parametrize(
    "unforeseen", [record(KeyError("x")), record(ApplicationError("x"), name="temporalio.workflow")]
)
def test_any_other_error_keeps_its_traceback(unforeseen: logging.LogRecord) -> None:
    assert without_known_tracebacks(unforeseen)
    assert "Traceback" in logging.Formatter("%(message)s").format(unforeseen)
