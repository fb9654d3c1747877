"""The simulated gateway with a plain ``ib_insync`` client at it: what other schemes than ours are tried with."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import ib_insync as ibi

from bench.accounts.figures import LATENCY_REQUEST
from bench.portfolios import write_gateway
from testbed.addresses import HOST, clean_environment
from testbed.child_process import ChildProcess
from testbed.gateway_control import GatewayControl
from testbed.installation import GATEWAY, GatewayPorts, simulate_gateway
from testbed.portfolios import Portfolio
from testbed.waiting import until
from worker.free_ports import free_ports

CLIENT_ID: Final = 8

MOST_ACCOUNTS: Final = 50
"""IBKR does not tell the positions of a login with more accounts the way ``ib_insync`` asks for them."""


@dataclass(frozen=True)
class BareGateway:
    """A connected client, and the gateway's own record of what reached it."""

    ib: ibi.IB
    control: GatewayControl

    async def requests(self) -> list[dict[str, Any]]:
        """Every message the gateway received so far, those of connecting included."""
        await asyncio.sleep(2 * LATENCY_REQUEST)  # what was sent last is still on its way
        return await self.control.read("requests")


@asynccontextmanager
async def bare_gateway(chosen: Sequence[Portfolio]) -> AsyncGenerator[BareGateway]:
    """Start a gateway with these accounts and connect to it; end both afterwards."""
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-gateway-") as temporary:
        folder = Path(temporary)
        write_gateway(folder, chosen)
        ports = GatewayPorts(*free_ports(2))
        command = simulate_gateway(ports, f"{GATEWAY}.yaml")
        gateway = ChildProcess(GATEWAY, command, folder, clean_environment())
        await gateway.start()
        try:
            async with (
                httpx.AsyncClient(trust_env=False) as http,
                _connected(ports.clients, GatewayControl(http, ports.control)) as own,
            ):
                yield own
        finally:
            await gateway.kill()


@asynccontextmanager
async def _connected(port: int, control: GatewayControl) -> AsyncGenerator[BareGateway]:
    await until(lambda: control.tell("GET", "/connections", None))
    ib = ibi.IB()
    await ib.connectAsync(HOST, port, clientId=CLIENT_ID, timeout=30)
    try:
        yield BareGateway(ib, control)
    finally:
        ib.disconnect()
        await asyncio.sleep(LATENCY_REQUEST)
