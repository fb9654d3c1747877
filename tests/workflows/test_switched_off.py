"""A configuration that changes while workers run: what is switched off trades no more, whoever asks for it."""

import asyncio
import json

import pytest
from temporalio.client import WorkflowHandle

from configuration.configuration import Configuration
from rebalancing.approval import Approval
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.server import SimulatedGateway
from testbed.waiting import until
from tests.house import Holding, configuration, failure_of, house, phase_reached, quick_settings, scenario
from tests.workflows.test_temporal_command import START, temporal
from workflows.rebalance_account import RebalanceAccount

ASKING = {"approval": {"required": "always"}}


def switched_off(known: Configuration, account: str) -> Configuration:
    """The same with this account switched off."""
    accounts = tuple(
        one.model_copy(update={"enabled": one.enabled and one.account_id != account}) for one in known.accounts
    )
    return known.model_copy(update={"accounts": accounts})


async def test_what_was_switched_off_is_refused_by_the_workflow_itself() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own:
        assert (await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()).outcome is not None
        own.in_use.use(switched_off(own.configuration, "DU1"))
        await temporal(own, *START, "--signal-input", json.dumps({"event_id": "by-hand", "mode": "rebalance"}))
        error = await failure_of(own.handle("DU1"))
        assert (error.type, "DU1 is switched off" in error.message) == ("AccountUnknown", True)
        assert own.accepted_orders("DU1") == []
        assert (await (await own.trigger("DU2")).result()).outcome is not None
        own.in_use.use(own.configuration)
        await (await own.trigger("DU1", "by-hand")).result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_run_that_was_refused_before_it_began_is_listed_as_failed() -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await own.trigger("DU9")
        assert (await failure_of(handle)).type == "AccountUnknown"
        assert await listed_phase(handle) == "failed"


async def listed_phase(handle: WorkflowHandle[RebalanceAccount, object]) -> object:
    """The phase as everybody can look for it."""
    attributes = (await handle.describe()).typed_search_attributes
    return next(pair.value for pair in attributes if pair.key.name == "Phase")


async def test_a_plan_that_waited_trades_nothing_for_an_account_that_was_switched_off_meanwhile() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        own.in_use.use(switched_off(own.configuration, "DU1"))
        plan = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert plan is not None
        await handle.execute_update(RebalanceAccount.approve, Approval(plan_hash=plan.plan_hash))
        error = await failure_of(handle)
        assert (error.type, "Nothing was traded." in error.message) == ("AccountUnknown", True)
        assert own.accepted_orders("DU1") == []


async def test_what_is_at_work_is_seen_through() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (1.0, 1.0)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await until(lambda: len(own.accepted_orders("DU1")) >= 3)
        own.in_use.use(switched_off(own.configuration, "DU1"))
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert [order.filled == order.quantity for order in outcome.orders] == [True] * 3


async def test_a_gateway_and_a_limit_that_come_with_a_change_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        house({"DU1": Holding()}) as own,
        SimulatedGateway(scenario({"DU2": Holding()})) as west,
    ):
        monkeypatch.setenv("IBKR_WEST_PORT", str(west.port))
        grown = configuration(
            {"DU1": Holding(), "DU2": Holding(more={"gateway": "west"})}, quick_settings(max_concurrent_rebalances=1)
        )
        own.in_use.use(grown)
        results = await asyncio.gather(*[(await own.trigger(account)).result() for account in ("DU1", "DU2")])
        assert all(result.outcome is not None for result in results)
        assert len(own.accepted_orders("DU1")) == 3
        assert {order.account for order in west.engine.orders} == {"DU2"}


async def test_where_strategies_are_asked_for_follows_the_configuration() -> None:
    from simulator.allocations.server import SimulatedAllocations

    published = {"blend": {"QQQ": 1.0}}
    async with SimulatedAllocations(published) as api, house({"DU1": Holding(weights=None)}) as own:
        assert (await failure_of(await own.trigger("DU1", "one"))).type == "AllocationsRefused"
        own.in_use.use(own.configuration.model_copy(update={"allocations_base_url": api.base_url}))
        error = await failure_of(await own.trigger("DU1", "two"))
        assert "answered 401" in error.message, error.message
