"""Sets the demo up: the Temporal server, the three stand-ins, and worker and listener in this process."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr
from temporalio.client import Client

from configuration.configuration import Configuration, load_configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from simulator.ably.server import SimulatedAbly
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.scenario import load_scenario
from simulator.gateway.server import SimulatedGateway
from starter.ably.listener import listen
from starter.cli.demo.portfolios import published_weights, write_accounts
from starter.cli.simulate import DEMO_SCENARIO, keep_local_connections_local
from worker.free_ports import free_ports
from worker.main import run_workers
from worker.temporal import ServerNotStarted, connect_embedded, embedded_server

T = TypeVar("T")

TEMPORAL_PORT: Final = 7233
UI_PORT: Final = 8233
GATEWAY_PORT: Final = 4002
ABLY_PORT: Final = 8081
ALLOCATIONS_PORT: Final = 8082

FREE_PORT_TRIES: Final = 5
"""A free port may be taken by somebody else before the server gets to it."""

ABLY_KEY: Final = "demo.key:for-this-demo-only"
ALLOCATIONS_KEY: Final = "for-this-demo-only"


@dataclass(frozen=True)
class Stage:
    """Everything that runs while the demo does. Addresses are ``host:port``."""

    client: Client
    temporal_address: str
    ui_address: str
    gateway: SimulatedGateway
    ably: SimulatedAbly
    configuration: Configuration

    async def publish(self, channel: str, data: Mapping[str, object]) -> None:
        """Publish one event over Ably's REST interface, as a publisher of the real service would."""
        address = f"http://{self.ably.endpoint}:{self.ably.port}/channels/{channel}/messages"
        key_name, _, secret = ABLY_KEY.partition(":")
        # Proxies of the environment are for the world outside, not for a stand-in on this machine.
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(address, json={"name": "rebalance", "data": data}, auth=(key_name, secret))
        answer.raise_for_status()


@asynccontextmanager
async def set_stage() -> AsyncGenerator[Stage]:
    """Start everything on the usual ports, or on free ones where those are taken; end it in reverse order."""
    keep_local_connections_local()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rebalancer-demo-")))
        accounts = folder / "accounts.yaml"
        write_accounts(accounts)
        scenario = load_scenario(DEMO_SCENARIO)
        gateway = await enter(stack, lambda port: SimulatedGateway(scenario, port), GATEWAY_PORT)
        ably = await enter(stack, lambda port: SimulatedAbly(ABLY_KEY, port), ABLY_PORT)
        allocations = await enter(
            stack,
            lambda port: SimulatedAllocations(published_weights(), port, api_key=ALLOCATIONS_KEY),
            ALLOCATIONS_PORT,
        )
        address, ui_port = await _temporal_server(stack)
        client = await connect_embedded(address)
        configuration = load_configuration(accounts)
        connections = Connections(
            _env_file=None,  # pyright: ignore[reportCallIssue]  # pydantic-settings adds it
            ibkr_host="127.0.0.1",
            ibkr_port=gateway.port,
            ably_api_key=SecretStr(ABLY_KEY),
            ably_endpoint=ably.endpoint,
            ably_port=ably.port,
            ably_tls=False,
            allocations_api_key=SecretStr(ALLOCATIONS_KEY),
            allocations_base_url=allocations.base_url,
            accounts_file=accounts,
        )
        followed = ConfigurationInUse(configuration)
        await stack.enter_async_context(_running(run_workers(client, followed, connections)))
        await stack.enter_async_context(_running(listen(client, followed, connections)))
        yield Stage(client, address, f"http://127.0.0.1:{ui_port}", gateway, ably, configuration)


async def enter(stack: AsyncExitStack, stand_in: Callable[[int], AbstractAsyncContextManager[T]], usual_port: int) -> T:
    """Start a stand-in on its usual port, or on a free one if that is taken."""
    try:
        return await stack.enter_async_context(stand_in(usual_port))
    except OSError:
        return await stack.enter_async_context(stand_in(0))


async def _temporal_server(stack: AsyncExitStack) -> tuple[str, int]:
    """The server's address and its UI's port; the usual ones, or free ones if one of them is taken."""
    port, ui_port = TEMPORAL_PORT, UI_PORT
    for tries_left in reversed(range(FREE_PORT_TRIES + 1)):
        try:
            return await stack.enter_async_context(embedded_server(port, ui_port)), ui_port
        except ServerNotStarted:
            if not tries_left:
                raise
            port, ui_port = free_ports(2)
    raise AssertionError("the last try either returns or raises")


@asynccontextmanager
async def _running(service: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    """Run a service beside the block; its failure ends the block."""
    body = asyncio.current_task()
    task = asyncio.create_task(service)

    def on_end(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and body is not None:
            body.cancel()

    task.add_done_callback(on_end)
    try:
        yield
    finally:
        task.remove_done_callback(on_end)
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
