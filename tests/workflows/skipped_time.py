"""A house whose Temporal server skips the time that workflows wait, so that a test need not wait for a market."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from temporalio.testing import WorkflowEnvironment

from contract.names import SEARCH_ATTRIBUTES
from contract.payloads import DATA_CONVERTER
from testbed.temporal_server import TemporalServer
from tests.house import Holding, House, house
from worker.temporal import SERVER_SETTINGS, temporal_command

FAST_TIMERS = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "history.timerProcessorMaxPollRPS": "1000",
}


def dynamic_configuration() -> list[str]:
    """Server settings under which skipped time costs next to no real time."""
    pairs = {**SERVER_SETTINGS, **FAST_TIMERS}
    return [argument for key, value in pairs.items() for argument in ("--dynamic-config-value", f"{key}={value}")]


@asynccontextmanager
async def house_of_skipped_time(accounts: Mapping[str, Holding], **more: Any) -> AsyncGenerator[House]:
    """Like ``tests.house.house``. The gateway's clock runs on at normal speed."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_command(),
        dev_server_extra_args=dynamic_configuration(),
        search_attributes=SEARCH_ATTRIBUTES,
        data_converter=DATA_CONVERTER,
    )
    async with environment:
        server = TemporalServer(environment.client.service_client.config.target_host, None, environment.client)
        async with house(accounts, temporal=server, **more) as own:
            yield own
