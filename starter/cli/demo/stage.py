"""Sets the demo up: the Temporal server, the three stand-ins, and worker and listener in this process."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import httpx
from temporalio.client import Client

from configuration.configuration import load_configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from configuration.http_settings import DEFAULT_PORT
from simulator.ably.server import SimulatedAbly
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.scenario import DEMO_SCENARIO, load_scenario
from simulator.gateway.server import SimulatedGateway
from starter.ably.listener import listen
from starter.cli.demo.strategies import ACCOUNTS, SETTINGS, published_weights
from starter.cli.serve import http_api
from starter.cli.services import following
from starter.web.server import NotServed
from testbed.addresses import ably_at, allocations_at, connections_of, gateway_at, keep_local_connections_local
from testbed.background import in_background
from testbed.portfolios import write_accounts
from testbed.publishing import publish
from testbed.temporal_server import temporal_server
from worker.free_ports import free_port
from worker.workers import run_workers

T = TypeVar("T")

TEMPORAL_PORT: Final = 7233
UI_PORT: Final = 8233
GATEWAY_PORT: Final = 4002
ABLY_PORT: Final = 8081
ALLOCATIONS_PORT: Final = 8082


@dataclass(frozen=True)
class Stage:
    """Everything that runs while the demo does. Addresses are ``host:port``, those of pages with ``http://``."""

    client: Client
    dashboard_address: str
    temporal_address: str
    ui_address: str
    gateway: SimulatedGateway
    ably: SimulatedAbly

    async def publish(self, channel: str, data: Mapping[str, object]) -> None:
        """Publish one event."""
        # Proxies of the environment are for the world outside, not for a stand-in on this machine.
        async with httpx.AsyncClient(trust_env=False) as http:
            await publish(http, self.ably.port, channel, data)


@asynccontextmanager
async def set_stage() -> AsyncGenerator[Stage]:
    """Start everything on the usual ports, or on free ones where those are taken; end it in reverse order."""
    keep_local_connections_local()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rebalancer-demo-")))
        accounts = folder / "accounts.yaml"
        write_accounts(accounts, ACCOUNTS, SETTINGS)
        scenario = load_scenario(DEMO_SCENARIO)
        gateway = await enter(stack, lambda port: SimulatedGateway(scenario, port), GATEWAY_PORT)
        ably = await enter(stack, lambda port: SimulatedAbly(port=port), ABLY_PORT)
        allocations = await enter(stack, lambda port: SimulatedAllocations(published_weights(), port), ALLOCATIONS_PORT)
        server = await stack.enter_async_context(temporal_server(TEMPORAL_PORT, UI_PORT))
        connections = connections_of(
            {
                **gateway_at(gateway.port),
                **ably_at(ably.port),
                **allocations_at(allocations.port),
                "ACCOUNTS_FILE": str(accounts),
            }
        )
        followed = ConfigurationInUse(load_configuration(accounts), accounts)
        await stack.enter_async_context(in_background(run_workers(server.client, followed, connections)))
        await stack.enter_async_context(in_background(listen(server.client, followed, connections)))
        ui = f"http://127.0.0.1:{server.ui_port}"
        dashboard, pages = _pages(server.client, followed, connections, folder / "tokens.json", ui)
        await stack.enter_async_context(in_background(following(server.client, "demo", followed, pages)))
        yield Stage(server.client, dashboard, server.address, ui, gateway, ably)


def _pages(
    client: Client, configuration: ConfigurationInUse, connections: Connections, tokens: Path, temporal_ui: str
) -> tuple[str, Coroutine[Any, Any, None]]:
    """The dashboard on its usual port, or on a free one if that is taken: its address, and what serves it."""

    def at(port: int) -> tuple[str, Coroutine[Any, Any, None]]:
        pages = http_api(
            client, configuration, connections, port=port, is_simulated=True, temporal_ui=temporal_ui, tokens=tokens
        )
        return f"http://127.0.0.1:{port}", pages

    try:
        return at(DEFAULT_PORT)
    except NotServed:
        return at(free_port())


async def enter(stack: AsyncExitStack, stand_in: Callable[[int], AbstractAsyncContextManager[T]], usual_port: int) -> T:
    """Start a stand-in on its usual port, or on a free one if that is taken."""
    try:
        return await stack.enter_async_context(stand_in(usual_port))
    except OSError:
        return await stack.enter_async_context(stand_in(0))
