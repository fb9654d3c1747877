"""Opens doors: does to the processes of a run what ``chaos/doors.py`` describes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from chaos.broker_day import BrokerDay
from chaos.by_hand import do_by_hand
from chaos.connections import is_connected
from chaos.doors import (
    CONNECTS_WITHIN,
    Door,
    ForeignRun,
    MarketClosing,
    PowerCut,
    PriceShock,
    SecondInstallation,
    Takeover,
)
from chaos.evidence import PowerLoss, Run
from chaos.power import DATABASE, copy_database, put_back
from chaos.second_installation import run_second
from chaos.stand_ins import RETRY_PAUSE, MovingGateway, insist
from chaos.timeline import WORKERS
from testbed.installation import GATEWAY, LISTENER, TEMPORAL, Installation

log = logging.getLogger(__name__)

CLOSE_ALL: Final = {"action": "close_after"}
CLOSE_AT_ORDER: Final = {"action": "close_before", "match": {"request": "placeOrder"}}
STRIKES_WITHIN: Final = 15.0
"""Seconds that a shock waits for an order; then prices jump all the same."""

MINUTE: Final = timedelta(minutes=1)
SOON: Final = timedelta(seconds=10)
"""A market that closes earlier is closed a minute later: nobody would have heard of it."""


class DoorOpener:
    """``losses`` are the power cuts that happened, ``runs`` those of second installations."""

    def __init__(
        self,
        folder: Path,
        installation: Installation,
        gateway: MovingGateway,
        day: BrokerDay,
        down: set[str],
    ) -> None:
        """``down`` are the processes that nobody else may start again."""
        self.losses: list[PowerLoss] = []
        self.runs: list[Run] = []
        self.takeovers = 0
        self._folder = folder
        self._installation = installation
        self._children = installation.children
        self._gateway = gateway
        self._day = day
        self._down = down
        self._seconds = 0

    async def open(self, door: Door, worker: Sequence[str]) -> None:
        """Do it, and return when it is over. ``worker``: the command of a second installation's."""
        match door:
            case Takeover():
                await self._takeover(door)
            case PowerCut():
                await self._power_cut(door)
            case PriceShock():
                await self._shock(door)
            case MarketClosing():
                await self._close_market()
            case ForeignRun():
                await do_by_hand(await self._installation.temporal(), door)
            case SecondInstallation():
                self._seconds += 1
                self.runs += await run_second(door, self._seconds, worker, self._folder, self._installation.environment)

    # --- freezing ---------------------------------------------------------------------------------------------------

    def holder(self) -> str | None:
        """The worker that is connected to the gateway; None if none is, or nobody can tell."""
        own = (name for name in WORKERS if self._holds(name))
        return next(own, None)

    async def _takeover(self, door: Takeover) -> None:
        frozen = self.holder() or WORKERS[0]
        other = next(name for name in WORKERS if name != frozen)
        self._down.add(frozen)
        self._children[frozen].freeze()
        await insist(lambda: self._gateway.add_rules([CLOSE_ALL]))
        waited_until = asyncio.get_running_loop().time() + CONNECTS_WITHIN
        while not self._holds(other) and asyncio.get_running_loop().time() < waited_until:  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(RETRY_PAUSE)
        self.takeovers += self._holds(other)
        await asyncio.sleep(door.seconds)
        self._children[frozen].thaw()
        self._down.discard(frozen)

    def _holds(self, name: str) -> bool:
        return self._children[name].is_running and is_connected(
            self._children[name].process_id, self._installation.gateways[None].clients
        )

    # --- power cuts -------------------------------------------------------------------------------------------------

    async def _power_cut(self, door: PowerCut) -> None:
        database, copy = self._folder / DATABASE, self._folder / "temporal.copy"
        copied_at = datetime.now(UTC)
        await asyncio.to_thread(copy_database, database, copy)
        await asyncio.sleep(door.seconds)
        without_power = [TEMPORAL, *((*WORKERS, LISTENER, GATEWAY) if door.new_day else ())]
        self._down.update(without_power)
        await asyncio.gather(*(self._children[name].kill() for name in without_power))
        await asyncio.to_thread(put_back, copy, database)
        if door.new_day and not self._day.change(datetime.now(UTC)):
            log.warning("the broker's day could not be changed again")
        for name in without_power:
            await self._children[name].start()
        await self._installation.temporal()
        self.losses.append(PowerLoss(copied_at, datetime.now(UTC)))
        self._down.difference_update(without_power)

    # --- prices and hours -------------------------------------------------------------------------------------------

    async def _shock(self, door: PriceShock) -> None:
        match door.when:
            case "closed":
                await insist(lambda: self._gateway.add_rules([CLOSE_ALL]))
            case "at_order":
                await insist(lambda: self._gateway.add_rules([CLOSE_AT_ORDER]))
                await self._struck(CLOSE_AT_ORDER)
            case "restart":
                self._down.add(GATEWAY)
                await self._children[GATEWAY].kill()
                await self._children[GATEWAY].start()
                self._down.discard(GATEWAY)
        await insist(lambda: self._gateway.move_prices(door.factors), pause=0.05)

    async def _struck(self, rule: Mapping[str, object]) -> None:
        for _ in range(int(STRIKES_WITHIN / 0.1)):
            if await self._gateway.has_struck(rule):
                return
            await asyncio.sleep(0.1)

    async def _close_market(self) -> None:
        closes = datetime.now(UTC).replace(second=0, microsecond=0) + MINUTE
        closes += MINUTE if closes - datetime.now(UTC) < SOON else timedelta(0)
        opens = closes + MINUTE
        sessions = [(closes - timedelta(days=1), closes), (opens, opens + timedelta(days=2))]
        await insist(lambda: self._gateway.keep_sessions(sessions))
        await asyncio.sleep((opens - datetime.now(UTC)).total_seconds() + 1)
        await insist(lambda: self._gateway.keep_sessions([]))
