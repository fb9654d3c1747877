"""Two builds of this program at one server: what one begins the other finishes, or is refused before it breaks it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from contract.releases import Release, release_in_charge, release_of
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from testbed.waiting import until
from tests.house import Holding, phase_reached
from tests.source_tree import ROOT
from tests.upgrades.releases import BARE_STEP, PATCHED_STEP, Site, release, site

pytestmark = pytest.mark.faults

ASKING = Holding(more={"approval": {"required": "always"}})
ENDED = 20.0
"""Seconds for a worker that is refused to end."""


async def release_at(own: Site, account: str) -> Release | None:
    """The release that an account's latest run belongs to."""
    return release_of(await own.house.handle(account).describe())


async def goes_with(own: Site, account: str, number: str) -> bool:
    """Whether that is one of this number."""
    found = await release_at(own, account)
    return found is not None and found.number == number


def opens_soon() -> dict[str, Any]:
    """A market that opens at the next full minute, or the one after where that is too near to end a process before."""
    opens = (datetime.now(UTC) + timedelta(seconds=80)).replace(second=0, microsecond=0)
    return {"hours": "listed", "sessions": [{"opens": opens, "closes": opens + timedelta(hours=6)}]}


async def test_what_waits_for_the_open_under_one_release_is_finished_under_the_next(tmp_path: Path) -> None:
    following = release(tmp_path / "next", "0.2.0", PATCHED_STEP)
    async with site(tmp_path, {"DU1": Holding()}, **opens_soon()) as own:
        before = await own.worker("before", ROOT)
        handle = await own.house.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        await before.stop()
        await own.worker("following", following)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.phase is Phase.COMPLETED
        assert await goes_with(own, "DU1", "0.2.0")
        assert len(own.house.accepted_orders("DU1")) == 3


async def test_a_rebalance_in_its_buy_leg_is_finished_under_the_next_release_with_no_order_twice(
    tmp_path: Path,
) -> None:
    following = release(tmp_path / "next", "0.2.0", PATCHED_STEP)
    async with site(tmp_path, {"DU1": Holding()}, latency={"fill": (15, 15)}) as own:
        before = await own.worker("before", ROOT)
        handle = await own.house.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        await until(lambda: len(own.house.accepted_orders("DU1")) == 3)
        await before.kill()
        await own.worker("following", following)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.phase is Phase.COMPLETED
        assert await goes_with(own, "DU1", "0.2.0")
        assert len(own.house.accepted_orders("DU1")) == 3


async def test_a_release_that_does_other_steps_is_refused_and_the_one_that_began_finishes(tmp_path: Path) -> None:
    other = release(tmp_path / "other", "0.2.0", BARE_STEP)
    async with site(tmp_path, {"DU1": Holding()}, latency={"fill": (15, 15)}) as own:
        began = await own.worker("began", ROOT)
        handle = await own.house.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        refused = await own.worker("refused", other)
        assert await refused.ended(ENDED) == 2
        told = own.said(refused)
        assert "cannot go on with these open runs: rebalance-DU1 (begun by 0.1.0-" in told
        assert "TMPRL1100" in told
        assert "Traceback" not in told
        assert "gateway" not in told, "it must not come near the gateway"
        assert began.is_running
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.phase is Phase.COMPLETED
        assert await goes_with(own, "DU1", "0.1.0")
        await began.stop()
        await own.worker("at-last", other)
        await (await own.house.trigger("DU1", "event-2", ExecutionMode.DRY_RUN)).result()
        assert await goes_with(own, "DU1", "0.2.0")


async def test_side_by_side_each_release_goes_on_with_its_own_and_new_runs_begin_with_the_newer_one(
    tmp_path: Path,
) -> None:
    other = release(tmp_path / "other", "0.2.0", BARE_STEP)
    async with site(tmp_path, {"DU1": ASKING, "DU2": Holding()}) as own:
        began = await own.worker("began", ROOT)
        waiting = await own.house.trigger("DU1")
        await phase_reached(waiting, Phase.WAITING_FOR_APPROVAL)
        newer = await own.worker("newer", other, "--beside")
        await until(lambda: own.said(newer).count("left to workers of their own releases"))
        await until(lambda: _is_in_charge(own, "0.2.0"))
        await (await own.house.trigger("DU2", mode=ExecutionMode.DRY_RUN)).result()
        assert await goes_with(own, "DU2", "0.2.0")
        await phase_reached(waiting, Phase.WAITING_FOR_APPROVAL)  # a worker answers
        assert await goes_with(own, "DU1", "0.1.0")
        await began.stop()
        again = await own.worker("began-again", ROOT)
        await until(lambda: own.said(again).count("only goes on with its own runs"))
        await phase_reached(waiting, Phase.WAITING_FOR_APPROVAL)
        await own.desk.run("reject", "DU1")
        await until(lambda: _has_ended(own, "DU1"))
        assert await goes_with(own, "DU1", "0.1.0")


async def test_an_older_release_alone_is_refused_until_the_operator_goes_back(tmp_path: Path) -> None:
    newer = release(tmp_path / "newer", "0.2.0", PATCHED_STEP)
    async with site(tmp_path, {"DU1": Holding()}) as own:
        first = await own.worker("first", newer)
        await (await own.house.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert await goes_with(own, "DU1", "0.2.0")
        await first.stop()
        back = await own.worker("back", ROOT, "--roll-back")
        await (await own.house.trigger("DU1", "event-2", ExecutionMode.DRY_RUN)).result()
        assert await goes_with(own, "DU1", "0.1.0")
        assert back.is_running


async def _has_ended(own: Site, account: str) -> bool:
    return (await own.house.handle(account).describe()).status is not WorkflowExecutionStatus.RUNNING


async def _is_in_charge(own: Site, number: str) -> bool:
    found = await release_in_charge(own.house.client)
    return found is not None and found.number == number
