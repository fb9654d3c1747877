"""``rebalancer status``, as people run it."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.client import Client

from rebalancing.accounts import Account
from rebalancing.outcomes import Phase
from starter.cli import status
from starter.cli.mistakes import WAITS_FOR_YOU
from starter.desk.account_status import AccountStatus
from starter.desk.status import read_statuses
from testbed.waiting import until
from tests.cli.command import ACCOUNTS, desk
from tests.house import Holding, house, phase_reached

ASKING = Holding(more={"approval": {"required": "always"}})


async def test_it_tells_of_gateways_and_listener_and_of_each_account_with_its_limits(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}) as own:
        operator = desk(tmp_path, **own.variables)
        assert (await operator.run("run", "DU1000001", "--live", "--wait")).status == 0
        told = await operator.run("status")
        assert told.status == 0, told.errors
        assert "gateway: connected since" in told.output
        assert "listener: does NOT run" in told.output
        for account, word in (("DU1000001", "completed"), ("DU1000004", "never run"), ("DU1000005", "disabled")):
            assert any(account in line and word in line for line in told.output.splitlines()), told.output
        one = await operator.run("status", "DU1000001")
        assert "limits: cash_reserve_percent 1" in one.output
        assert json.loads((await operator.run("status", "DU1000001", "--json")).output)["accounts"][0]["limits"]


async def test_an_account_that_nobody_knows_is_for_you_to_correct(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}, workers=0) as own:
        operator = desk(tmp_path, **own.variables)
        unknown = await operator.run("status", "DU7")
        assert unknown.status == 2
        assert "DU7 is not in the configuration and never ran here" in unknown.errors
        assert (await operator.run("status", "--watch", "--json")).status == 2


async def test_a_configuration_that_cannot_be_used_hides_nothing_that_is_known_without_it(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}) as own:
        operator = desk(tmp_path, ACCOUNTS + "strange: 1\n", **own.variables)
        await (await own.trigger("DU1000001")).result()
        told = await operator.run("status")
        assert told.status == 0
        assert "strange: found an unknown key" in told.errors
        assert "DU1000001" in told.output


async def test_watching_looks_again_until_a_signal_which_is_its_normal_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "LOOK_EVERY", 0.05)
    looks: list[list[AccountStatus]] = [[]]

    async def look(client: Client, account: str | None, configured: Sequence[Account]) -> list[AccountStatus]:
        looks.append(await read_statuses(client, account, configured))
        return looks[-1]

    monkeypatch.setattr(status, "read_statuses", look)
    async with house({"DU1000001": ASKING}) as own:
        desk(tmp_path)
        monkeypatch.chdir(tmp_path)
        for name, value in own.variables.items():
            monkeypatch.setenv(name, value)
        before = signal.getsignal(signal.SIGINT)
        watching = asyncio.create_task(status.run_status_command(None, as_json=False, watch=True))
        await until(lambda: signal.getsignal(signal.SIGINT) is not before or watching.done())
        await phase_reached(await own.trigger("DU1000001"), Phase.WAITING_FOR_APPROVAL)
        await until(lambda: any(one.waits_for_you for one in looks[-1]))
        shown = len(looks)
        await until(lambda: len(looks) > shown)
        os.kill(os.getpid(), signal.SIGINT)
        assert await watching == WAITS_FOR_YOU
    assert "waiting for approval" in " ".join(capsys.readouterr().out.split())
