"""How accounts stand: each is told of, whatever became of it, and none hides another."""

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.halts import HALT_ID, pause_id, set_halt
from rebalancing.errors import AccountUnknown
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk import status as status_module
from starter.desk.account_status import NEVER_RUN, UNTOLD, AccountStatus
from starter.desk.halt import read_halts
from starter.desk.installation import read_installation
from starter.desk.latest_run import handle_of
from starter.desk.limits import limits_of
from starter.desk.status import held, read_statuses, status_of
from testbed.waiting import until
from tests.house import Holding, House, failure_of, house, phase_reached

ASKING = Holding(more={"approval": {"required": "always"}})
DRY = ExecutionMode.DRY_RUN


async def by_account(own: House) -> dict[str, AccountStatus]:
    """All of them."""
    return {one.account: one for one in await read_statuses(own.client, None, own.configuration.accounts)}


async def test_every_account_is_told_of_whether_or_not_it_ever_ran() -> None:
    accounts = {
        "DU1": Holding(),
        "DU2": Holding(),
        "DU3": Holding(more={"enabled": False}),
        "DU4": ASKING,
        "DU5": Holding(more={"guards": {"minimum_symbols": 5}}),
    }
    async with house(accounts) as own:
        await (await own.trigger("DU1")).result()
        await failure_of(await own.trigger("DU9"))
        await phase_reached(await own.trigger("DU4"), Phase.WAITING_FOR_APPROVAL)
        await failure_of(await own.trigger("DU5"))
        await until(lambda: _lists(own, 4))
        told = await by_account(own)
    assert {name: one.phase for name, one in told.items()} == {
        "DU1": "completed",
        "DU2": NEVER_RUN,
        "DU3": NEVER_RUN,
        "DU4": "waiting for approval",
        "DU5": "failed",
        "DU9": "failed",
    }
    assert [name for name, one in told.items() if not one.is_enabled] == ["DU3", "DU9"]
    assert [name for name, one in told.items() if not one.is_configured] == ["DU9"]
    assert [name for name, one in told.items() if one.waits_for_you] == ["DU4"]
    assert told["DU4"].waiting_plan is not None
    assert "minimum_symbols" in told["DU5"].detail
    assert "DU9" in told["DU9"].detail
    assert told["DU1"].last_live is not None
    assert told["DU1"].last_live.summary is not None
    assert told["DU1"].last_live.summary.drift_after is not None


async def _lists(own: House, runs: int) -> bool:
    return (await own.client.count_workflows("WorkflowType = 'RebalanceAccount'")).count == runs


async def test_the_last_live_run_is_told_beside_the_dry_runs_that_came_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_module, "OWN_RUNS", 1)
    async with house({"DU1": Holding()}) as own:
        live = await (await own.trigger("DU1", "live")).result()
        await (await own.trigger("DU1", "dry", DRY)).result()
        for told in (await by_account(own))["DU1"], await status_of(own.client, "DU1", own.configuration.accounts):
            assert (told.mode, told.phase) == ("dry_run", "completed")
            assert told.last_live is not None
            assert told.last_live.summary is not None
            assert told.last_live.summary.event_ids == ("live",)
            assert live.outcome is not None
            assert told.last_live.summary.drift_after == live.outcome.drift


async def test_an_event_that_was_known_already_hides_no_failure() -> None:
    async with house({"DU5": Holding(more={"guards": {"minimum_symbols": 5}})}) as own:
        await failure_of(await own.trigger("DU5", "once"))
        await (await own.trigger("DU5", "once")).result()
        await until(lambda: _lists(own, 2))
        assert (await by_account(own))["DU5"].phase == "failed"


async def test_what_is_retried_is_told_with_the_error_and_since_when() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own:
        refusing = FaultRule(action="close_before", match=FaultMatch(request="reqContractDetails"), count=None)
        own.gateway.add_fault(refusing)
        await own.trigger("DU1")

        async def retried() -> bool:
            told = await status_of(own.client, "DU1", own.configuration.accounts)
            return any(step.is_retrying and step.failure for step in told.steps)

        await until(retried)
        (step, *_) = (await status_of(own.client, "DU1", own.configuration.accounts)).steps
        assert (step.activity, step.queue) == ("read_snapshot", "ibkr")
        assert step.attempt > 1
        await handle_of(own.client, "DU1").terminate()


