"""Has Temporal show that this process runs, and by which version of the configuration it goes."""

import asyncio
import logging
import os
import platform
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


async def show(client: Client, role: str, configuration: ConfigurationInUse) -> None:
    """Have the server tell whoever asks that this process runs, and by what; until cancelled."""
    name = f"{role} {process_name()}"
    while True:
        changed = asyncio.create_task(configuration.change())
        polling = asyncio.create_task(
            _poll(client, ProcessInUse(name, str(configuration), configuration.problem).identity)
        )
        try:
            await asyncio.wait({changed, polling}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
        finally:
            changed.cancel()
            polling.cancel()


async def _poll(client: Client, identity: str) -> None:
    while True:
        try:
            await idle_poll(client, PROCESSES_QUEUE, identity, POLL)
        except (RPCError, RuntimeError) as error:
            log.debug("this process cannot be shown at the moment: %s", error)
            await asyncio.sleep(PAUSE)
