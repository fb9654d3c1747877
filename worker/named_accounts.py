"""Has the history know what accounts are called, before a worker serves any of them (``contract.names_in_history``)."""

from functools import partial

from temporalio.client import Client

from configuration.configuration import Configuration
from contract.names_in_history import claim_name
from worker.contact import patiently


async def have_names(client: Client, configuration: Configuration) -> None:
    """Claim the name of every account. A server that is away is waited for.

    Raises ``AccountRenamed`` where something runs, or is paused, under an earlier name of an account, and ``RPCError``.
    """
    for name in (account.account_id for account in configuration.accounts):
        await patiently(partial(claim_name, client, configuration.names.number_of(name), name))