async def test_without_a_worker_the_queue_is_told_by_the_server_alone() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        await own.trigger("DU1")
        told = await status_of(own.client, "DU1", own.configuration.accounts)
        assert (told.phase, told.detail, told.is_running) == ("starting", "no worker answers", True)
        standing = await read_installation(own.client, own.configuration)
        assert standing.gateways[0].holder is None
        assert standing.gateways[0].login is None
        assert not standing.listens


async def test_a_gateway_is_connected_since_its_worker_says_so() -> None:
    async with house({"DU1": Holding()}) as own:
        await (await own.trigger("DU1")).result()
        (gateway,) = (await read_installation(own.client, own.configuration)).gateways
    assert gateway.login is not None
    assert "DU1" in gateway.login.accounts
    assert gateway.holder is not None
    assert (gateway.waiting, gateway.is_stopped) == (0, False)


async def test_a_gateway_that_went_away_is_told_of_at_once_with_the_reason() -> None:
    async with house({"DU1": Holding()}) as own:
        await until(lambda: _is_connected(own))
        await own.gateway.__aexit__(None, None, None)
        await until(lambda: _has_a_problem(own))
        (gateway,) = (await read_installation(own.client, own.configuration)).gateways
        assert gateway.holder is None
        assert gateway.news[0].problem


async def _is_connected(own: House) -> bool:
    (gateway,) = (await read_installation(own.client, own.configuration)).gateways
    return gateway.holder is not None


async def _has_a_problem(own: House) -> bool:
    (gateway,) = (await read_installation(own.client, own.configuration)).gateways
    return gateway.holder is None and bool(gateway.news)


async def test_an_account_that_cannot_be_told_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}, workers=0) as own:
        await own.trigger("DU1")
        await until(lambda: _lists(own, 1))
        broken = handle_of(own.client, "DU2")

        async def refuses() -> object:
            raise RPCError("shard is busy", RPCStatusCode.UNAVAILABLE, b"")

        monkeypatch.setattr(broken, "describe", refuses)

        def handle(client: Client, account: str, run_id: str | None = None) -> object:
            return broken if account == "DU2" else handle_of(client, account, run_id)

        monkeypatch.setattr(status_module, "handle_of", handle)
        told = await by_account(own)
    assert (told["DU2"].phase, told["DU2"].detail) == (UNTOLD, "shard is busy")
    assert told["DU1"].phase == "starting"


async def test_what_is_halted_or_paused_is_told_of_the_whole_and_of_each_account() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}, workers=0) as own:
        for halt_id in (HALT_ID, pause_id("DU2")):
            await set_halt(own.client, halt_id, "mia@desk", "look first")
        await until(lambda: _both_are_listed(own))
        halts = (await read_installation(own.client, own.configuration)).halts
        told = held((await by_account(own)).values(), halts)
    assert [halt.who for halt in halts] == ["mia@desk", "mia@desk"]
    assert [len(one.held_by) for one in told] == [1, 2]
    assert "DU2 is paused" in told[1].held_by[1]


async def _both_are_listed(own: House) -> bool:
    return len(await read_halts(own.client)) == 2


async def test_an_account_that_nobody_knows_is_a_mistake() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        with pytest.raises(AccountUnknown, match="DU7 is not in the configuration and never ran here"):
            await status_of(own.client, "DU7", own.configuration.accounts)


async def test_the_limits_are_told_that_are_set() -> None:
    more = {"guards": {"maximum_order_value": 5000}, "never_buy": ["GLD", "EDC"], "tolerance_percent": "0.5"}
    async with house({"DU1": Holding(more=more)}, workers=0) as own:
        assert limits_of(own.configuration.account("DU1")) == {
            "cash_reserve_percent": "1",
            "tolerance_percent": "0.5",
            "never_buy": "EDC, GLD",
            "guards.maximum_order_value": "5000",
        }
