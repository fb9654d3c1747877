"""Runs the workers of one process until it is told to stop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.allocations import AllocationActivities, allocations_client
from activities.gateway.session import GatewayAddress
from rebalancing.accounts import Account
from rebalancing.configuration import Configuration
from rebalancing.environment import Connections
from worker.gateway_worker import run_gateway_worker
from worker.rebalance_worker import rebalance_worker
from worker.turns_worker import turns_worker

log = logging.getLogger(__name__)


async def run_workers(
    client: Client,
    configuration: Configuration,
    connections: Connections,
    gateways: tuple[str | None, ...] | None = None,
) -> None:
    """Host the workflows and the gateway connections; runs until cancelled, then ends what it holds within its grace.

    ``gateways`` are the names of those to connect to, ``None`` for the one without a name; by default all that enabled
    accounts are reached through. Raises ``GatewayAddressMissing`` before anything is started.
    """
    addresses = {name: _address(connections, name) for name in gateways or configuration.gateways or (None,)}
    reading = allocation_activities(connections, configuration.account)
    async with reading as allocations, asyncio.TaskGroup() as tasks:
        tasks.create_task(rebalance_worker(client, configuration, allocations).run())
        for name, address in addresses.items():
            tasks.create_task(run_gateway_worker(client, address, configuration.settings, name))
        if configuration.settings.concurrency.max_concurrent_rebalances is not None:
            tasks.create_task(turns_worker(client, configuration.settings).run())


def _address(connections: Connections, name: str | None) -> GatewayAddress:
    found = connections.gateway(name)
    assert found.port is not None
    return GatewayAddress(found.host, found.port, found.client_id)


@asynccontextmanager
async def allocation_activities(
    connections: Connections, configured: Callable[[str], Account]
) -> AsyncGenerator[AllocationActivities]:
    """What reads the target weights, for the worker and for whoever wants to see whether it can."""
    async with allocations_client() as http:
        yield AllocationActivities(http, connections.allocations_base_url, connections.allocations_api_key, configured)
