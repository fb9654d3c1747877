"""A house whose alerts are told: a watch that looks quickly, the worker for alerts, and receivers."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest

from configuration.alert_settings import AlertSettings
from starter.alerts.record import AlertRecord
from starter.alerts.watch import Timings, watch
from testbed.background import in_background
from testbed.waiting import until
from tests.alert_receiver import Receiver
from tests.house import House
from worker.alert_worker import run_alert_worker

QUICK: Final = Timings(runs=0.05, installation=0.1, schedules=0.2, channels=0.2)


def configure(
    own: House,
    monkeypatch: pytest.MonkeyPatch,
    receivers: Mapping[str, Receiver],
    gets: Mapping[str, str | Sequence[str]] | None = None,
    **settings: Any,
) -> None:
    """Have the house's configuration name these receivers; everything is sent at once."""
    for name, receiver in receivers.items():
        monkeypatch.setenv(f"ALERT_{name.upper()}_URL", receiver.url)
    chosen = dict.fromkeys(receivers, "all") | dict(gets or {})
    alerts = AlertSettings.model_validate({"receivers": chosen, "digest_every": 0, "quiet_minutes": 0, **settings})
    own.in_use.use(own.in_use.now.model_copy(update={"alerts": alerts}))


@asynccontextmanager
async def watching(own: House, *, watches: int = 1) -> AsyncGenerator[None]:
    """So many watches, each with a worker, during the block; from its beginning on alerts are sent."""
    async with AsyncExitStack() as stack:
        for _ in range(watches):
            client = await own.another_client()
            await stack.enter_async_context(in_background(run_alert_worker(client, own.in_use)))
            await stack.enter_async_context(in_background(watch(client, own.in_use, own.connections, QUICK)))
        await until(AlertRecord(own.client).born)
        yield
