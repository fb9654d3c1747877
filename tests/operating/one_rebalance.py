"""One rebalance of one account that holds still at five moments, with everything that goes over its wire."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import yaml

from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from testbed.addresses import connections_of, gateway_at
from testbed.temporal_server import TemporalServer
from testbed.waiting import until
from tests.cli.command import Desk, desk
from tests.house import Holding, House, house, phase_reached, quick_settings
from tests.operating.wire_log import Line, WireLog, wire_log
from workflows import gateway

ACCOUNT: Final = "DU1000001"
STRATEGY: Final = "sixty-forty"

WEIGHTS: Final = {"SPY": "0.3", "QQQ": "0.3", "BND": "0.4"}

TRADES: Final = {
    "approval": {"required": "always"},
    "order_policy": {"type": "LMT", "reprice_every": 3600, "reprice_times": 1},
}

SETTINGS: Final = Settings.model_validate(
    {
        **quick_settings().model_dump(),
        "concurrency": {"settling_period": 0, "request_timeout": 60},
        "fill_timeout": 120,
        "freshness": 120,
    }
)
"""Patient enough for pictures to be taken at each moment."""

SHALLOW: Final = {"SPY": 40, "BND": 250}
"""So many shares the market has at one price: less than is traded, so that an order stays at work until it moves."""


@dataclass
class Scene:
    """The account's house, and what is seen of it. ``seen`` is how much of the wire's log was shown before."""

    own: House
    desk: Desk
    wire: WireLog
    seen: int = field(default=0)

    async def ask(self) -> None:
        """Ask for a live rebalance; it is held while the gateway is asked for quotes."""
        self.wire.hold("tickPrice")
        await self.said("run", ACCOUNT, "--live", "--yes")
        await until(lambda: self.sent("reqMktData"))

    async def plan(self) -> None:
        """Let the quotes come, and the plan wait for a person."""
        self.wire.release()
        await phase_reached(self.own.handle(ACCOUNT), Phase.WAITING_FOR_APPROVAL)

    async def sell(self) -> None:
        """Approve the plan. The market takes only a part of the sell."""
        await self.said("approve", ACCOUNT, "--yes")
        await self._filled("SPY", SHALLOW["SPY"])

    async def buy(self) -> None:
        """Have the market take the rest, and only a part of one of the buys."""
        self._move("SPY", "670.05")
        await self._filled("BND", SHALLOW["BND"])

    async def end(self) -> None:
        """Have it take the rest of that as well."""
        self._move("BND", "74.98")
        await self.own.handle(ACCOUNT).result()

    def sent(self, name: str) -> bool:
        """Whether a request of this name has gone out."""
        return any(line.name == name for line in self.wire.lines)

    def fresh_lines(self) -> list[Line]:
        """What went over the wire since this was asked last."""
        lines = self.wire.lines[self.seen :]
        self.seen = len(self.wire.lines)
        return lines

    async def said(self, *arguments: str) -> None:
        """A command that does what it should."""
        answer = await self.desk.run(*arguments)
        assert answer.status == 0, answer.errors

    async def _filled(self, symbol: str, shares: int) -> None:
        def is_so() -> bool:
            orders = self.own.accepted_orders(ACCOUNT)
            return any(order.symbol == symbol and order.filled == shares for order in orders)

        await until(is_so)

    def _move(self, symbol: str, price: str) -> None:
        self.own.gateway.engine.move_price(symbol, Decimal(price))
        self.own.gateway.wake()


@asynccontextmanager
async def scene(folder: Path, monkeypatch: pytest.MonkeyPatch, temporal: TemporalServer) -> AsyncGenerator[Scene]:
    """All of it, before anything was asked for. A browser beside it keeps no worker from being thought alive."""
    monkeypatch.setattr(gateway, "HEARTBEAT_TIMEOUT", timedelta(seconds=60))
    holding = Holding(
        cash="4000", holdings={"SPY": 90, "QQQ": 20}, weights=WEIGHTS, more={"strategy_name": STRATEGY, **TRADES}
    )
    shallow = {symbol: {"depth": depth} for symbol, depth in SHALLOW.items()}
    async with (
        house(
            {ACCOUNT: holding},
            settings=SETTINGS,
            workers=0,
            temporal=temporal,
            instruments=shallow,
            max_fill_parts=1,
        ) as own,
        wire_log(own.gateway.port, own.gateway.engine.clock.now) as wire,
    ):
        own.connections = connections_of(gateway_at(wire.port))
        async with own.working():
            yield Scene(own, desk(folder, _file(), **own.variables), wire)


def _file() -> str:
    targets = [{"symbol": symbol, "allocation": float(weight)} for symbol, weight in WEIGHTS.items()]
    account = {"account_id": ACCOUNT, "strategy_name": STRATEGY, "allocations": targets, **TRADES}
    return yaml.safe_dump({"accounts": [account]})
