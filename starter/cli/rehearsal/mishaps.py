"""What may go wrong in a rehearsal: the worker is killed, and answers of the gateway are lost with its connection."""

import asyncio
from typing import Final

from simulator.gateway.faults import FaultMatch, FaultRule
from starter.cli.rehearsal.stage import Stage

LOOKS_EVERY: Final = 0.02
"""Seconds between two looks at the stand-in's books; an order takes longer to be filled."""

LOST_ANSWER: Final = FaultRule(action="close_after", match=FaultMatch(request="placeOrder"))
"""The connection ends right after an order arrived: it is at the market, and nobody was told so."""


class Mishaps:
    """Happen one after the other, as far as there are orders for them; ``told`` says which did."""

    def __init__(self, stage: Stage) -> None:
        self.told: list[str] = []
        self._stage = stage

    async def happen(self) -> None:
        """Lose the answer to the first order and kill the worker, then do both again with the next leg."""
        for which in ("first", "next"):
            known = len(self._stage.gateway.engine.orders)
            self._stage.gateway.add_fault(LOST_ANSWER)
            while len(self._stage.gateway.engine.orders) == known:  # noqa: ASYNC110  # the stand-in announces nothing
                await asyncio.sleep(LOOKS_EVERY)
            self.told.append(f"the connection was cut when the {which} order had arrived, before it was answered")
            await self._stage.worker.kill()
            self.told.append("then the worker was killed (SIGKILL) and started again")
            await self._stage.worker.start()
