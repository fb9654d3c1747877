"""The stand-ins: each on its own, and those that ``up --simulated`` puts in the place of what is real."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from configuration.environment import Connections
from simulator.ably.server import SimulatedAbly
from simulator.gateway.scenario import DEMO_SCENARIO, ScenarioError, load_scenario
from simulator.gateway.server import SimulatedGateway
from starter.desk.mistakes import UserMistake
from testbed.addresses import ably_at, connections_of, gateway_at, keep_local_connections_local

log = logging.getLogger(__name__)


@asynccontextmanager
async def stand_ins(
    connections: Connections, scenario: Path | None, accounts: Iterable[str]
) -> AsyncGenerator[Connections]:
    """Run a gateway, and an Ably server if no key is configured; yields where they are, on free ports.

    It is said at once which of the ``accounts`` that are to be rebalanced the gateway does not hold.

    Raises ``UserMistake`` if the scenario cannot be used.
    """
    try:
        loaded = load_scenario(scenario or DEMO_SCENARIO)
    except ScenarioError as error:
        raise UserMistake(str(error)) from None
    keep_local_connections_local()
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(SimulatedGateway(loaded))
        log.info("simulated gateway on 127.0.0.1:%d with %s", gateway.port, ", ".join(gateway.engine.accounts))
        if unknown := [account for account in accounts if account not in gateway.engine.accounts]:
            log.warning(
                "the simulated gateway does not hold %s: list them in a scenario (--scenario FILE)", ", ".join(unknown)
            )
        changes = gateway_at(gateway.port)
        if connections.ably_api_key is None:
            ably = await stack.enter_async_context(SimulatedAbly())
            log.info("Ably stand-in on %s:%d, key %s", ably.endpoint, ably.port, ably.key)
            changes |= ably_at(ably.port)
        yield connections_of(changes, connections)


def run_stand_in(arguments: list[str], name: str) -> None:
    """Run ``rebalancer simulate …``, whose options the stand-ins define themselves."""
    from simulator.cli import app as commands

    commands(arguments, prog_name=name)
