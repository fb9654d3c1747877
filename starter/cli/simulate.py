"""The stand-ins: each on its own, and those that ``up --simulated`` puts in the place of what is real."""

import logging
import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from pydantic import SecretStr

import simulator
from configuration.environment import Connections
from simulator.ably.server import SimulatedAbly
from simulator.gateway.scenario import ScenarioError, load_scenario
from simulator.gateway.server import SimulatedGateway
from starter.cli.mistakes import UserMistake

log = logging.getLogger(__name__)

DEMO_SCENARIO: Final = Path(simulator.__file__).parent / "scenarios" / "demo.yaml"
LOCAL_KEY: Final = "local.key:secret"


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
        changes: dict[str, object] = {"ibkr_host": "127.0.0.1", "ibkr_port": gateway.port}
        if connections.ably_api_key is None:
            ably = await stack.enter_async_context(SimulatedAbly(LOCAL_KEY))
            log.info("Ably stand-in on %s:%d, key %s", ably.endpoint, ably.port, LOCAL_KEY)
            changes |= {
                "ably_api_key": SecretStr(LOCAL_KEY),
                "ably_endpoint": ably.endpoint,
                "ably_port": ably.port,
                "ably_tls": False,
            }
        yield connections.model_copy(update=changes)


def run_stand_in(arguments: list[str], name: str) -> None:
    """Run ``rebalancer simulate …``, whose options the stand-ins define themselves."""
    from simulator.cli import app as commands

    commands(arguments, prog_name=name)


def keep_local_connections_local() -> None:
    """A proxy in the environment would swallow the WebSocket to the stand-in, which is on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
