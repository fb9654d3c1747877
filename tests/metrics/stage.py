"""``rebalancer up`` with its metrics, over stand-ins that a test can control, kill and start again."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from chaos.stage import channels_followed
from configuration.environment import Connections
from configuration.payload_keys import read_payload_keys
from contract.payloads import data_converter
from simulator.gateway.scenario import DEMO_SCENARIO
from testbed.addresses import HOST, ably_at, clean_environment, gateway_at
from testbed.child_process import ChildProcess
from testbed.gateway_control import GatewayControl
from testbed.installation import GatewayPorts, simulate, simulate_gateway
from testbed.waiting import until
from tests.cli.command import Desk, desk, up
from worker.free_ports import free_ports


@dataclass(frozen=True)
class Sample:
    """One series of a scrape with its value."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Stage:
    """What runs, and how a test reaches it."""

    own: Desk
    process: asyncio.subprocess.Process
    control: GatewayControl
    gateway: ChildProcess
    ably: ChildProcess
    ably_port: int
    http: httpx.AsyncClient
    client: Client

    @property
    def target(self) -> str:
        """Where Prometheus asks for the metrics."""
        return f"{HOST}:{self.own.http_port}"

    async def scrape(self) -> list[Sample]:
        """The metrics as they are now."""
        answer = await self.http.get(f"http://{self.target}/metrics")
        answer.raise_for_status()
        return samples(answer.text)

    async def shows(self, name: str, at_least: float = 1, **labels: str) -> bool:
        """Whether series with these labels come to so much together."""
        return total(await self.scrape(), name, **labels) >= at_least


def samples(text: str) -> list[Sample]:
    """What a scrape says, read by Prometheus' own client."""
    families = text_string_to_metric_families(text)
    return [Sample(one.name, one.labels, one.value) for family in families for one in family.samples]


def total(found: list[Sample], name: str, **labels: str) -> float:
    """The sum of the series with these labels."""
    return sum(one.value for one in found if one.name == name and labels.items() <= one.labels.items())


@asynccontextmanager
async def measured_up(
    folder: Path, accounts: str, scenario: Path = DEMO_SCENARIO, **variables: str
) -> AsyncGenerator[Stage]:
    """Everything in one process but for the stand-ins of gateway and Ably, which have one each; events are heard."""
    strategies = {account["strategy_name"] for account in yaml.safe_load(accounts)["accounts"]}
    gateway_port, control_port, ably_port = free_ports(3)
    ports = GatewayPorts(gateway_port, control_port)
    environment = clean_environment()
    gateway = ChildProcess("gateway", simulate_gateway(ports, str(scenario)), folder, environment)
    ably = ChildProcess("ably", simulate("ably", ably_port), folder, environment)
    own = desk(folder, accounts, **gateway_at(gateway_port), **ably_at(ably_port), **variables)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        control = GatewayControl(http, control_port)
        try:
            await asyncio.gather(gateway.start(), ably.start())
            await until(lambda: control.ask("GET", "/accounts", None))
            async with up(own) as process:
                client = await _client(own)
                await channels_followed(client, strategies)
                yield Stage(own, process, control, gateway, ably, ably_port, http, client)
        finally:
            await asyncio.gather(gateway.stop(), ably.stop())


async def _client(own: Desk) -> Client:
    """A client with the key that ``up`` made."""
    key_file = Path(own.variables["XDG_CONFIG_HOME"]) / "rebalancer" / "key"
    converter = data_converter(lambda: read_payload_keys(Connections(rebalancer_key_file=key_file)))
    return await Client.connect(own.variables["TEMPORAL_ADDRESS"], data_converter=converter)
