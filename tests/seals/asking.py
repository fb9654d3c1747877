"""How the tests of seals ask: with a seal, with none, or with one that was tampered with."""

import json
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from contract import delivery
from contract.messages import RunResult
from rebalancing.triggers import ExecutionMode, Trigger
from starter.desk.sealing import sealed_trigger
from tests.house import TRADING, House

Run = WorkflowHandle[Any, RunResult]


def live(event_id: str = "e1", account: str = "DU1", at: datetime | None = None) -> Trigger:
    """A request to trade, without a seal."""
    return Trigger(
        account=account,
        event_id=event_id,
        mode=ExecutionMode.REBALANCE,
        source="ably:test-strategy",
        requested_at=at or datetime.now(UTC),
    )


def sealed(event_id: str = "e1", account: str = "DU1", at: datetime | None = None) -> Trigger:
    """The same, sealed with the key of the test."""
    return sealed_trigger(live(event_id, account, at))


async def send(own: House, trigger: Trigger) -> Run:
    """Deliver it as it is: what has no seal gets none."""
    return await delivery.deliver(own.client, trigger)


def as_json(trigger: Trigger, **changed: object) -> str:
    """As one would write it by hand, perhaps with something changed."""
    return json.dumps({**trigger.model_dump(mode="json"), **changed})


def sent_orders(own: House) -> list[str]:
    """What reached the gateway that changes something."""
    return [request.name for request in own.gateway.requests if request.name in TRADING]
