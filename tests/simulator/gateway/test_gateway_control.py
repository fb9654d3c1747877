"""The control port over HTTP, and the stand-in as a process of its own."""

import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from ib_insync import IB

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.scenario import Scenario
from simulator.gateway.server import SimulatedGateway
from tests.cli.command import desk
from tests.simulator.gateway.gateway_client import SCENARIO, Connect, filled, market_order, stock, until


@pytest.fixture
async def controlled(scenario: Scenario) -> AsyncIterator[SimulatedGateway]:
    """A gateway with its control port open."""
    async with SimulatedGateway(scenario, control_port=0) as gateway:
        yield gateway


@pytest.fixture
async def http(controlled: SimulatedGateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that control port."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{controlled.control_port}") as client:
        yield client


async def test_it_shows_accounts_orders_executions_and_requests(
    controlled: SimulatedGateway, http: httpx.AsyncClient, connect: Connect
) -> None:
    ib = await connect(controlled)
    await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 2, ref="seen")))
    accounts = (await http.get("/accounts")).json()
    assert accounts["DU1"]["cash"] == "98798.98"
    assert accounts["DU1"]["positions"] == {"QQQ": 10, "SPY": 2}
    (order,) = (await http.get("/orders")).json()
    assert (order["ref"], order["client_id"], order["status"], order["filled"]) == ("seen", 1, "Filled", 2)
    executions = (await http.get("/executions")).json()
    assert sum(each["quantity"] for each in executions) == 2
    placed = [each for each in (await http.get("/requests")).json() if each["name"] == "placeOrder"]
    assert [(each["client_id"], each["order_ref"]) for each in placed] == [(1, "seen")]
    (connection,) = (await http.get("/connections")).json()
    assert connection["closed"] is None


async def test_it_takes_fault_rules_and_drops_them(
    controlled: SimulatedGateway, http: httpx.AsyncClient, connect: Connect
) -> None:
    ib = await connect(controlled)
    rule = {"action": "reject", "match": {"request": "placeOrder"}, "code": 201, "text": "no"}
    assert (await http.post("/faults", json=rule)).status_code == 201
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await until(lambda: trade.orderStatus.status == "Cancelled")
    (shown,) = (await http.get("/faults")).json()
    assert (shown["action"], shown["struck"]) == ("reject", 1)
    await http.delete("/faults")
    assert (await http.get("/faults")).json() == []


async def test_it_moves_prices(controlled: SimulatedGateway, http: httpx.AsyncClient) -> None:
    answer = await http.post("/prices", json={"SPY": "612.50"})
    assert answer.json()["prices"]["SPY"] == "612.50"
    assert str(controlled.engine.market.price("SPY")) == "612.50"


async def test_it_closes_the_market_and_goes_back_to_the_hours_of_the_scenario(
    controlled: SimulatedGateway, http: httpx.AsyncClient, connect: Connect
) -> None:
    ib = await connect(controlled)
    usual = (await ib.reqContractDetailsAsync(stock("SPY")))[0].liquidHours
    opens = controlled.engine.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
    session = {"opens": opens.isoformat(), "closes": (opens + timedelta(minutes=1)).isoformat()}
    assert (await http.post("/sessions", json=[session])).status_code == 200
    (details,) = await ib.reqContractDetailsAsync(stock("SPY"))
    assert f"{opens.astimezone(NEW_YORK):%Y%m%d:%H%M}" in details.liquidHours
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await until(lambda: trade.orderStatus.status == "PreSubmitted")
    assert trade.filled() == 0
    assert (await http.delete("/sessions")).status_code == 200
    assert (await ib.reqContractDetailsAsync(stock("SPY")))[0].liquidHours == usual


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", '{"action": "explode"}'),
        ("/faults", "not json"),
        ("/prices", '{"NOPE": "1"}'),
        ("/prices", '{"QQQ": "400", "SPY": "-1"}'),
        ("/prices", '{"SPY": "NaN"}'),
        ("/prices", "[]"),
        ("/sessions", "[]"),
        ("/sessions", '[{"opens": "2026-11-24T14:30:00Z", "closes": "2026-11-24T14:30:00Z"}]'),
        ("/sessions", '[{"opens": "2026-11-24T14:30:20Z", "closes": "2026-11-24T15:30:00Z"}]'),
    ],
)
async def test_nonsense_is_answered_with_400_and_changes_nothing(
    controlled: SimulatedGateway, http: httpx.AsyncClient, path: str, body: str
) -> None:
    answer = await http.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert controlled.faults.rules == []
    assert controlled.engine.market.instruments["QQQ"].hours.kind != "listed"
    assert str(controlled.engine.market.price("QQQ")) == "500.00"


def _port_of(line: bytes) -> int:
    return int(line.decode().split("127.0.0.1:")[1].split(",")[0])


async def test_on_its_own_it_tells_its_port_and_keeps_its_state_when_killed(tmp_path: Path) -> None:
    scenario, state = tmp_path / "scenario.yaml", tmp_path / "state.json"
    scenario.write_text(SCENARIO)
    own, ports = desk(tmp_path, accounts=None), ("--port", "0", "--control-port", "0")
    command = ("simulate", "gateway", *ports, "--scenario", str(scenario), "--state", str(state))
    async with own.until_killed(*command) as process:
        assert process.stdout is not None
        ib = IB()
        await ib.connectAsync("127.0.0.1", _port_of(await process.stdout.readline()), clientId=1)
        await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 2, ref="kept")))
        await ib.reqCurrentTimeAsync()

    process = await own.start(*command)
    assert process.stdout is not None
    again = IB()
    await again.connectAsync("127.0.0.1", _port_of(await process.stdout.readline()), clientId=1)
    assert {f.execution.orderRef for f in again.fills()} == {"kept"}
    again.disconnect()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


async def test_a_bad_scenario_file_is_told_on_one_line_each(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("accounts: []\ninstruments: []\ncolour: red\n")
    answer = await desk(tmp_path, accounts=None).run("simulate", "gateway", "--scenario", str(scenario))
    assert answer.status == 1
    assert len(answer.errors.strip().splitlines()) == 3
    assert "colour" in answer.errors
