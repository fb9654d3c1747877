"""All processes of one run, and what can be done to them."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from temporalio.client import Client

from chaos import portfolios
from chaos.broker_day import BrokerDay
from chaos.door_opener import DoorOpener
from chaos.processes import ChildProcess
from chaos.stand_ins import ABLY_KEY, GatewayControl, Publisher, insist
from chaos.timeline import (
    ABLY,
    ALLOCATIONS,
    GATEWAY,
    LISTENER,
    PROCESSES,
    STRATEGIES,
    TEMPORAL,
    WORKERS,
    AllocationsFault,
    GatewayFault,
    MovePrices,
    ProcessFault,
    Publish,
    Rule,
    Step,
    first_weights,
)
from starter.ably.channel_records import ChannelRecords
from worker.free_ports import free_ports
from worker.temporal import connect_embedded, server_command

log = logging.getLogger(__name__)

SKIP_LOOKUP: Final = "REBALANCER_CHAOS_SKIP_LOOKUP"
"""Set to 1, the workers place orders without looking whether they are there: the harness must notice."""

REBALANCER: Final = str(Path(sys.executable).parent / "rebalancer")
ALLOCATIONS_KEY: Final = "for-this-run-only"
START_TIMEOUT: Final = 40.0


class Stage:
    """The processes of one run in one folder. Ports are free ones on loopback and stay the same over restarts."""

    def __init__(self, folder: Path, http: httpx.AsyncClient, seed: int, *, careless: bool) -> None:
        """``careless`` workers place without looking first."""
        self._folder = folder
        self._weights: dict[str, Mapping[str, float]] = dict(first_weights(seed))
        ports = free_ports(6)
        self.temporal_address = f"127.0.0.1:{ports[0]}"
        self.gateway = GatewayControl(http, ports[2])
        self.publisher = Publisher(http, ports[3])
        self.faults = 0
        """How many faults were made to happen."""
        self.day = BrokerDay(folder / "zones")
        self._environment = self._settings(ports)
        self._worker = [sys.executable, "-m", "chaos.careless_worker"] if careless else [REBALANCER, "worker"]
        self.children = self._children(ports)
        self._second_port = ports[5]
        self._tasks: set[asyncio.Task[None]] = set()
        self._down: set[str] = set()
        self.doors = DoorOpener(folder, self.children, self.gateway, ports[1], self.day, self.temporal, self._down)

    async def start(self) -> None:
        """Write the files and start everything, the servers first."""
        portfolios.write_accounts(self._folder / "accounts.yaml")
        portfolios.write_scenario(self._folder / "scenario.yaml")
        self._write_allocations()
        self.day.begin(datetime.now(UTC))
        for name in PROCESSES:
            await self.children[name].start()
            if name == TEMPORAL:
                await self.temporal()
        await self._listening()

    async def _listening(self) -> None:
        """Until every channel is followed: what is published before is not for this installation (promise P2)."""
        records = ChannelRecords(await self.temporal())
        async with asyncio.timeout(START_TIMEOUT):
            for channel in STRATEGIES:
                while await records.born(channel) is None:  # noqa: ASYNC110  # another process's doing
                    await asyncio.sleep(0.1)

    async def temporal(self) -> Client:
        """A client, as soon as the server answers."""
        async with asyncio.timeout(START_TIMEOUT):
            while True:
                try:
                    client = await connect_embedded(self.temporal_address)
                    await client.count_workflows()
                except RuntimeError:  # RPCError is not one of its kind while nothing listens
                    await asyncio.sleep(0.1)
                except Exception as error:
                    log.debug("Temporal is not ready: %s", error)
                    await asyncio.sleep(0.1)
                else:
                    return client

    async def carry_out(self, step: Step) -> None:
        """Do one step of the timeline; what takes time goes on by itself."""
        match step:
            case ProcessFault():
                self.faults += 1
                self._begin(self._process_fault(step))
            case GatewayFault():
                self.faults += 1
                self._begin(self._gateway_fault(step))
            case AllocationsFault():
                self.faults += 1
                self._write_allocations({step.strategy: step.fault})
            case Publish():
                self._weights[step.strategy] = step.weights
                self._write_allocations()
                self._begin(self.publisher.publish(step))
            case MovePrices():
                self._begin(self._move_prices(step.factors))
            case _:
                self.faults += 1
                self._begin(self.doors.open(step, (self._second_port, self._worker, self._environment)))

    async def supervise(self) -> None:
        """Start again what ended by itself, as any deployment does. Runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            for name, child in self.children.items():
                if name not in self._down and await child.revive():
                    log.warning("%s ended by itself and was started again", name)

    async def heal(self) -> None:
        """End every fault: everything runs, no rule is in force. What was begun is finished."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for child in self.children.values():
            child.thaw()
            await child.start()
        await insist(self.gateway.clear_rules)
        await insist(lambda: self.gateway.keep_sessions([]))
        # A link that was lost before may still be; nobody minds hearing twice that it is back.
        await self.gateway.add_rules([{"action": "notice", "code": 1102}])
        self._write_allocations()

    def publish_weights(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        """Let the allocations API serve these weights."""
        self._weights.update(weights)
        self._write_allocations()

    async def stop(self) -> None:
        """End everything that was started, clients before servers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name in (LISTENER, *WORKERS, GATEWAY, ABLY, ALLOCATIONS, TEMPORAL):
            self.children[name].thaw()
        await asyncio.gather(*(self.children[name].stop() for name in (LISTENER, *WORKERS)))
        await asyncio.gather(*(self.children[name].kill() for name in (GATEWAY, ABLY, ALLOCATIONS, TEMPORAL)))

    async def _process_fault(self, fault: ProcessFault) -> None:
        child = self.children[fault.target]
        self._down.add(fault.target)
        if fault.how == "freeze":
            child.freeze()
        else:
            await (child.kill() if fault.how == "kill" else child.stop())
        await asyncio.sleep(fault.seconds)
        child.thaw()
        await child.start(*(["--roll-back-order-ids", str(fault.roll_back)] if fault.roll_back else []))
        self._down.discard(fault.target)
        if fault.target == ABLY and fault.how != "freeze":
            await self.publisher.publish_again()

    async def _gateway_fault(self, fault: GatewayFault) -> None:
        await insist(lambda: self.gateway.add_rules(fault.rules))
        if fault.then:
            await asyncio.sleep(fault.seconds)
            await insist(lambda: self.gateway.add_rules(fault.then))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_allocations(self, faults: Mapping[str, Rule] | None = None) -> None:
        portfolios.write_allocations(self._folder / "allocations.json", self._weights, faults)

    async def _move_prices(self, factors: Mapping[str, float]) -> None:
        await self.gateway.move_prices(factors)

    def _children(self, ports: list[int]) -> dict[str, ChildProcess]:
        temporal, gateway, control, ably, allocations, _ = ports
        simulate = [REBALANCER, "simulate"]
        commands: dict[str, list[str]] = {
            TEMPORAL: server_command(temporal, None, self._folder / "temporal.db"),
            GATEWAY: [*simulate, "gateway", "--port", str(gateway), "--control-port", str(control),
                      "--scenario", "scenario.yaml", "--state", "state.json"],
            ABLY: [*simulate, "ably", "--port", str(ably), "--key", ABLY_KEY],
            ALLOCATIONS: [*simulate, "allocations", "--file", "allocations.json", "--port", str(allocations),
                          "--api-key", ALLOCATIONS_KEY],
            **dict.fromkeys(WORKERS, self._worker),
            LISTENER: [REBALANCER, "listen"],
        }  # fmt: skip
        return {
            name: ChildProcess(name, command, self._folder, self._environment) for name, command in commands.items()
        }

    def _settings(self, ports: list[int]) -> dict[str, str]:
        temporal, gateway, _, ably, allocations, _ = ports
        return {
            **clean_environment(),
            **self.day.environment,
            "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
            "IBKR_HOST": "127.0.0.1",
            "IBKR_PORT": str(gateway),
            "ABLY_API_KEY": ABLY_KEY,
            "ABLY_ENDPOINT": "127.0.0.1",
            "ABLY_PORT": str(ably),
            "ABLY_TLS": "false",
            "ALLOCATIONS_BASE_URL": f"http://127.0.0.1:{allocations}",
            "ALLOCATIONS_API_KEY": ALLOCATIONS_KEY,
        }


def clean_environment() -> dict[str, str]:
    """This process's environment without anybody's real connections, and with no proxy for this machine."""
    foreign = ("TEMPORAL_", "ABLY_", "ALLOCATIONS_", "IBKR_", "ACCOUNTS_FILE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    root = str(Path(__file__).resolve().parent.parent)
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": root}
