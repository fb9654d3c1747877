"""Which processes run, and by which version of the configuration each goes."""

from temporalio.client import Client

from contract.names import PROCESSES_QUEUE
from contract.process_in_use import ProcessInUse
from starter.desk.task_queues import described, heard_of


async def running(client: Client) -> list[ProcessInUse]:
    """The processes that run at this server, by name. Raises ``RPCError``."""
    said = map(ProcessInUse.of, heard_of(await described(client, PROCESSES_QUEUE)))
    found = {process.name: process for process in said}
    return [found[name] for name in sorted(found)]
