"""A worker that places orders without looking for them first, so that the harness is seen to notice it.

``rebalancer worker`` with two methods replaced: no lookup before placement, and a fresh order id for every sending.
Nothing of the application knows of it.
"""

import asyncio

from activities.gateway.placing import OrderDesk
from rebalancing.orders import Intent, LegOrder
from starter.cli.services import run_worker_command
from worker import gateway_worker


class CarelessDesk(OrderDesk):
    """Sends whatever it is asked to, each time under a fresh order id."""

    def _may_send(self, intent: Intent) -> bool:  # noqa: ARG002  # that is what makes it careless
        return True

    def _send(self, intent: Intent) -> None:
        order = LegOrder.model_validate(intent.model_dump(include=set(LegOrder.model_fields)))
        super()._send(self.prepare((order,))[0])


def main() -> None:
    """Run the worker until it is told to stop."""
    gateway_worker.OrderDesk = CarelessDesk
    asyncio.run(run_worker_command())


if __name__ == "__main__":
    main()
