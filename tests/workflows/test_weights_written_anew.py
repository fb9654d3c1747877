"""Weights that are written into the configuration while a plan waits: only what is written now is traded."""

from decimal import Decimal

from rebalancing.approval import Approval
from rebalancing.targets import Replacement
from tests.house import Holding, House, failure_of, house
from tests.workflows.test_approval import APPROVE_UPDATE, ASKING, traded, waiting_plan


def configured_anew(own: House, **changes: object) -> None:
    """Have the worker go by a configuration in which the account is written otherwise."""
    (account,) = own.configuration.accounts
    own.in_use.use(own.configuration.model_copy(update={"accounts": (account.model_copy(update=changes),)}))


def with_weights(own: House, weights: dict[str, str], **changes: object) -> None:
    """Write other weights into the configuration that the worker goes by."""
    (account,) = own.configuration.accounts
    source = account.allocations.model_copy(update={"weights": {s: Decimal(w) for s, w in weights.items()}})
    configured_anew(own, allocations=source, **changes)


async def test_weights_that_were_written_anew_while_a_plan_waited_are_the_ones_that_are_traded() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        old = await waiting_plan(handle)
        with_weights(own, {"GLD": "1"})
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=old.plan_hash), result_type=str)
        new = await waiting_plan(handle, other_than=old.plan_hash)
        assert [order.symbol for order in new.plan.orders] == ["GLD"]
        assert traded(own) == []
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=new.plan_hash), result_type=str)
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert {order.symbol for order in outcome.orders} == {"GLD"}
        assert any(f"plan {old.plan_hash} was approved, but did not hold" in note for note in outcome.notes)


async def test_a_newer_event_makes_the_waiting_plan_anew_by_the_weights_of_today() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1", "first")
        old = await waiting_plan(handle)
        with_weights(own, {"GLD": "1"})
        await own.trigger("DU1", "second")
        new = await waiting_plan(handle, other_than=old.plan_hash)
        assert [order.symbol for order in new.plan.orders] == ["GLD"]


async def test_symbols_are_replaced_as_it_is_written_beside_the_weights_of_today() -> None:
    """Weights of today by the rules of yesterday would buy what the account may not hold."""
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        old = await waiting_plan(handle)
        with_weights(own, {"SPY": "1"}, replacements=(Replacement(source="SPY", target="GLD"),))
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=old.plan_hash), result_type=str)
        new = await waiting_plan(handle, other_than=old.plan_hash)
        assert [order.symbol for order in new.plan.orders] == ["GLD"]


async def test_a_run_of_an_account_that_follows_another_strategy_by_now_ends_before_any_trade() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        old = await waiting_plan(handle)
        configured_anew(own, strategy_name="another")
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=old.plan_hash), result_type=str)
        error = await failure_of(handle)
        assert (error.type, "follows another by now" in error.message) == ("AllocationsRefused", True)
        assert traded(own) == []
