"""Has Temporal show that this process runs, and by which version of the configuration it goes."""

import asyncio
import logging
import os
import platform
from importlib.metadata import version
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract.names import PROCESSES_QUEUE
from contract.process_in_use import POLL, ProcessInUse
from worker.idle_poll import idle_poll

log = logging.getLogger(__name__)

PAUSE: Final = 5.0
"""Seconds between polls that fail."""


def process_name() -> str:
    """What tells this process from all others: its number, and the machine it runs on."""
    return f"{os.getpid()}@{platform.node()}"


class Sign:
    """What this process has the server tell of it, in the identity with which it polls a queue."""

    def __init__(self, client: Client, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._polling: asyncio.Task[None] | None = None

    def say(self, identity: str) -> None:
        """Say this from now on, instead of what was said before."""
        self.end()
        self._polling = asyncio.create_task(self._poll(identity))

    def end(self) -> None:
        """Say nothing any more; the server forgets what was said."""
        if self._polling is not None:
            self._polling.cancel()

    async def _poll(self, identity: str) -> None:
        while True:
            try:
                await idle_poll(self._client, self._queue, identity, POLL)
            except (RPCError, RuntimeError) as error:
                log.debug("this process cannot be shown at the moment: %s", error)
                await asyncio.sleep(PAUSE)


async def show(client: Client, role: str, configuration: ConfigurationInUse) -> None:
    """Have the server tell whoever asks that this process runs, and by what; until cancelled."""
    name = f"{role} {process_name()} ({version('rebalancer')})"
    sign = Sign(client, PROCESSES_QUEUE)
    try:
        while True:
            changed = configuration.change()
            sign.say(ProcessInUse(name, str(configuration), configuration.problem).identity)
            await changed
    finally:
        sign.end()
