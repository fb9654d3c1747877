"""A real Prometheus at a real installation: every panel has data, and every shipped alert fires when it should.

Needs the program: Debian and Ubuntu have it (apt install prometheus).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from simulator.gateway.scenario import DEMO_SCENARIO
from starter.cli.setup import SIMULATED_ACCOUNTS
from testbed.addresses import HOST, temporal_at
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import Service, desk, service
from tests.metrics.deployed import DASHBOARDS, PROMETHEUS_FILE, RULES_FILE, queries, rules
from tests.metrics.prometheus import Prometheus, checked, prometheus
from tests.metrics.stage import Stage, measured_up
from tests.metrics.test_scrape import rebalance_all
from worker.free_ports import free_port

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(900)]

TRADING, ALONE = "rebalancer", "rebalancer-alone"
"""The jobs of the two installations: one that trades, and an API with neither worker nor listener."""

WITHIN: Final = 240.0
"""Seconds for an alert to fire: what is old for a rule becomes so in 90."""

MANY: Final = [f"ZZ{first}{second}" for first in "ABCDEFGHIJKL" for second in "ABCDEFGHIJKL"]
"""More symbols than IBKR takes messages in three seconds."""


async def test_promtool_finds_no_fault() -> None:
    assert f"{len(rules())} rules found" in await checked("rules", str(RULES_FILE))
    assert "valid" in await checked("config", str(PROMETHEUS_FILE))


async def test_every_panel_of_the_dashboard_has_data(tmp_path: Path) -> None:
    async with (
        measured_up(tmp_path, SIMULATED_ACCOUNTS.read_text(encoding="utf-8")) as own,
        prometheus(tmp_path, {TRADING: own.target}) as watching,
    ):
        await rebalance_all(own)
        await until(lambda: own.shows("rebalancer_rebalances_total", 5))
        for dashboard in DASHBOARDS:
            for title, asked in queries(dashboard).items():
                for query in asked:
                    await has_data(watching, title, query)


async def has_data(watching: Prometheus, title: str, query: str) -> None:
    """Prometheus has looked twice by then, which a rate needs."""
    try:
        await until(lambda: watching.ask(query), within=30, every=0.5)
    except TimeoutError:
        raise AssertionError(f"{title}: nothing for {query}") from None


class Alarms:
    """The alerts that have fired since a moment, by job."""

    def __init__(self, watching: Prometheus) -> None:
        self._watching = watching
        self.fired: set[tuple[str, str]] = set()

    async def until_fired(self, *names: str, job: str = TRADING) -> None:
        """Return once all of these have."""
        wanted = {(job, name) for name in names}

        async def have() -> bool:
            self.fired |= await self._watching.firing()
            return wanted <= self.fired

        try:
            await until(have, within=WITHIN, every=0.5)
        except TimeoutError:
            raise AssertionError(f"not fired: {sorted(wanted - self.fired)}; fired: {sorted(self.fired)}") from None


async def test_every_alert_fires_when_it_should_and_none_while_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    async with (
        api_alone(tmp_path / "alone") as (alone, stop_temporal, alone_at),
        measured_up(tmp_path, accounts(), wide_market(tmp_path)) as own,
        prometheus(tmp_path, {TRADING: own.target, ALONE: alone_at}) as watching,
    ):
        await until(lambda: own.shows("rebalancer_processes", role="up"))
        await until(lambda: own.shows("rebalancer_queue_pollers", queue="rebalances"))
        await until(lambda: is_calm(watching))
        alarms = Alarms(watching)
        await alarms.until_fired("NoWorker", "ListenerAway", job=ALONE)
        await trade_badly(own)
        await alarms.until_fired(
            "ApprovalWaits",
            "RebalanceFailed",
            "RebalanceIncomplete",
            "OrdersRejected",
            "HaltedLong",
            "MessagesNearLimit",
        )
        await leave_an_order_unknown(own)
        await alarms.until_fired("TimeOuts", "NeedsOperator")
        await asyncio.gather(own.gateway.kill(), own.ably.kill())
        await run(own, "DU1000005")
        await alarms.until_fired("GatewayAway", "SweepLag", "SlotQueueOld")
        stop_temporal.set()
        await alarms.until_fired("TemporalAway", job=ALONE)
        alone.process.kill()
        await alarms.until_fired("ProcessDown", job=ALONE)
        assert {name for _, name in alarms.fired} == {rule["alert"] for rule in rules()}


async def is_calm(watching: Prometheus) -> bool:
    """Whether nothing fires of an installation in which all is well."""
    looked_at = await watching.ask(f'count_over_time(up{{job="{TRADING}"}}[1m]) > 3')
    return bool(looked_at) and not any(job == TRADING for job, _ in await watching.firing())


async def trade_badly(own: Stage) -> None:
    """One waits for a person, one breaches a guard, one is rejected, one is paused, and one wants many quotes."""
    rejected = {"account": "DU1000003", "symbol": "VTI", "request": "placeOrder"}
    await own.control.add_rules([{"action": "reject", "match": rejected, "code": 201, "count": None}])
    assert (await own.own.run("pause", "DU1000002")).status == 0
    for account in ("DU1000003", "DU1000004", "DU1000006"):
        await run(own, account, "--live")
    await run(own, "DU1000005")


async def leave_an_order_unknown(own: Stage) -> None:
    """The gateway does not answer three times, and then nobody ever hears of an order again."""
    await own.control.add_rules(
        [
            {"action": "stall", "match": {"request": "reqAllOpenOrders"}, "count": 3},
            {"action": "swallow", "match": {"request": "placeOrder", "account": "DU1000001"}},
        ]
    )
    await run(own, "DU1000001", "--live")


async def run(own: Stage, *arguments: str) -> None:
    """Ask for a rebalance, and do not wait for it."""
    answer = await own.own.run("run", *arguments)
    assert answer.status == 0, answer.errors


def accounts() -> str:
    """Those that come along; the fifth wants a little of very much."""
    document = yaml.safe_load(SIMULATED_ACCOUNTS.read_text(encoding="utf-8"))
    fifth: dict[str, Any] = document["accounts"][4]
    share = round(0.9 / len(MANY), 6)
    fifth["allocations"] = [{"symbol": symbol, "allocation": share} for symbol in MANY]
    fifth["allocations"].append({"symbol": "CASH", "allocation": round(1 - share * len(MANY), 6)})
    return yaml.safe_dump(document)


def wide_market(folder: Path) -> Path:
    """The scenario that comes along, in which those trade too."""
    document = yaml.safe_load(DEMO_SCENARIO.read_text(encoding="utf-8"))
    document["instruments"] += [{"symbol": symbol, "price": "50.00"} for symbol in MANY]
    path = folder / "market.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@asynccontextmanager
async def api_alone(folder: Path) -> AsyncGenerator[tuple[Service, asyncio.Event, str]]:
    """``rebalancer serve`` at a Temporal server of its own, which ends at the event; and where its metrics are."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def temporal() -> None:
        async with temporal_server() as server:
            address.set_result(server.address)
            await stop.wait()

    serving, port = asyncio.create_task(temporal()), free_port()
    try:
        own = desk(folder, accounts(), **temporal_at(int((await address).rpartition(":")[2])))
        async with service(own, "serve", "--port", str(port)) as told:
            await told.until("HTTP API on")
            yield told, stop, f"{HOST}:{port}"
    finally:
        stop.set()
        await serving
