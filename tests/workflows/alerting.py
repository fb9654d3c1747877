"""What tests of alerts have in common: receivers, a worker for alerts, and a client to start them with."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from configuration.alert_settings import AlertSettings
from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from contract.alerts import ALERT_WORKFLOW_TYPE, ALERTS_QUEUE, Alert, AlertRequest, AlertResult, Over, alert_id
from rebalancing.alerts import AlertKind
from testbed.background import in_background
from testbed.temporal_server import temporal_server
from tests.alert_receiver import Receiver
from worker.alert_worker import run_alert_worker
from worker.temporal import connect_embedded


def alert(kind: AlertKind, *about: str, **more: object) -> Alert:
    """An alert about DU1."""
    given = {"alert_id": alert_id(kind, "DU1", *about), "kind": kind, "at": datetime.now(UTC), "account": "DU1"}
    return Alert.model_validate({**given, **more})


def over(kind: AlertKind) -> Over:
    """The end of a state."""
    return Over(kind=kind, at=datetime.now(UTC))


@dataclass
class Alerting:
    """A server and a worker for alerts."""

    address: str
    client: Client
    in_use: ConfigurationInUse

    async def start(self, alert: Alert, **more: Any) -> WorkflowHandle[Any, AlertResult]:
        """Have it told, as the watch does."""
        return await self.client.start_workflow(
            ALERT_WORKFLOW_TYPE,
            AlertRequest(alerts=(alert,), **more),
            id=alert.alert_id,
            task_queue=ALERTS_QUEUE,
            result_type=AlertResult,
        )

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """A worker during the block, with a client of its own."""
        async with in_background(run_alert_worker(await connect_embedded(self.address), self.in_use)):
            yield

    async def everything(self) -> str:
        """All that the server knows, as text."""
        told: list[str] = []
        async for execution in self.client.list_workflows():
            handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
            told.append((await handle.fetch_history()).to_json())
            told.append(str((await handle.describe()).raw_description))
        return "".join(told)


@asynccontextmanager
async def alerting(
    monkeypatch: pytest.MonkeyPatch,
    receivers: Mapping[str, Receiver | None],
    gets: Mapping[str, str | Sequence[str]] | None = None,
    **settings: Any,
) -> AsyncGenerator[Alerting]:
    """A server and a worker, and a configuration with these receivers; one that is ``None`` has no address."""
    for name, receiver in receivers.items():
        if receiver is not None:
            monkeypatch.setenv(f"ALERT_{name.upper()}_URL", receiver.url)
    chosen = dict.fromkeys(receivers, "all") | dict(gets or {})
    alerts = AlertSettings.model_validate({"receivers": chosen, **settings})
    in_use = ConfigurationInUse(Configuration(accounts=(), alerts=alerts))
    async with temporal_server() as server:
        own = Alerting(server.address, server.client, in_use)
        async with own.working():
            yield own
