"""The operation time-out and cancelling, with virtual time where a test would otherwise wait for minutes."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from testbed.waiting import until
from tests.house import Holding, failure_of, house, phase_reached
from tests.workflows.skipped_time import house_of_skipped_time
from worker.free_ports import free_port


async def test_a_rebalance_that_works_longer_than_five_minutes_is_stopped_and_says_where() -> None:
    unreachable = f"http://127.0.0.1:{free_port()}/x/allocations"
    accounts = {"DU1": Holding(weights=None, url=unreachable)}
    async with house_of_skipped_time(accounts, settings=Settings()) as own:
        error = await failure_of(await own.trigger("DU1"))
    assert error.type == "OperationTimeout"
    assert "300 s" in error.message
    assert "reading" in error.message


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
