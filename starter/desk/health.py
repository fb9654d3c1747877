"""Whether a process does its work, as a supervisor asks that can only restart it: systemd, or the engine of containers.

The server is asked what it last heard of the process, not the process: one that hangs would still answer on a port. A
gateway that is away is no reason to restart a worker, which waits for it; nor is an event that nobody published.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from temporalio.client import Client

from configuration.configuration import Configuration
from contract.names import REBALANCES_QUEUE
from contract.process_in_use import Role
from contract.releases import rebalance_pollers
from starter.desk.gateway_connections import gateway_news
from starter.desk.installation import channel_standing
from starter.desk.processes import running
from starter.desk.status import at_once
from starter.desk.task_queues import LONGEST_POLL

SWEPT_WITHIN: Final = timedelta(minutes=2)
"""A listener reads each channel's history once a minute."""

POLLED_WITHIN: Final = LONGEST_POLL + timedelta(seconds=30)
"""A poll lasts a minute, and the next one is sent at once."""


async def problems(client: Client, configuration: Configuration, role: Role, host: str) -> list[str]:
    """What is wrong with the process of this role on this host, in words; nothing where it does its work.

    Raises ``RPCError`` where the server does not tell.
    """
    names = [each.name for each in await running(client)]
    if not any(name.startswith(f"{role} ") and is_on(name.split(" ")[1], host) for name in names):
        return [f"Temporal has not heard lately of a {role} on {host}."]
    if role is Role.WORKER:
        return await _of_worker(client, configuration, host)
    return await _of_listener(client, configuration) if role is Role.LISTENER else []


def is_on(process: str, host: str) -> bool:
    """Whether a process, ``NUMBER@HOST``, runs there."""
    return process.rpartition("@")[2] == host


async def _of_worker(client: Client, configuration: Configuration, host: str) -> list[str]:
    """It polls the queue of rebalances, and holds the connection to a gateway or says why it does not."""
    found: list[str] = []
    if not any(is_on(each.identity, host) for each in await rebalance_pollers(client, POLLED_WITHIN)):
        found.append(f"It does not poll the task queue {REBALANCES_QUEUE}.")
    news = [each for name in configuration.gateways for each in await gateway_news(client, name)]
    if not any(is_on(each.process, host) for each in news):
        found.append("It neither holds the connection to a gateway nor waits for one.")
    return found


async def _of_listener(client: Client, configuration: Configuration) -> list[str]:
    """It has read the history of each channel lately."""
    now = datetime.now(UTC)
    channels = await at_once(partial(channel_standing, client), list(configuration.strategies))
    return [
        f"The history of channel {channel.name} was last read "
        + (f"at {channel.last_sweep:%H:%M:%S} UTC." if channel.last_sweep else "longer ago than is known.")
        for channel in channels
        if channel.last_sweep is None or now - channel.last_sweep > SWEPT_WITHIN
    ]
