"""Waiting for what comes of a request: of this one, whatever the account's rebalance does afterwards."""

from datetime import UTC, datetime

from contract.halts import pause_id, set_halt
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventStatus, ExecutionMode, Trigger
from starter.desk.many import result_of
from testbed.waiting import until
from tests.house import Holding, house, phase_reached


def live(event_id: str) -> Trigger:
    """A live request, as one of another shell that waits for it."""
    return Trigger(
        account="DU1", event_id=event_id, mode=ExecutionMode.REBALANCE, source="test", requested_at=datetime.now(UTC)
    )


async def test_a_request_that_was_carried_out_does_not_wait_for_what_its_follow_up_run_waits_for() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.5, 0.6)}) as own:
        await own.trigger("DU1", "first")
        await until(lambda: len(own.accepted_orders("DU1")) == 3)
        await set_halt(own.client, pause_id("DU1"), "test", "so that the follow-up run waits")
        await own.trigger("DU1", "second")
        await phase_reached(own.handle("DU1"), Phase.HALTED)
        first = await result_of(own.client, live("first"))
        assert (first.status, first.is_waiting) == (EventStatus.COMPLETED, False)
        second = await result_of(own.client, live("second"))
        assert (second.status, second.is_waiting) == (Phase.HALTED, True)
