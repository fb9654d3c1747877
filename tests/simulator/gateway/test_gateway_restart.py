"""The gateway itself restarts: what it remembers, what it forgets."""

from pathlib import Path

import pytest

from simulator.gateway.cli import rolled_back_state
from simulator.gateway.scenario import Latency, Scenario, parse_scenario
from simulator.gateway.server import SimulatedGateway
from simulator.gateway.state import GatewayState, StateError
from tests.simulator.gateway.gateway_client import Connect, filled, limit_order, market_order, stock, until, with_id


async def test_after_a_restart_orders_fills_and_ids_are_still_there(
    scenario: Scenario, connect: Connect, tmp_path: Path
) -> None:
    file = tmp_path / "state.json"
    async with SimulatedGateway(scenario, state_file=file) as before:
        ib = await connect(before)
        await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 2, ref="done")))
        trade = ib.placeOrder(stock("SPY"), with_id(limit_order("BUY", 1, 500.0, ref="open"), 90))
        await until(lambda: trade.orderStatus.status == "Submitted")
    await until(lambda: not ib.isConnected())
    async with SimulatedGateway(scenario, state_file=file) as after:
        again = await connect(after)
        assert [t.order.orderRef for t in again.openTrades()] == ["open"]
        assert {f.execution.orderRef for f in again.fills()} == {"done"}
        assert after.engine.accounts["DU1"].positions == {"QQQ": 10, "SPY": 2}
        assert after.engine.next_order_id(1) == 91
        again.cancelOrder(again.openTrades()[0].order)
        await until(lambda: after.engine.orders[-1].status == "Cancelled")


async def test_an_order_under_way_goes_on_after_the_restart(scenario: Scenario, connect: Connect) -> None:
    slow = scenario.model_copy(update={"latency": Latency(fill=(30, 30))})
    async with SimulatedGateway(slow) as before:
        ib = await connect(before)
        trade = ib.placeOrder(stock("SPY"), market_order("BUY", 2, ref="under way"))
        await until(lambda: trade.orderStatus.status == "Submitted")
        state = before.engine.state()
    async with SimulatedGateway(scenario, state=state) as after:
        await until(lambda: after.engine.orders[0].status == "Filled")
        again = await connect(after)
        assert {f.execution.orderRef for f in again.fills()} == {"under way"}


async def test_a_restart_may_roll_order_ids_back(scenario: Scenario, connect: Connect) -> None:
    async with SimulatedGateway(scenario) as before:
        ib = await connect(before)
        await filled(ib.placeOrder(stock("SPY"), with_id(market_order("BUY", 1), 90)))
        state = before.engine.state().with_order_ids_rolled_back(10)
    async with SimulatedGateway(scenario, state=state) as after:
        assert after.engine.next_order_id(1) == 81


def test_the_command_rolls_order_ids_back_where_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert rolled_back_state(file, 5) is None
    GatewayState(accounts=[], next_perm_id=1, high_water={7: 90, 8: 3}).save(file)
    assert rolled_back_state(file, 0) is None
    rolled = rolled_back_state(file, 5)
    assert rolled is not None
    assert rolled.high_water == {7: 85, 8: 0}


def test_a_damaged_state_file_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{")
    with pytest.raises(StateError, match=r"state\.json"):
        SimulatedGateway(scenario, state_file=file)


def test_a_state_of_another_scenario_is_refused(scenario: Scenario) -> None:
    other = parse_scenario('accounts: [{account: DU1, cash: "1"}]\ninstruments: [{symbol: TLT, price: "90"}]\n')
    state = GatewayState.model_validate(
        {"accounts": [{"account": "DU1", "cash": "1", "holdings": {"SPY": {"quantity": 1}}}], "next_perm_id": 1}
    )
    with pytest.raises(StateError, match="SPY"):
        SimulatedGateway(other, state=state)
