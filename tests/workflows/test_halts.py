"""Halt and pause: from the moment they are set no order goes out, and afterwards everything is read anew (P11)."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from contract.halts import HALT_ID, pause_id, strategy_pause_id
from contract.names import RESUMED_SIGNAL, login_id
from contract.status import Status
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import EventStatus, ExecutionMode
from starter.desk.cancel_orders import cancel_all_orders, cancel_orders
from starter.desk.gateway_stop import resume_all, start_gateways, stop_gateways, stopped_gateways
from starter.desk.halt import HaltSet, NothingHeld, hold, read_halts, resume
from testbed.waiting import until
from tests.faults.ledger_checks import never_overspent, placed_at_most_once
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings, status_reached
from tests.workflows.restoring import restorable_house
from tests.workflows.test_order_policies import MIDPOINT, by_policy, move, sent, until_working
from tests.workflows.test_temporal_command import temporal
from workflows.rebalance_account import RebalanceAccount

SELLS_FIRST = Holding(cash="1000", holdings={"SPY": 150})
"""An account that must sell before it can buy."""

WHO = "ann@desk"


async def halted(own: House, halt_id: str = HALT_ID) -> HaltSet:
    """Set a halt or a pause, as the command does."""
    return await hold(own.client, halt_id, WHO, "quarterly audit")


async def resumed(own: House, halt_id: str = HALT_ID) -> None:
    """End it."""
    await resume(own.client, halt_id, WHO, "")


def is_held_or_over(status: Status) -> bool:
    """Whether a rebalance waits for the end of a halt, or had ended before it was set."""
    return status.phase in (Phase.HALTED, Phase.COMPLETED)


async def test_a_run_that_comes_during_a_halt_waits_reads_nothing_and_trades_when_it_is_over() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await halted(own)
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.HALTED)
        detail = (await handle.query(RebalanceAccount.status)).detail
        assert "trading is halted since" in detail
        assert f"by {WHO}: quarterly audit" in detail
        assert "rebalancer resume" in detail
        assert "DU1" not in {request.account for request in own.gateway.requests}
        await resumed(own)
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED
        assert {order.symbol for order in own.accepted_orders("DU1")} == {"SPY", "QQQ", "BND", "GLD"}
        assert await read_halts(own.client) == []


async def test_dry_runs_and_reads_go_on_during_a_halt() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await halted(own)
        outcome = (await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()).outcome
        assert outcome is not None
        assert outcome.plan is not None
        assert sent(own) == []


async def test_a_halt_between_the_legs_keeps_the_buys_back_and_a_price_that_moved_meanwhile_sizes_them_anew() -> None:
    async with house({"DU1": SELLS_FIRST}, latency={"fill": (0.5, 0.6)}) as own:
        handle = await own.trigger("DU1")
        await until(lambda: own.accepted_orders("DU1"))
        await halted(own)
        placed = len(sent(own))
        await phase_reached(handle, Phase.HALTED)
        assert [order.symbol for order in own.accepted_orders("DU1")] == ["SPY"]
        move(own, "660")  # of QQQ, which was planned for at 600
        await resumed(own)
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED
        bought = next(order for order in own.accepted_orders("DU1") if order.symbol == "QQQ")
        assert bought.quantity <= Decimal(101_500) * Decimal("0.5") / 660
        assert any("not sent: BUY" in note and "trading is halted" in note for note in outcome.notes)
        placed_at_most_once(own.gateway.engine)
        never_overspent(own.gateway.engine, "DU1", "1000")
        assert placed == 1


async def test_nothing_is_sent_after_a_halt_has_returned_until_it_is_over() -> None:
    accounts = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 100 + n}) for n in range(1, 7)}
    async with house(accounts) as own:
        handles = [await own.trigger(account) for account in accounts]
        await until(lambda: len(own.gateway.engine.orders) >= 8)
        came = await halted(own)
        placed = len(sent(own))
        assert came.is_new
        assert came.answered == (None,)
        await asyncio.gather(*(status_reached(handle, is_held_or_over) for handle in handles))
        assert len(sent(own)) == placed
        await resumed(own)
        outcomes = [(await handle.result()).outcome for handle in handles]
        assert {outcome.phase for outcome in outcomes if outcome} == {Phase.COMPLETED}
        placed_at_most_once(own.gateway.engine)


async def test_a_halt_needs_no_worker_and_the_first_one_to_come_heeds_it() -> None:
    async with house({"DU1": SELLS_FIRST}, workers=0) as own:
        await own.trigger("DU1")
        came = await halted(own)
        assert came.answered == ()
        async with own.working():
            await phase_reached(own.handle("DU1"), Phase.HALTED)
            assert sent(own) == []
            await resumed(own)
            assert (await own.handle("DU1").result()).outcome is not None


async def test_a_gateway_without_a_worker_is_waited_for_no_longer_than_anything_may_be_on_its_way() -> None:
    async with house({"DU1": SELLS_FIRST}, workers=0) as own:
        async with own.working():
            await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        came = await halted(own)
        assert came.silent == (None,)
        assert [halt.reason for halt in await read_halts(own.client)] == ["quarterly audit"]


async def test_the_plain_temporal_command_halts_and_resumes() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await temporal(
            own, "workflow", "start", "--type", "Halt", "--workflow-id", "halt", "--task-queue", "halts",
            "--memo", 'reason="by hand"',
        )  # fmt: skip
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.HALTED)
        assert "by hand" in (await handle.query(RebalanceAccount.status)).detail
        await temporal(own, "workflow", "terminate", "--workflow-id", "halt", "--reason", "over")
        assert (await handle.result()).outcome is not None


async def test_a_halt_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    async with restorable_house(tmp_path, {"DU1": SELLS_FIRST}) as (own, server), own.working():
        await halted(own)
        await own.trigger("DU1")
        await phase_reached(own.handle("DU1"), Phase.HALTED)
        await server.stop()
        await server.start()
        await phase_reached(own.handle("DU1"), Phase.HALTED)
        assert sent(own) == []
        await resumed(own)
        assert (await own.handle("DU1").result()).outcome is not None


async def test_no_limit_follows_the_market_during_a_halt() -> None:
    """A new limit goes to the gateway as an order does."""
    async with house({"DU1": by_policy({**MIDPOINT, "reprice_times": 50})}) as own:
        handle = await own.trigger("DU1")
        order = await until_working(own)
        await halted(own)
        move(own, "600.50")
        was = await _repriced(own, handle.id)
        await until(lambda: _is_repriced_oftener(own, handle.id, was + 1))
        assert [request.limit_price for request in sent(own)] == [Decimal("600")]
        await resumed(own)
        await until(lambda: order.limit_price == Decimal("600.5"))
        move(own, "600.40")
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED
        assert len(own.gateway.engine.orders) == 1


async def _is_repriced_oftener(own: House, workflow_id: str, than: int) -> bool:
    return await _repriced(own, workflow_id) > than


async def _repriced(own: House, workflow_id: str) -> int:
    """How often a limit followed the market, or would have."""
    events = own.client.get_workflow_handle(workflow_id).fetch_history_events()
    asked = [event.activity_task_scheduled_event_attributes.activity_type.name async for event in events]
    return asked.count("reprice_leg")


async def test_a_halt_after_the_plan_keeps_even_the_margin_question_back() -> None:
    """It was set when the account had been read: only the worker, right before the what-if orders, can know."""
    account = Holding(cash="1000", holdings={"SPY": 150}, more={"approval": {"required": "always"}})
    async with house({"DU1": account}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        await halted(own)
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        await handle.execute_update("approve", {"plan_hash": waiting.plan_hash})
        await phase_reached(handle, Phase.HALTED)
        assert sent(own) == []
        await resumed(own)
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED


async def test_a_pause_holds_one_account_and_one_strategy_and_nobody_else() -> None:
    accounts = {
        "DU1": SELLS_FIRST,
        "DU2": SELLS_FIRST,
        "DU3": Holding(more={"strategy_name": "other"}),
        "DU4": Holding(more={"strategy_name": "another"}),
    }
    async with house(accounts) as own:
        await halted(own, pause_id("DU2"))
        await halted(own, strategy_pause_id("other"))
        handles = {account: await own.trigger(account) for account in accounts}
        for free in ("DU1", "DU4"):
            assert (await handles[free].result()).outcome is not None
        for account, words in {"DU2": "account DU2 is paused", "DU3": "strategy other is paused"}.items():
            await phase_reached(handles[account], Phase.HALTED)
            assert words in (await handles[account].query(RebalanceAccount.status)).detail
            assert own.accepted_orders(account) == []
        await resumed(own, pause_id("DU2"))
        assert (await handles["DU2"].result()).outcome is not None
        await phase_reached(handles["DU3"], Phase.HALTED)
        await resumed(own, strategy_pause_id("other"))
        assert (await handles["DU3"].result()).outcome is not None


async def test_who_is_told_for_nothing_that_a_halt_is_over_asks_the_server_and_waits_on() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await halted(own)
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.HALTED)
        await handle.signal(RESUMED_SIGNAL)
        await phase_reached(handle, Phase.HALTED)
        status = await handle.query(RebalanceAccount.status)
        assert status.phase is Phase.HALTED
        assert sent(own) == []


async def test_events_that_come_during_a_halt_are_carried_out_together_once_it_is_over() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await halted(own)
        handle = await own.trigger("DU1", "event-1")
        await phase_reached(handle, Phase.HALTED)
        await own.trigger("DU1", "event-2")
        await resumed(own)
        await handle.result()
        records = {record.event_id: record.status for record in (await own.remembered("DU1")).records}
        assert records == {"event-1": EventStatus.COMPLETED, "event-2": EventStatus.COMPLETED}
        assert len([order for order in own.accepted_orders("DU1") if order.symbol == "SPY"]) == 1


async def test_a_run_that_waits_in_a_halt_can_be_cancelled_and_gives_up_after_max_wait() -> None:
    settings = Settings.model_validate({**quick_settings().model_dump(), "max_wait": 1})
    async with house({"DU1": SELLS_FIRST, "DU2": SELLS_FIRST}, settings=settings) as own:
        await halted(own)
        given_up = await own.trigger("DU2")
        error = await failure_of(given_up)
        assert error.type == "WaitedTooLong"
        assert "a halt" in error.message
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.HALTED)
        await handle.cancel()
        with suppress(WorkflowFailureError):
            await handle.result()
        assert sent(own) == []


async def test_halted_rebalances_leave_the_turn_to_others() -> None:
    accounts = {"DU1": SELLS_FIRST, "DU2": SELLS_FIRST}
    async with house(accounts, settings=quick_settings(max_concurrent_rebalances=1)) as own:
        await halted(own, pause_id("DU1"))
        held = await own.trigger("DU1")
        await phase_reached(held, Phase.HALTED)
        assert (await (await own.trigger("DU2")).result()).outcome is not None
        await resumed(own, pause_id("DU1"))
        assert (await held.result()).outcome is not None


async def test_working_orders_can_be_cancelled_during_a_halt_and_the_rest_is_planned_for_afterwards() -> None:
    async with house({"DU1": SELLS_FIRST}, latency={"fill": (60, 60)}) as own:
        handle = await own.trigger("DU1")
        await until(lambda: [order for order in own.accepted_orders("DU1") if order.status == "Submitted"])
        await halted(own)
        await cancel_orders(own.client, own.configuration.account("DU1"), timeout=10)
        assert {order.status for order in own.accepted_orders("DU1")} == {"Cancelled"}
        placed = len(sent(own))
        await phase_reached(handle, Phase.HALTED)
        assert len(sent(own)) == placed
        await resumed(own)
        await until(lambda: len(own.accepted_orders("DU1")) == 2)
        assert [order.quantity for order in own.accepted_orders("DU1")] == [150, 150]
        await handle.cancel()
        with suppress(WorkflowFailureError):
            await handle.result()


async def test_working_orders_of_an_account_that_was_switched_off_meanwhile_are_cancelled_too() -> None:
    async with house({"DU1": SELLS_FIRST}, latency={"fill": (60, 60)}) as own:
        handle = await own.trigger("DU1")
        await until(lambda: [order for order in own.accepted_orders("DU1") if order.status == "Submitted"])
        await halted(own)
        off = [account.model_copy(update={"enabled": False}) for account in own.configuration.accounts]
        asked: list[str] = []
        configured = own.configuration.model_copy(update={"accounts": tuple(off)})
        assert await cancel_all_orders(own.client, configured, asked.append) == []
        assert asked == ["DU1"]
        assert {order.status for order in own.accepted_orders("DU1")} == {"Cancelled"}
        await handle.cancel()
        with suppress(WorkflowFailureError):
            await handle.result()


async def test_a_gateway_whose_login_was_ended_is_visited_by_a_halt_all_the_same() -> None:
    """It may have a worker still, which connected before."""
    async with house({"DU1": SELLS_FIRST}) as own:
        await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        await own.client.get_workflow_handle(login_id(None)).terminate(reason="new login")
        assert (await halted(own)).answered == (None,)


async def test_gateways_that_were_stopped_start_again_though_the_halt_alone_was_ended_before() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        await halted(own)
        await stop_gateways(own.client, "network work")
        await own.client.get_workflow_handle(HALT_ID).terminate(reason="by hand")
        assert await resume_all(own.client, WHO, "") == (None,)
        assert await stopped_gateways(own.client) == ()
        with pytest.raises(NothingHeld):
            await resume_all(own.client, WHO, "")


async def test_halting_everything_lets_nothing_reach_the_gateway_until_it_is_resumed() -> None:
    async with house({"DU1": SELLS_FIRST}) as own:
        await (await own.trigger("DU1", "first", ExecutionMode.DRY_RUN)).result()
        await halted(own)
        assert await stop_gateways(own.client, "network work") == (None,)
        assert await stopped_gateways(own.client) == (None,)
        handle = await own.trigger("DU1", "second", ExecutionMode.DRY_RUN)
        await phase_reached(handle, Phase.READING)
        asked = len(own.gateway.requests)
        await start_gateways(own.client, "done")
        await handle.result()
        assert len(own.gateway.requests) > asked
        assert await stopped_gateways(own.client) == ()


async def test_a_halt_that_is_set_again_keeps_who_set_it_first() -> None:
    async with house({"DU1": SELLS_FIRST}, workers=0) as own:
        first = await hold(own.client, HALT_ID, "ann@desk", "audit")
        second = await hold(own.client, HALT_ID, "ben@desk", "another reason")
        assert first.is_new
        assert not second.is_new
        assert second.halt == first.halt
        assert first.halt.since <= datetime.now(UTC)
