"""A small market and a connection to it through the unmodified client library."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from ib_insync import IB

from simulator.gateway.scenario import Scenario, parse_scenario
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import SCENARIO, Connect


@pytest.fixture
def scenario() -> Scenario:
    """Two accounts, four ETFs, no latency, a market that never closes."""
    return parse_scenario(SCENARIO)


@pytest.fixture
async def gateway(scenario: Scenario) -> AsyncIterator[SimulatedGateway]:
    """A running gateway on a free port."""
    async with SimulatedGateway(scenario) as running:
        yield running


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects fresh clients, and hangs up when the test is over."""
    async with AsyncExitStack() as stack:

        async def connected(gateway: SimulatedGateway, client_id: int = 1, timeout: float = 4) -> IB:
            ib = IB()
            stack.callback(ib.disconnect)
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=client_id, timeout=timeout)
            return ib

        yield connected
