"""Commands about many accounts at once, and commands that ask before they trade."""

import json
import signal
from pathlib import Path

from rebalancing.account_names import NO_ALIASES
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk.known_login import known_login
from starter.desk.runs import OURS
from testbed.waiting import until
from tests.cli.command import Desk, desk
from tests.house import Holding, House, house, phase_reached

ASKING = Holding(more={"approval": {"required": "always"}})
GUARDED = Holding(more={"guards": {"minimum_symbols": 5}})
BOTH = ("DU1000001", "DU1000004")
"""Those of the desk's accounts that are enabled; they follow the strategy ``blend``."""


def placed(own: House) -> int:
    """Orders that the gateway was sent, of both accounts."""
    return sum(len(own.accepted_orders(account)) for account in BOTH)


async def test_all_accounts_are_planned_and_run_with_one_table_of_before_and_after(tmp_path: Path) -> None:
    async with house({account: Holding() for account in BOTH}) as own:
        operator = desk(tmp_path, **own.variables)
        planned = json.loads((await operator.run("plan", "--all", "--json")).output)
        assert [each["account"] for each in planned] == [*BOTH]
        assert all(float(each["drift_before"]) > 90 > 1 > float(each["drift_after"]) for each in planned)
        assert placed(own) == 0

        unasked = await operator.run("run", "--strategy", "blend", "--live", "--wait")
        assert unasked.status == 2
        assert "give --yes" in unasked.errors
        assert placed(own) == 0
        traded = await operator.run("run", "--strategy", "blend", "--live", "--wait", "--yes")
        assert traded.status == 0, traded.errors
        assert all(account in traded.output for account in BOTH)
        assert "(2 of 2)" in traded.errors
        assert placed(own) == 6

        unknown = await operator.run("run", "--strategy", "nobody")
        assert unknown.status == 2
        assert "followed are: blend" in unknown.errors
        for wrong in ((), ("--all", "DU1000001"), ("--all", "--strategy", "blend")):
            assert (await operator.run("run", *wrong)).status == 2


async def test_a_run_that_waits_for_a_person_is_not_waited_for(tmp_path: Path) -> None:
    async with house({"DU1000001": ASKING, "DU1000004": Holding()}) as own:
        operator = desk(tmp_path, **own.variables)
        both = await operator.run("run", "--all", "--live", "--wait", "--yes", "--json")
        assert both.status == 3, both.errors
        assert [each["waits_for_you"] for each in json.loads(both.output)] == [True, False]
        again = await operator.run("run", "DU1000001", "--live", "--wait", "--event-id", "other")
        assert again.status == 3, again.errors
        assert "rebalancer approve DU1000001" in again.errors
        shown = await operator.run("approve", "--all")
        assert shown.status == 3
        assert (await operator.run("approve", "--all", "--yes")).status == 0
        await own.handle("DU1000001").result()
        assert (await operator.run("approve", "--all")).status == 0


async def test_at_a_terminal_a_yes_is_asked_for_before_anything_trades(tmp_path: Path) -> None:
    async with house({"DU1000001": ASKING, "DU1000004": Holding()}) as own:
        operator = desk(tmp_path, **own.variables)
        await until(lambda: known_login(own.client, None, NO_ALIASES))
        refused = await operator.run_at_terminal("run", "DU1000004", "--live", "--wait", typed="n\n")
        assert refused.status == 1
        assert "Trade in DU1000004?" in refused.errors
        assert "the simulated gateway with" in refused.errors
        assert placed(own) == 0
        traded = await operator.run_at_terminal("run", "DU1000004", "--live", "--wait", typed="y\n")
        assert traded.status == 0, traded.errors
        assert placed(own) == 3

        handle = await own.trigger("DU1000001")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        not_yet = await operator.run_at_terminal("approve", "DU1000001", typed="n\n")
        assert not_yet.status == 3
        assert "it still waits" in not_yet.errors
        approved = await operator.run_at_terminal("approve", "DU1000001", typed="y\n")
        assert approved.status == 0, approved.errors
        assert (await handle.result()).outcome is not None


async def test_what_failed_is_retried_and_what_is_complete_is_not(tmp_path: Path) -> None:
    async with house({"DU1000001": GUARDED, "DU1000004": Holding()}) as own:
        operator = desk(tmp_path, **own.variables)
        assert (await operator.run("run", "--all", "--live", "--wait", "--yes")).status == 1
        await until(lambda: _closed(own, 2))
        own.configuration = own.configuration.model_copy(
            update={"accounts": tuple(_without_guards(own, account) for account in BOTH)}
        )
        own.in_use.use(own.configuration)
        complete = await operator.run("retry", "DU1000004", "--yes")
        assert complete.status == 1
        assert "is completed; there is nothing to retry" in complete.errors
        retried = await operator.run("retry", "--failed", "--yes", "--wait")
        assert retried.status == 0, retried.errors
        assert "minimum_symbols" in retried.errors
        assert placed(own) == 6
        await until(lambda: _closed(own, 3))
        assert "nothing to retry" in (await operator.run("retry", "--failed", "--yes")).errors


def _without_guards(own: House, account: str) -> object:
    guards = Holding().more.get("guards", {})
    configured = own.configuration.account(account)
    return configured.model_copy(update={"guards": type(configured.guards).model_validate(guards)})


async def _closed(own: House, count: int) -> bool:
    return (await own.client.count_workflows(f"{OURS} AND ExecutionStatus != 'Running'")).count == count


async def test_who_stops_waiting_is_told_that_the_rebalance_goes_on(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}) as own:
        own.gateway.add_fault(FaultRule(action="delay", seconds=60, match=FaultMatch(request="placeOrder")))
        operator = desk(tmp_path, **own.variables)
        process = await operator.start("run", "DU1000001", "--live", "--wait")
        await until(lambda: _runs(own))
        await phase_reached(own.handle("DU1000001"), Phase.BUYING)
        assert process.stderr is not None
        seen = b""
        while b"buying" not in seen:
            seen += await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert process.returncode == 130
        assert b"the rebalance of DU1000001 goes on" in errors
        assert b"rebalancer cancel DU1000001" in errors
        queued = await operator.run("run", "DU1000001", "--event-id", "later", "--json")
        assert json.loads(queued.output)["standing"] == "queued"
        assert "queued behind run" in queued.errors
        await own.handle("DU1000001").cancel()


async def _runs(own: House) -> bool:
    return (await own.client.count_workflows(OURS)).count == 1


async def test_an_event_id_that_is_known_is_said_to_be(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}) as own:
        operator: Desk = desk(tmp_path, **own.variables)
        first = await operator.run("run", "DU1000001", "--event-id", "e-1", "--wait")
        assert first.status == 0, first.errors
        assert "known" not in first.errors
        again = await operator.run("run", "DU1000001", "--event-id", "e-1", "--json")
        assert json.loads(again.output)["standing"] == "known"
        assert "known already, completed (dry_run)" in again.errors


async def test_the_version_is_told() -> None:
    answer = await Desk(Path.cwd()).run("--version")
    assert (answer.status, answer.output.split()[0]) == (0, "rebalancer")
