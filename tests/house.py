"""The whole application over real sockets: Temporal server, simulated gateway, allocations by list, workers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from contract.memory import memory_of
from contract.messages import RunResult
from contract.status import Status
from rebalancing.account_names import AccountNames
from rebalancing.accounts import Account
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import EventRing, ExecutionMode, Trigger
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.clock import Clock
from simulator.gateway.scenario import AccountSetup, InstrumentSetup, Latency, Scenario
from simulator.gateway.server import SimulatedGateway
from starter.desk.trigger import deliver
from testbed.addresses import allocations_at, connections_of, gateway_at
from testbed.background import in_background
from testbed.temporal_server import TemporalServer
from testbed.waiting import until
from tests.readable_histories import unreadable_steps
from tests.shared_server import client_of, namespace_of_its_own
from worker.workers import run_workers
from workflows.rebalance_account import RebalanceAccount

PRICES = {"QQQ": "600.00", "SPY": "670.00", "BND": "75.00", "GLD": "380.00", "EDC": "50.00"}
TRADING = ("placeOrder", "cancelOrder", "reqGlobalCancel")
"""The requests that change something at the gateway."""

WEIGHTS = {"QQQ": "0.5", "BND": "0.3", "GLD": "0.2"}


@dataclass
class Holding:
    """One account of a test: what it has, and what it should become.

    ``more`` goes into its configuration, ``books`` into the simulated gateway's. With an ``alias`` it is called so.
    """

    cash: str = "100000"
    holdings: Mapping[str, int] = field(default_factory=dict[str, int])
    weights: Mapping[str, str] | None = field(default_factory=lambda: dict(WEIGHTS))
    url: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    books: Mapping[str, Any] = field(default_factory=dict[str, Any])
    alias: str = ""


@dataclass
class House:
    """What a test can reach."""

    client: Client
    gateway: SimulatedGateway
    configuration: Configuration
    connections: Connections
    in_use: ConfigurationInUse = field(init=False)
    """What the workers go by, which began with ``configuration``."""
    _began_with: Configuration = field(init=False)

    def __post_init__(self) -> None:
        self._began_with = self.configuration
        self.in_use = ConfigurationInUse(self.configuration)

    async def trigger(
        self,
        account: str,
        event_id: str = "event-1",
        mode: ExecutionMode = ExecutionMode.REBALANCE,
        at: datetime | None = None,
    ) -> WorkflowHandle[Any, RunResult]:
        """Deliver one event as the listener does."""
        requested_at = at or datetime.now(UTC)
        trigger = Trigger(account=account, event_id=event_id, mode=mode, source="test", requested_at=requested_at)
        return await deliver(self.client, trigger)

    def handle(self, account: str) -> WorkflowHandle[Any, RunResult]:
        """The account's workflow."""
        return self.client.get_workflow_handle_for(RebalanceAccount.run, f"rebalance-{account}")

    async def remembered(self, account: str) -> EventRing:
        """What the account's latest run remembers."""
        return (await memory_of(await self.handle(account).describe())).all_events

    async def worker(self) -> asyncio.Task[None]:
        """One more worker process's worth of workers, for a test that ends them itself."""
        return asyncio.create_task(await self._workers())

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """One worker more during the block."""
        async with in_background(await self._workers()):
            yield

    async def _workers(self) -> Coroutine[object, object, None]:
        """With a client of their own, as a process would have."""
        client = await self.another_client()
        if self.configuration is not self._began_with:  # a test has put another one in its place since
            self.__post_init__()
        return run_workers(client, self.in_use, self.connections)

    @property
    def address(self) -> str:
        """Of its Temporal server, which it may share: whoever goes there must name the namespace too."""
        return self.client.service_client.config.target_host

    @property
    def variables(self) -> dict[str, str]:
        """What tells another process where this is."""
        return {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": self.client.namespace}

    async def another_client(self) -> Client:
        """One with a connection of its own."""
        return await client_of(self.address, self.client.namespace)

    def accepted_orders(self, account: str) -> list[Any]:
        """The gateway's own list of the account's orders."""
        return [order for order in self.gateway.engine.orders if order.account == account]


def leg_of(ref: str) -> str:
    """The run and leg that an order ref names, without the order's number and content."""
    return ref.rsplit("-", 2)[0]


def scenario(
    accounts: Mapping[str, Holding], instruments: Mapping[str, Mapping[str, Any]] | None = None, **more: Any
) -> Scenario:
    """A market that is always open, with quick fills.

    ``instruments`` holds what is special about some symbols; one that is not in ``PRICES`` needs a price there.
    """
    special = instruments or {}
    defaults: dict[str, Any] = {
        "hours": "always_open",
        "latency": Latency(request=0.001, ack=0.001, fill=(0.01, 0.05), commission=0.005),
    }
    return Scenario(
        accounts=tuple(
            AccountSetup(account=name, cash=Decimal(own.cash), holdings=dict(own.holdings), **own.books)
            for name, own in accounts.items()
        ),
        instruments=tuple(
            InstrumentSetup.model_validate({"symbol": symbol, "price": PRICES.get(symbol), **special.get(symbol, {})})
            for symbol in {**PRICES, **special}
        ),
        **{**defaults, **more},
    )


def configuration(accounts: Mapping[str, Holding], settings: Settings | None = None) -> Configuration:
    """The accounts as the configuration file would give them."""
    return Configuration(
        accounts=tuple(
            Account.model_validate(
                {
                    "account_id": own.alias or name,
                    "strategy_name": "test-strategy",
                    "type": "paper",
                    "allocations": {"url": own.url} if own.url else {"weights": own.weights},
                    **own.more,
                }
            )
            for name, own in accounts.items()
        ),
        names=AccountNames(numbers={own.alias: number for number, own in accounts.items() if own.alias}),
        settings=settings or quick_settings(),
    )


def quick_settings(**concurrency: Any) -> Settings:
    """Settings with short retries, so that a test of a failure does not wait for seconds."""
    return Settings.model_validate(
        {
            "concurrency": {"settling_period": 0, **concurrency},
            "retry": {"base_delay": 0.05, "max_delay": 0.2},
            "fill_timeout": 20,
        }
    )


@asynccontextmanager
async def house(
    accounts: Mapping[str, Holding],
    *,
    settings: Settings | None = None,
    workers: int = 1,
    api: SimulatedAllocations | None = None,
    temporal: TemporalServer | None = None,
    gateway_clock: Clock | None = None,
    **gateway: Any,
) -> AsyncGenerator[House]:
    """Start everything, and stop it by its own handle; a Temporal server that is given stays.

    What was done in it must be readable in Temporal's UI, down to the last timer.
    """
    async with AsyncExitStack() as stack:
        server = temporal or await stack.enter_async_context(namespace_of_its_own())
        simulated = await stack.enter_async_context(
            SimulatedGateway(scenario(accounts, **gateway), clock=gateway_clock)
        )
        built = House(
            client=server.client,
            gateway=simulated,
            configuration=configuration(accounts, settings),
            connections=connections_of(
                gateway_at(simulated.port) | (allocations_at(api.port, api.api_key) if api else {})
            ),
        )
        for _ in range(workers):
            await stack.enter_async_context(built.working())
        yield built
        if steps := await unreadable_steps(built.client):
            pytest.fail("not readable in Temporal's UI:\n" + "\n".join(steps))


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """The typed error a workflow failed with."""
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def phase_reached(handle: WorkflowHandle[Any, Any], phase: Phase) -> None:
    """Return once the workflow is in this phase."""
    await status_reached(handle, lambda status: status.phase is phase)


async def status_reached(handle: WorkflowHandle[Any, Any], is_so: Callable[[Status], object]) -> None:
    """Return once this is so of the workflow's status. A server that is busy finds no worker to ask now and then."""

    async def is_reached() -> object:
        try:
            return is_so(await handle.query(RebalanceAccount.status))
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            return False

    await until(is_reached)
