"""Runs the workers of one process until it is told to stop."""

import asyncio
import logging

import httpx
from temporalio.client import Client

from activities.allocations import AllocationActivities
from activities.gateway.session import GatewayAddress
from rebalancing.configuration import Configuration
from rebalancing.environment import Connections
from worker.gateway_worker import run_gateway_worker
from worker.rebalance_worker import rebalance_worker
from worker.turns_worker import turns_worker

log = logging.getLogger(__name__)


async def run_workers(client: Client, configuration: Configuration, connections: Connections) -> None:
    """Host the workflows and the gateway connection; runs until cancelled, then ends what it holds within its grace."""
    address = GatewayAddress(connections.ibkr_host, connections.ibkr_port, connections.ibkr_client_id)
    async with httpx.AsyncClient() as http:
        allocations = allocation_activities(http, connections)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(rebalance_worker(client, configuration, allocations).run())
            tasks.create_task(run_gateway_worker(client, address, configuration.settings))
            if configuration.settings.concurrency.max_concurrent_rebalances is not None:
                tasks.create_task(turns_worker(client, configuration.settings).run())


def allocation_activities(http: httpx.AsyncClient, connections: Connections) -> AllocationActivities:
    """What reads the target weights, for the worker and for whoever wants to see whether it can."""
    return AllocationActivities(http, connections.allocations_base_url, connections.allocations_api_key)
