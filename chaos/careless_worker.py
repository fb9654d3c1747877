"""A worker that places orders without looking for them first, so that the harness is seen to notice it.

``rebalancer worker`` with three methods replaced: no lookup before placement, none of what was sent on an earlier
connection, and a fresh order id for every sending. Nothing of the application knows of it.
"""

import asyncio

from activities.gateway.order_desk import OrderDesk
from rebalancing.errors import GatewayRenewed
from rebalancing.orders.intent_fate import Fate
from rebalancing.orders.order import Intent, LegOrder, OrderReport
from starter.cli.services import run_worker_command
from worker import gateway_worker


class CarelessDesk(OrderDesk):
    """Sends whatever it is asked to, each time under a fresh order id."""

    _sent: frozenset[str] = frozenset()

    async def acknowledged(self, intents: tuple[Intent, ...], linger: float = 0.0) -> tuple[OrderReport, ...]:
        """As ever, but by its own record of what it sent, since it forgets what it looked up."""
        if not self._sent.issuperset(intent.ref for intent in intents):
            raise GatewayRenewed
        return await super().acknowledged(intents, linger)

    def _fate(self, intent: Intent, never_sent: bool, held_by: str = "") -> Fate:  # noqa: ARG002  # that makes it careless
        return Fate.SEND

    def _send(self, intent: Intent) -> None:
        order = LegOrder.model_validate(intent.model_dump(include=set(LegOrder.model_fields)))
        super()._send(self.prepare((order,))[0])
        self._sent |= {intent.ref}


def main() -> None:
    """Run the worker until it is told to stop."""
    gateway_worker.OrderDesk = CarelessDesk
    asyncio.run(run_worker_command())


if __name__ == "__main__":
    main()
