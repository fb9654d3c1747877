"""An alias that is given, changed or taken out while something is left under the name of before: nothing is done twice.

Each time the worker has ended, as it does where somebody stops it to change accounts.yaml.
"""

from datetime import UTC, datetime, timedelta

import pytest

from configuration.configuration_in_use import ConfigurationInUse
from contract.halts import history_pause_id, pause_id, set_halt
from contract.names_in_history import claim_name
from rebalancing.errors import AccountRenamed
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.accept_history import accept_history, read_doubt
from starter.desk.cancel_orders import OrdersNotCancelled, cancel_orders
from starter.desk.halt import pause_of_account
from tests.house import Holding, House, configuration, failure_of, house, phase_reached, quick_settings
from worker.workers import run_workers

NUMBER = "DU7654321"
SETTINGS = quick_settings().model_copy(update={"figures_lag": 1})
PLAIN, PENSION, SAVINGS = (Holding(alias=alias) for alias in ("", "pension", "savings"))


def renamed(own: House, holding: Holding) -> None:
    """Have the next worker go by another accounts.yaml."""
    own.configuration = configuration({NUMBER: holding}, SETTINGS)


async def refused(own: House) -> str:
    """What a worker says that does not start."""
    with pytest.raises(AccountRenamed) as refusal:
        await run_workers(own.client, ConfigurationInUse(own.configuration), own.connections)
    assert NUMBER not in str(refusal.value) or not own.configuration.names.numbers
    return str(refusal.value)


async def dry_run(own: House, account: str) -> None:
    await (await own.trigger(account, "dry", ExecutionMode.DRY_RUN)).result()


async def test_a_worker_does_not_start_while_a_run_is_open_under_the_name_of_before() -> None:
    asking = Holding(more={"approval": {"required": "always"}})
    async with house({NUMBER: asking}, workers=0) as own:
        async with own.working():
            await phase_reached(await own.trigger(NUMBER), Phase.WAITING_FOR_APPROVAL)
        assert await pause_of_account(own.client, own.configuration, NUMBER)
        renamed(own, PENSION)
        assert "was called by its number (DU•••4321), and its rebalance under that name is open" in await refused(own)
        renamed(own, asking)
        assert await pause_of_account(own.client, own.configuration, NUMBER)
        renamed(own, PENSION)
        await own.handle(NUMBER).terminate()
        async with own.working():
            await dry_run(own, "pension")


async def test_a_pause_does_not_vanish_with_the_name_that_it_was_set_for() -> None:
    async with house({NUMBER: PENSION}, workers=0) as own:
        async with own.working():
            await dry_run(own, "pension")
        for pause in (pause_id("pension"), history_pause_id("pension")):
            await set_halt(own.client, pause, "ann", "")
            for holding in (PLAIN, SAVINGS):
                renamed(own, holding)
                assert "was called pension, and is paused under that name" in await refused(own)
            await own.client.get_workflow_handle(pause).terminate()
        async with own.working():
            await dry_run(own, "savings")


async def test_a_pause_is_set_for_the_name_that_the_workers_know_or_not_at_all() -> None:
    """Somebody has changed the file, and forgot that the worker goes by that of before."""
    async with house({NUMBER: PENSION}) as own:
        await dry_run(own, "pension")
        assert await pause_of_account(own.client, own.configuration, "pension") == "pause-pension"
        for name, holding in (("savings", SAVINGS), (NUMBER, PLAIN)):
            renamed(own, holding)
            with pytest.raises(AccountRenamed, match=f"The workers call account {name} pension"):
                await pause_of_account(own.client, own.configuration, name)


async def test_an_event_is_traded_once_whatever_the_account_is_called_when_it_comes_again() -> None:
    at = datetime.now(UTC)
    async with house({NUMBER: PLAIN}, workers=0) as own:
        async with own.working():
            await (await own.trigger(NUMBER, at=at)).result()
        traded = len(own.accepted_orders(NUMBER))
        for name, holding in (("pension", PENSION), ("savings", SAVINGS), (NUMBER, PLAIN), ("pension", PENSION)):
            renamed(own, holding)
            async with own.working():
                result = await (await own.trigger(name, at=at + timedelta(seconds=1))).result()
            assert result.outcome is None
            assert [each.event_id for each in (await own.remembered(name)).records] == ["event-1"]
        assert len(own.accepted_orders(NUMBER)) == traded


async def test_orders_of_the_day_under_the_name_of_before_hold_a_live_run_until_a_person_looked() -> None:
    async with house({NUMBER: PLAIN}, workers=0) as own:
        async with own.working():
            await (await own.trigger(NUMBER)).result()
        renamed(own, PENSION)
        async with own.working():
            handle = await own.trigger("pension", "event-2")
            await phase_reached(handle, Phase.HALTED)
            doubt = await read_doubt(own.client, own.configuration.account("pension"))
            assert {order.ref for order in doubt.orders} == {order.ref for order in own.accepted_orders(NUMBER)}
            await accept_history(own.client, "pension", doubt, "ann")
            assert (await handle.result()).outcome is not None


async def test_a_run_that_is_begun_all_the_same_fails_before_it_reads_anything() -> None:
    """A second machine may go by a file of before: its runs and ours look for each other."""
    async with house({NUMBER: PENSION}) as own:
        await dry_run(own, "pension")
        await own.client.start_workflow("RebalanceAccount", id=f"rebalance-{NUMBER}", task_queue="of-nobody")
        failure = await failure_of(await own.trigger("pension"))
        assert failure.type == "AccountRenamed"
        await own.client.start_workflow("Any", id="rebalance-pension", task_queue="of-nobody")
        with pytest.raises(AccountRenamed, match="was called pension, and its rebalance under that name is open"):
            await claim_name(own.client, NUMBER, NUMBER)
        assert own.accepted_orders(NUMBER) == []


async def test_an_alias_is_one_accounts_for_good() -> None:
    async with house({NUMBER: PENSION}) as own:
        await dry_run(own, "pension")
        with pytest.raises(AccountRenamed, match="The alias pension was another account's"):
            await claim_name(own.client, "DU1111111", "pension")


async def test_at_the_gateway_an_account_is_served_under_one_name() -> None:
    async with house({NUMBER: PENSION}) as own:
        await dry_run(own, "pension")
        await cancel_orders(own.client, own.configuration.account("pension"), 5)
        for other in (PLAIN, SAVINGS):
            (account,) = configuration({NUMBER: other}).accounts
            with pytest.raises(OrdersNotCancelled, match="at this gateway") as refusal:
                await cancel_orders(own.client, account, 5)
            assert f"account {NUMBER}" not in str(refusal.value)
