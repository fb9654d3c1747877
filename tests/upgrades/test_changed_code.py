"""A worker whose code cannot go on with what runs: status, cancel and halt do without the workflow's own code."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from rebalancing.outcomes import Phase
from testbed.waiting import until
from tests.house import Holding, phase_reached
from tests.source_tree import ROOT
from tests.upgrades.releases import BARE_STEP, UNCHECKED, Site, release, site

pytestmark = pytest.mark.faults

ACCOUNTS = {"DU1": Holding(weights={"QQQ": "1"}), "DU2": Holding(more={"approval": {"required": "always"}})}
SLOW = {"latency": {"fill": (300, 300)}}


@pytest.fixture
async def unreadable(tmp_path: Path) -> AsyncGenerator[Site]:
    """An order of DU1 at work and a plan of DU2 waiting, and a worker of one changed step in the place of theirs."""
    changed = release(tmp_path / "changed", "0.1.0", BARE_STEP, UNCHECKED)
    async with site(tmp_path, ACCOUNTS, **SLOW) as own:
        before = await own.worker("before", ROOT)
        await phase_reached(await own.house.trigger("DU2"), Phase.WAITING_FOR_APPROVAL)
        await phase_reached(await own.house.trigger("DU1"), Phase.BUYING)
        await until(lambda: own.house.accepted_orders("DU1"))
        await before.stop()
        await own.worker("changed", changed)
        yield own


def works(own: Site) -> bool:
    """Whether an order of DU1 is at work at the broker."""
    return any(order.status == "Submitted" for order in own.house.accepted_orders("DU1"))


async def test_status_tells_of_every_account_and_why_no_worker_answers_of_one(unreadable: Site) -> None:
    async def is_told() -> bool:
        told = await unreadable.desk.standings()
        return len(told) == 2 and all("TMPRL1100" in each["detail"] for each in told)

    await until(is_told)
    phases = {each["account"]: each["phase"] for each in await unreadable.desk.standings()}
    assert phases == {"DU1": "buying", "DU2": "waiting for approval"}
    answer = await unreadable.desk.run("status")
    assert answer.status == 3, answer.errors
    assert "this release does other steps than the run has done already" in " ".join(answer.output.split())


async def test_cancel_says_that_nobody_hears_it_and_at_the_broker_it_cancels_all_the_same(unreadable: Site) -> None:
    unheard = await unreadable.desk.run("cancel", "DU1", timeout=20)
    assert unheard.status == 1
    assert "rebalancer cancel --at-broker DU1" in unheard.errors
    assert works(unreadable)
    cancelled = await unreadable.desk.run("cancel", "--at-broker", "DU1")
    assert cancelled.status == 0, cancelled.errors
    assert "No order of DU1 that was placed here works any more" in cancelled.output
    assert not works(unreadable)
    unknown = await unreadable.desk.run("cancel", "--at-broker", "DU9")
    assert unknown.status == 2, unknown


async def test_halting_cancels_the_orders_of_a_rebalance_that_no_worker_can_go_on_with(unreadable: Site) -> None:
    answer = await unreadable.desk.run("halt", "--cancel-orders")
    assert answer.status == 0, answer.errors
    assert not works(unreadable)


async def test_the_doctor_says_of_each_run_that_its_code_cannot_go_on_and_what_to_do(unreadable: Site) -> None:
    async def is_told() -> bool:
        answer = await unreadable.desk.run("doctor", "--json")
        found = {each["about"]: each for each in json.loads(answer.output)["findings"]}
        runs = [found.get(f"rebalance-{account}", {"what": "", "to_do": ""}) for account in ACCOUNTS]
        is_so = all("TMPRL1100" in run["what"] and "cancel --at-broker" in run["to_do"] for run in runs)
        return is_so and answer.status == 1

    await until(is_told)
