"""The operation time-out and cancelling, with virtual time where a test would otherwise wait for minutes."""

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from contract.names import SEARCH_ATTRIBUTES
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from testbed.background import in_background
from testbed.waiting import until
from tests.house import Holding, configuration, house, phase_reached
from tests.workflows.skipped_time import dynamic_configuration
from worker.free_ports import free_port
from worker.main import run_workers
from worker.temporal import temporal_command


async def test_a_rebalance_that_works_longer_than_five_minutes_is_stopped_and_says_where() -> None:
    unreachable = f"http://127.0.0.1:{free_port()}/x/allocations"
    accounts = configuration({"DU1": Holding(weights=None, url=unreachable)}, Settings())
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_command(),
        dev_server_extra_args=dynamic_configuration(),
        search_attributes=SEARCH_ATTRIBUTES,
        data_converter=pydantic_data_converter,
    ) as env:
        error = await _run_with_worker(env.client, accounts)
    assert error.type == "OperationTimeout"
    assert "300 s" in error.message
    assert "reading" in error.message


async def _run_with_worker(client: Client, accounts: Configuration) -> ApplicationError:
    connections = Connections(ibkr_port=free_port())
    async with in_background(run_workers(client, ConfigurationInUse(accounts), connections)):
        with pytest.raises(WorkflowFailureError) as failure:
            await client.execute_workflow(
                "RebalanceAccount",
                {
                    "account": "DU1",
                    "triggers": [
                        {
                            "account": "DU1",
                            "event_id": "e",
                            "mode": "rebalance",
                            "requested_at": datetime.now(UTC).isoformat(),
                        }
                    ],
                },
                id="rebalance-DU1",
                task_queue="rebalances",
            )
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def test_cancelling_the_workflow_cancels_its_working_orders_and_reports_what_filled() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (60, 60)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        await until(lambda: len(own.accepted_orders("DU1")) >= 3)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert isinstance(failure.value.cause, CancelledError)
        assert {order.status for order in own.accepted_orders("DU1")} == {"Cancelled"}
        status = await handle.query("status")
        assert status["phase"] == "cancelled"
        assert "0/" in status["events"]["records"][0]["summary"]


async def test_a_cancelled_event_is_not_carried_out_when_it_is_delivered_again() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (60, 60)}) as own:
        handle = await own.trigger("DU1", "same")
        await phase_reached(handle, Phase.BUYING)
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)
        assert (await (await own.trigger("DU1", "same")).result()).outcome is None
