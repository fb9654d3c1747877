"""The README's second step, from an empty folder to the end: ``up --simulated``, then ``run``."""

from pathlib import Path

from configuration.configuration import load_configuration
from simulator.gateway.scenario import DEMO_SCENARIO, load_scenario
from starter.cli.setup import SIMULATED_ACCOUNTS
from tests.cli.command import Desk, desk, up
from tests.documentation.newcomer import lines


def commands_of_the_readme() -> list[list[str]]:
    """The words after ``rebalancer`` in the commands of the second step, as somebody types them."""
    return [line.split()[1:] for line in lines() if line.startswith("rebalancer ")]


async def test_the_readmes_second_step_works_in_an_empty_folder(tmp_path: Path) -> None:
    first, *others = commands_of_the_readme()
    assert first == ["up", "--simulated"]
    assert {"--live" in command for command in others} == {True, False}
    own = desk(tmp_path, accounts=None)
    async with up(own, *first[1:]):
        for command in others:
            answer = await own.run(*command)
            assert answer.status == 0, answer.output + answer.errors
            assert "Traceback" not in answer.errors
        (standing,) = [one for one in await own.standings() if one["phase"] != "never run"]
    assert (standing["account"], standing["phase"]) == ("DU1000001", "completed")


async def test_every_account_that_comes_along_gets_through(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated"):
        for account in load_configuration(SIMULATED_ACCOUNTS).enabled_accounts:
            answer = await own.run("run", account.account_id, "--wait")
            assert answer.status == 0, answer.output + answer.errors


async def test_ones_own_accounts_go_before_those_that_come_along(tmp_path: Path) -> None:
    own = desk(tmp_path)
    async with up(own, "--simulated"):
        assert (await own.run("run", "DU1000004", "--wait")).status == 0
        answer = await own.run("run", "DU1000002", "--wait")
    assert answer.status == 2
    assert "DU1000002 is not in the configuration, which has DU1000001, DU1000004" in " ".join(answer.errors.split())


async def test_accounts_that_the_simulated_gateway_does_not_hold_are_told_at_once(tmp_path: Path) -> None:
    accounts = "accounts: [{account_id: U1234567, strategy_name: a}, {account_id: DU1000001, strategy_name: a}]\n"
    own = desk(tmp_path, accounts)
    async with up(own, "--simulated", until="does not hold U1234567: list them in a scenario"):
        pass


async def refused(own: Desk, *command: str) -> None:
    answer = await own.run(*command)
    assert answer.status == 2, answer.output + answer.errors
    assert "cannot be read (No such file or directory)" in " ".join(answer.errors.split())


async def test_nothing_that_trades_for_real_takes_them(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    for command in ("up", "worker", "listen"):
        await refused(own, command)
    own.variables["ACCOUNTS_FILE"] = "mine.yaml"
    for command in (("up", "--simulated"), ("run", "DU1000001")):
        await refused(own, *command)


def test_they_are_those_of_the_simulated_gateway_and_hold_what_it_trades() -> None:
    scenario = load_scenario(DEMO_SCENARIO)
    configuration = load_configuration(SIMULATED_ACCOUNTS)
    assert {own.account_id for own in configuration.accounts} == {own.account for own in scenario.accounts}
    traded = {instrument.symbol for instrument in scenario.instruments}
    for account in configuration.accounts:
        assert account.written_targets
        assert set(account.written_targets.tradable) <= traded
