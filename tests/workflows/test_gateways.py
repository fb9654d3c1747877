"""Several gateways, each with its own login, queue and slot; workers that hold one each, and one that waits."""

import asyncio
from contextlib import AsyncExitStack
from itertools import groupby, pairwise

import pytest
from pydantic import ValidationError

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections, GatewayAddressMissing
from simulator.gateway.server import SimulatedGateway
from testbed.background import in_background
from testbed.temporal_server import temporal_server
from tests.house import Holding, House, configuration, leg_of, scenario
from worker.temporal import connect_embedded
from worker.workers import run_workers

EAST = {f"DU1{n}": Holding(cash="1000", holdings={"SPY": 50 + n}, more={"gateway": "east"}) for n in range(4)}
WEST = {f"DU2{n}": Holding(cash="1000", holdings={"SPY": 50 + n}, more={"gateway": "west"}) for n in range(4)}


def slot_stretches(gateway: SimulatedGateway) -> list[str]:
    """The account of every order as it arrived, one entry for each unbroken stretch of a leg."""
    refs = [leg_of(request.order_ref) for request in gateway.requests if request.name == "placeOrder"]
    return [leg for leg, _ in groupby(refs)]


async def test_two_gateways_and_three_workers_rebalance_every_account_at_its_own_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(temporal_server())
        east = await stack.enter_async_context(SimulatedGateway(scenario(EAST)))
        west = await stack.enter_async_context(SimulatedGateway(scenario(WEST)))
        monkeypatch.setenv("IBKR_EAST_PORT", str(east.port))
        monkeypatch.setenv("IBKR_WEST_PORT", str(west.port))
        known = configuration({**EAST, **WEST})
        in_use = ConfigurationInUse(known)
        own = House(server.client, east, known, Connections())
        async with AsyncExitStack() as workers:
            for gateways in (("east",), ("west",), ("east",)):
                client = await connect_embedded(server.address)
                work = run_workers(client, in_use, own.connections, gateways)
                await workers.enter_async_context(in_background(work))
            handles = await asyncio.gather(*(own.trigger(account) for account in (*EAST, *WEST)))
            results = await asyncio.gather(*(handle.result() for handle in handles))
        assert all(result.outcome is not None and len(result.outcome.orders) == 4 for result in results)
        assert {order.account for order in east.engine.orders} == set(EAST)
        assert {order.account for order in west.engine.orders} == set(WEST)
        assert {request.client_id for request in east.requests} == {7}
        assert {request.client_id for request in west.requests} == {7}
        for gateway in (east, west):
            stretches = slot_stretches(gateway)
            assert len(stretches) == len(set(stretches)) == 8
            for earlier, later in pairwise(gateway.connections):
                assert earlier.closed is not None
                assert earlier.closed <= later.opened


async def test_a_worker_without_a_choice_connects_to_every_gateway_its_accounts_use() -> None:
    assert configuration({**EAST, **WEST, "DU30": Holding()}).gateways == ("east", "west", None)
    assert Configuration(accounts=()).gateways == ()


def test_a_named_gateway_needs_a_port_of_its_own() -> None:
    with pytest.raises(GatewayAddressMissing, match="IBKR_NORTH_PORT"):
        Connections().gateway("north")
    assert Connections(ibkr_port=4001).gateway(None).port == 4001


@pytest.mark.parametrize("name", ["fills", "default", "East", "a-b", "", "1st"])
def test_a_gateway_has_a_name_that_its_queues_and_variables_can_carry(name: str) -> None:
    with pytest.raises(ValidationError):
        configuration({"DU1": Holding(more={"gateway": name})})
