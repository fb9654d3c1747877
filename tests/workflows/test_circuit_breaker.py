"""A strategy whose rebalances go wrong one after the other is paused before the next account follows them."""

import asyncio
from collections.abc import Mapping

import pytest

from activities.circuit_breaker import CircuitBreaker
from contract.halts import HALT_ID, HALTS_QUEUE, set_halt, strategy_pause_id
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import EventStatus, ExecutionMode
from starter.desk.halt import read_halts, resume
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings
from tests.workflows.test_incomplete import refuse
from workflows.rebalance_account import RebalanceAccount

TOO_LARGE = {"guards": {"maximum_order_value": "10"}}
"""Every plan breaches this guard."""

STRATEGY = "test-strategy"


def breaking_after(failures: int) -> Settings:
    """Settings with a circuit breaker."""
    return Settings.model_validate({**quick_settings().model_dump(), "circuit_breaker": {"failures": failures}})


def accounts(*wrong: str, right: tuple[str, ...] = ()) -> Mapping[str, Holding]:
    """Accounts of one strategy that fail, and others that do not."""
    return {**{account: Holding(more=TOO_LARGE) for account in wrong}, **{account: Holding() for account in right}}


async def failed(own: House, account: str, event_id: str = "event-1") -> None:
    """A rebalance that fails at its guard."""
    assert (await failure_of(await own.trigger(account, event_id))).type == "GuardBreached"


async def test_so_many_failures_in_a_row_pause_the_strategy_and_the_reason_names_them() -> None:
    async with house(accounts("DU1", "DU2", right=("DU3",)), settings=breaking_after(2)) as own:
        await failed(own, "DU1")
        assert await read_halts(own.client) == []
        await failed(own, "DU2")
        (halt,) = await read_halts(own.client)
        assert halt.workflow_id == strategy_pause_id(STRATEGY)
        assert halt.who == "circuit breaker"
        assert "2 rebalances in a row went wrong: DU1: GuardBreached" in halt.reason
        assert "DU2: GuardBreached" in halt.reason
        handle = await own.trigger("DU3")
        await phase_reached(handle, Phase.HALTED)
        assert "circuit breaker" in (await handle.query(RebalanceAccount.status)).detail
        assert own.accepted_orders("DU3") == []


async def test_whoever_lets_the_strategy_go_on_begins_a_new_row() -> None:
    async with house(accounts("DU1", "DU2", right=("DU3",)), settings=breaking_after(2)) as own:
        await failed(own, "DU1")
        await failed(own, "DU2")
        handle = await own.trigger("DU3")
        await phase_reached(handle, Phase.HALTED)
        await resume(own.client, strategy_pause_id(STRATEGY), "ann@desk", "the guard was wrong")
        assert (await handle.result()).outcome is not None
        await failed(own, "DU1", "event-2")
        assert await read_halts(own.client) == []


async def test_one_that_goes_through_ends_the_row_and_a_dry_run_does_neither() -> None:
    async with house(accounts("DU1", "DU2", right=("DU3",)), settings=breaking_after(2)) as own:
        await failed(own, "DU1")
        await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
        await (await own.trigger("DU3")).result()
        await failed(own, "DU2")
        assert await read_halts(own.client) == []


async def test_an_incomplete_rebalance_counts_as_one_that_went_wrong() -> None:
    async with house(accounts(right=("DU1",)), settings=breaking_after(1)) as own:
        refuse(own, "QQQ")
        outcome = (await (await own.trigger("DU1")).result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.INCOMPLETE
        (halt,) = await read_halts(own.client)
        assert "QQQ" in halt.reason


async def test_a_plan_that_a_person_rejects_is_nothing_wrong() -> None:
    asked = {"DU1": Holding(more={"approval": {"required": "always"}})}
    async with house(asked, settings=breaking_after(1)) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        await handle.execute_update("reject")
        assert (await failure_of(handle)).type == "PlanRejected"
        assert await read_halts(own.client) == []


async def test_a_cancel_that_comes_while_it_counts_undoes_nothing_of_a_rebalance_that_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counting = asyncio.Event()

    async def never_counted(self: CircuitBreaker, row: str, reason: str) -> None:
        del self, row, reason
        counting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(CircuitBreaker, "_end", never_counted)
    async with house(accounts(right=("DU1",)), settings=breaking_after(2)) as own:
        handle = await own.trigger("DU1")
        await counting.wait()
        await handle.cancel()
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED
        assert [record.status for record in (await own.remembered("DU1")).records] == [EventStatus.COMPLETED]


async def test_a_wait_that_was_too_long_is_no_failure_of_the_strategy() -> None:
    settings = breaking_after(1).model_copy(update={"max_wait": 1})
    async with house(accounts(right=("DU1",)), settings=settings) as own:
        await set_halt(own.client, HALT_ID, "ann@desk", "")
        assert (await failure_of(await own.trigger("DU1"))).type == "WaitedTooLong"
        assert [halt.workflow_id for halt in await read_halts(own.client)] == [HALT_ID]


async def test_a_signal_that_somebody_sent_by_hand_neither_counts_nor_keeps_a_rebalance_from_ending() -> None:
    async with house(accounts("DU1", "DU2"), settings=breaking_after(2)) as own:
        await failed(own, "DU1")
        row = own.client.get_workflow_handle(f"failures-strategy-{STRATEGY}")
        await row.signal("failed", "rubbish")
        await row.signal("other", {"account": "DU9"})
        await failed(own, "DU1", "event-2")
        (halt,) = await read_halts(own.client)
        assert "2 rebalances in a row" in halt.reason


async def test_without_the_setting_nothing_is_counted() -> None:
    async with house(accounts("DU1")) as own:
        for number in range(4):
            await failed(own, "DU1", f"event-{number}")
        assert await read_halts(own.client) == []
        assert [run.id async for run in own.client.list_workflows(f"TaskQueue = '{HALTS_QUEUE}'")] == []
