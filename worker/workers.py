"""Runs the workers of one process until it is told to stop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.allocations import AllocationActivities, allocations_client
from activities.gateway.session import GatewayAddress
from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from configuration.keys_in_use import KeysInUse, require_keys
from rebalancing.accounts import Account
from worker.admission import NOTHING_SAID, Upgrade, admitted
from worker.build import own_release
from worker.first_counts import count_from_zero
from worker.gateway_worker import run_gateway_worker
from worker.halts_watch import watch_halts
from worker.hosting import host, requiring_encryption
from worker.named_accounts import have_names
from worker.rebalance_worker import run_rebalance_worker
from worker.turns_worker import turns_worker

log = logging.getLogger(__name__)


async def run_workers(
    client: Client,
    configuration: ConfigurationInUse,
    connections: Connections,
    gateways: tuple[str | None, ...] | None = None,
    upgrade: Upgrade = NOTHING_SAID,
) -> None:
    """Host the workflows and the gateway connections; runs until cancelled, then ends what it holds within its grace.

    ``gateways`` are the names of those to connect to, ``None`` for the one without a name; by default all that enabled
    accounts are reached through. ``upgrade`` is what was said about runs of other releases. Raises what
    ``require_connections`` raises, or ``ReleaseRefused`` or ``AccountRenamed``, before anything is started.
    """
    require_connections(configuration.now, connections, gateways)
    keys = KeysInUse(lambda: configuration.settings, connections.rebalancer_key_file)
    client = requiring_encryption(client, lambda: keys.are_required)
    leads = await admitted(client, own_release(), upgrade)  # before this release touches anything, the gateway included
    await have_names(client, configuration.now)
    reading = allocation_activities(connections, configuration.account, lambda: configuration.now.allocations_base_url)
    async with reading as allocations, asyncio.TaskGroup() as tasks:
        tasks.create_task(run_rebalance_worker(client, configuration, allocations, keys, upgrade, leads=leads))
        tasks.create_task(watch_halts(client, configuration))
        served: set[str | None] = set()
        turns: int | None = None
        while True:  # what a changed configuration needs beside what is there already
            count_from_zero(client, configuration.now)
            for name in _served(configuration.now, gateways):
                if name not in served:
                    served.add(name)
                    address = _address(connections, name)
                    tasks.create_task(run_gateway_worker(client, address, configuration, keys, name))
            limit = configuration.settings.concurrency.max_concurrent_rebalances
            if limit is not None and turns is None:
                turns = limit
                tasks.create_task(host([turns_worker(client, configuration.settings)], asyncio.Event().wait()))
            elif limit is not None and limit != turns:
                log.warning("max_concurrent_rebalances: %d counts until the next start, then %d", turns, limit)
            await configuration.change()


def require_connections(
    configuration: Configuration, connections: Connections, gateways: tuple[str | None, ...] | None = None
) -> None:
    """Raise ``GatewayAddressMissing`` unless every gateway that is to be connected to has an address.

    Raises what ``require_keys`` raises where seals are required and there is no key to look at them with.
    """
    require_keys(configuration.settings, connections)
    for name in _served(configuration, gateways):
        _address(connections, name)


def _served(configuration: Configuration, gateways: tuple[str | None, ...] | None) -> tuple[str | None, ...]:
    return gateways or configuration.gateways or (None,)


def _address(connections: Connections, name: str | None) -> GatewayAddress:
    found = connections.gateway(name)
    assert found.port is not None
    return GatewayAddress(found.host, found.port)


@asynccontextmanager
async def allocation_activities(
    connections: Connections, configured: Callable[[str], Account], base_url: Callable[[], str | None]
) -> AsyncGenerator[AllocationActivities]:
    """What reads the target weights, for the worker and for whoever wants to see whether it can.

    ``base_url`` is where the configuration has strategies asked for; the environment goes before it.
    """
    async with allocations_client() as http:
        yield AllocationActivities(
            http, lambda: connections.allocations_base_url or base_url(), connections.allocations_api_key, configured
        )
