"""What a seal makes a run do, and what a run does without a good one (promises P2, P6 and P10)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from configuration.key_ring import KeyRing, line_of, new_key
from configuration.keys_in_use import KeyMissing
from rebalancing.outcomes import Phase
from rebalancing.settings import Seals, Settings
from rebalancing.triggers import EventStatus, ExecutionMode, Trigger
from tests.house import Holding, House, house, phase_reached, quick_settings
from tests.seals.asking import live, sealed, send, sent_orders
from workflows.rebalance_account import RebalanceAccount


async def refusals(own: House, account: str = "DU1") -> str:
    """What the account's run does not let count, in words."""
    return "; ".join((await own.handle(account).query(RebalanceAccount.status)).rejected_triggers)


async def test_a_sealed_trigger_trades_and_a_later_replay_of_it_is_the_same_event(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        trigger = sealed()
        result = await (await send(own, trigger)).result()
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.REBALANCE
        assert len(own.accepted_orders("DU1")) == 3
        assert (await (await send(own, trigger)).result()).outcome is None
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_unsealed_live_trigger_is_a_dry_run_and_leaves_its_event_to_the_sealed_one(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await send(own, live("e1"))).result()
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.DRY_RUN
        assert "event e1 has no seal, so it cannot trade" in await refusals(own)
        assert sent_orders(own) == []
        result = await (await send(own, sealed("e1"))).result()
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.REBALANCE
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_unsealed_trigger_beside_a_sealed_one_of_the_same_event_keeps_nothing_from_it(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        await send(own, live("e1"))
        handle = await send(own, sealed("e1"))
        await send(own, live("e1"))
        async with own.working():
            result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.REBALANCE
        assert result.outcome.event_ids == ("e1",)
        assert len(own.accepted_orders("DU1")) == 3


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"event_id": "e2"}, "does not fit"),
        ({"requested_at": datetime.now(UTC)}, "does not fit"),
        ({"by": "somebody else"}, "does not fit"),
        ({"source": "cli"}, "does not fit"),
        ({"seal": "0" * 64}, "does not fit"),
        ({"seal": "é"}, "does not fit"),
        ({"key_id": "bob"}, "'bob', which is not known here (known: ann)"),
    ],
)
async def test_an_altered_or_forged_seal_is_a_dry_run_and_says_why(
    keys: KeyRing, changed: dict[str, object], why: str
) -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await send(own, sealed().model_copy(update=changed))).result()
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.DRY_RUN
        assert why in await refusals(own)
        assert sent_orders(own) == []


async def test_a_trigger_sealed_for_one_account_does_not_trade_in_another(keys: KeyRing) -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own:
        other = sealed(account="DU2").model_copy(update={"account": "DU1"})
        await (await send(own, other)).result()
        assert "does not fit" in await refusals(own)
        assert sent_orders(own) == []


async def test_a_stale_sealed_trigger_expires_as_any_other(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await send(own, sealed(at=datetime.now(UTC) - timedelta(days=2)))
        assert (await handle.result()).outcome is None
        assert [record.status for record in (await own.remembered("DU1")).records] == [EventStatus.EXPIRED]
        assert sent_orders(own) == []


async def test_a_seal_by_a_revoked_key_does_not_count_and_the_ids_that_do_are_named(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        trigger = sealed()
        keys.file.write_text(line_of(new_key("bob")))
        await (await send(own, trigger)).result()
        assert "'ann', which is not known here (known: bob)" in await refusals(own)
        assert sent_orders(own) == []


async def test_a_rotated_key_goes_on_being_taken(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        trigger = sealed()
        keys.file.write_text(line_of(new_key("bob")) + keys.file.read_text())
        assert (await (await send(own, trigger)).result()).outcome is not None
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_later_unsealed_trigger_joins_no_live_run_and_a_sealed_one_does(keys: KeyRing) -> None:
    asking = Holding(more={"approval": {"required": "always"}})
    async with house({"DU1": asking}) as own:
        handle = await send(own, sealed("e1"))
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        await send(own, live("e2"))
        await send(own, sealed("e3"))
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        ring = await own.remembered("DU1")
        assert {record.event_id for record in ring.records if record.mode is ExecutionMode.REBALANCE} == {"e1", "e3"}
        assert sent_orders(own) == []


async def test_many_unsealed_triggers_push_no_event_out_of_what_is_remembered(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        first = sealed("first")
        await (await send(own, first)).result()
        orders = len(own.accepted_orders("DU1"))
        for number in range(120):
            await send(own, live(f"forged-{number}"))
        await own.handle("DU1").result()
        await (await send(own, first)).result()
        assert len(own.accepted_orders("DU1")) == orders


async def test_a_trigger_of_a_clock_that_is_ahead_keeps_its_seal_when_it_is_handed_over(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.2, 0.3)}) as own:
        first = await send(own, sealed("e1"))
        await phase_reached(first, Phase.BUYING)
        ahead: Trigger = sealed("e2", at=datetime.now(UTC) + timedelta(seconds=30))
        await send(own, ahead)
        await own.handle("DU1").result()
        statuses = {record.event_id: record.mode for record in (await own.remembered("DU1")).records}
        assert statuses == {"e1": ExecutionMode.REBALANCE, "e2": ExecutionMode.REBALANCE}


async def test_without_a_key_everything_counts_as_before() -> None:
    async with house({"DU1": Holding()}) as own:
        assert (await (await send(own, live())).result()).outcome is not None
        assert len(own.accepted_orders("DU1")) == 3


async def test_where_seals_are_optional_an_unsealed_trigger_trades_although_there_is_a_key(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}, settings=with_seals(Seals.OPTIONAL)) as own:
        await (await send(own, live())).result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_worker_without_a_key_does_not_start_where_seals_are_required() -> None:
    async with house({"DU1": Holding()}, settings=with_seals(Seals.REQUIRED), workers=0) as own:
        with pytest.raises(KeyMissing, match="rebalancer key new"):
            await asyncio.wait_for(await own.worker(), 30)


def with_seals(seals: Seals) -> Settings:
    """Quick settings that say it."""
    return quick_settings().model_copy(update={"seals": seals})
