"""All processes of one run, and what can be done to them."""

import asyncio
import logging
import sys
from collections.abc import Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from temporalio.client import Client

from chaos.accounts import write_start
from chaos.broker_day import BrokerDay
from chaos.door_opener import DoorOpener
from chaos.power import DATABASE
from chaos.stand_ins import MovingGateway, Publisher, insist
from chaos.timeline import (
    STRATEGIES,
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
from testbed.installation import ABLY, REBALANCER, START_TIMEOUT, Installation
from testbed.portfolios import write_allocations
from testbed.waiting import until

log = logging.getLogger(__name__)

SKIP_LOOKUP: Final = "REBALANCER_CHAOS_SKIP_LOOKUP"
"""Set to 1, the workers place orders without looking whether they are there: the harness must notice."""

ROOT: Final = Path(__file__).resolve().parent.parent


class Stage:
    """The processes of one run in one folder, two workers among them."""

    def __init__(self, folder: Path, http: httpx.AsyncClient, seed: int, *, careless: bool) -> None:
        """``careless`` workers place without looking first."""
        self._folder = folder
        self._weights: dict[str, Mapping[str, float]] = dict(first_weights(seed))
        self.day = BrokerDay(folder / "zones")
        self._worker = [sys.executable, "-m", "chaos.careless_worker"] if careless else [REBALANCER, "worker"]
        self._installation = Installation(
            folder,
            dict.fromkeys(WORKERS, self._worker),
            database=DATABASE,
            gateway_state="state.json",
            environment={**self.day.environment, "PYTHONPATH": str(ROOT)},
        )
        self._children = self._installation.children
        self.gateway = MovingGateway(http, self._installation.gateways[None].control)
        self.publisher = Publisher(http, self._installation.ably_port)
        self.faults = 0
        """How many faults were made to happen."""
        self._tasks: set[asyncio.Task[object]] = set()
        self._down: set[str] = set()
        self.doors = DoorOpener(folder, self._installation, self.gateway, self.day, self._down)

    async def start(self) -> Client:
        """Write the files and start everything."""
        write_start(self._folder)
        self._write_allocations()
        self.day.begin(datetime.now(UTC))
        client = await self._installation.start()
        await channels_followed(client, STRATEGIES)
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
                self._begin(self.gateway.move_prices(step.factors))
            case _:
                self.faults += 1
                self._begin(self.doors.open(step, self._worker))

    async def supervise(self) -> None:
        """Start again what ended by itself, as any deployment does. Runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            for name, child in self._children.items():
                if name not in self._down and await child.revive():
                    log.warning("%s ended by itself and was started again", name)

    async def heal(self) -> None:
        """End every fault: everything runs, no rule is in force. What was begun is finished."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for child in self._children.values():
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
        """End everything that was started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._installation.stop()

    async def _process_fault(self, fault: ProcessFault) -> None:
        child = self._children[fault.target]
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

    def _begin(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_allocations(self, faults: Mapping[str, Rule] | None = None) -> None:
        write_allocations(self._folder / "allocations.json", self._weights, faults)


async def channels_followed(client: Client, channels: Iterable[str]) -> None:
    """Return once they all are: what is published before is not for this installation (promise P2)."""
    records = ChannelRecords(client)
    for channel in channels:
        await until(lambda channel=channel: records.born(channel), within=START_TIMEOUT)
