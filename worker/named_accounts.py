"""Has the history know what accounts are called, before a worker serves any of them (``contract.names_in_history``)."""

import asyncio
import logging

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from configuration.configuration import Configuration
from contract.names_in_history import claim_name
from worker.contact import REFUSALS
from worker.hosting import CONNECT_PAUSE

log = logging.getLogger(__name__)


async def have_names(client: Client, configuration: Configuration) -> None:
    """Claim the name of every account. A server that is away is waited for.

    Raises ``AccountRenamed`` where something runs, or is paused, under an earlier name of an account, and ``RPCError``.
    """
    while True:
        try:
            for name in (account.account_id for account in configuration.accounts):
                await claim_name(client, configuration.names.number_of(name), name)
            return
        except RPCError as error:
            if error.status in REFUSALS and error.status is not RPCStatusCode.RESOURCE_EXHAUSTED:
                raise
            log.debug("names of accounts are looked at later: %s", error)
            await asyncio.sleep(CONNECT_PAUSE)
