"""``rebalancer doctor``: what is wrong, why, and what to do; nothing where nothing is."""

import json
from pathlib import Path

from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import Answer, Desk, desk
from tests.house import Holding, house, phase_reached
from worker.build import own_release

BUSY = "again later"
"""What the server says where it is too busy."""


async def asked(own: Desk, *options: str) -> Answer:
    """What it says, once the server has the time for it."""
    while BUSY in (answer := await own.run("doctor", *options)).errors:
        pass
    return answer


async def findings(own: Desk) -> dict[str, str]:
    """What it finds wrong, by what that is about."""
    answer = await asked(own, "--json")
    told = json.loads(answer.output)
    assert answer.status == (1 if told["findings"] else 0), answer.errors
    return {each["about"]: f"{each['what']}; {each['to_do']}" for each in told["findings"]}


async def test_nothing_is_found_where_everything_works(tmp_path: Path) -> None:
    asking = Holding(more={"approval": {"required": "always"}})
    async with house({"DU1000001": asking}) as house_:
        own = desk(tmp_path, **house_.variables)
        await phase_reached(await house_.trigger("DU1000001"), Phase.WAITING_FOR_APPROVAL)
        answer = await asked(own)
        assert (answer.status, answer.errors) == (0, "")
        assert "Nothing is stuck" in answer.output
        release = own_release().build_id
        assert f"open runs {release}: 1" in " ".join(answer.output.split())


async def test_without_a_worker_it_names_the_queues_that_nobody_polls(tmp_path: Path) -> None:
    async with temporal_server() as server:
        own = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        found = await findings(own)
        assert set(found) == {"queue rebalances", "queue ibkr", "queue ibkr-fills"}
        assert "rebalancer worker" in found["queue rebalances"]
        (tmp_path / "accounts.yaml").write_text("accounts: [")
        assert set(await findings(own)) == set(found)
        await own.run("halt", "--reason", "a test")
        assert "rebalancer resume" in (await findings(own))["trading"]


async def test_a_step_that_is_tried_again_and_again_is_told_with_its_error(tmp_path: Path) -> None:
    async with house({"DU1000001": Holding()}) as house_:
        own = desk(tmp_path, **house_.variables)
        house_.gateway.add_fault(
            FaultRule(action="close_before", match=FaultMatch(request="reqContractDetails"), count=None)
        )
        await house_.trigger("DU1000001")

        async def is_told() -> bool:
            return "read_snapshot: attempt" in (await findings(own)).get("rebalance-DU1000001", "")

        await until(is_told)
