"""Callers who wait: how many may, for how long, and that nothing depends on them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from rebalancing.outcomes import Phase
from simulator.gateway.scenario import Latency
from testbed.waiting import until
from tests.house import Holding, House, house, phase_reached
from tests.starter.web.api import TRADE, Api, api_of

SLOW = Latency(request=0.001, ack=0.001, fill=(60, 61), commission=0.005)
"""An order works for a minute before it fills."""


@pytest.fixture
async def slow(looks_real: None) -> AsyncIterator[House]:
    """A house in whose market every order works for a minute."""
    async with house({"DU1": Holding(), "DU2": Holding()}, latency=SLOW) as built:
        yield built


async def test_the_next_one_is_told_to_come_again_and_nothing_is_done_for_it(slow: House, tmp_path: Path) -> None:
    async with api_of(slow, tmp_path, places=1, trust_loopback=True) as api:
        waiting = asyncio.create_task(api.client.post("/rebalance/DU1", json=TRADE))
        await until(lambda: slow.accepted_orders("DU1"))
        refused = await api.client.post("/rebalance/DU2", json=TRADE)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "max_concurrent_requests" in refused.json()["detail"]
        assert not await is_known(slow, "DU2")

        await slow.handle("DU1").cancel()
        told = (await waiting).json()
        assert (told["status"], "cancelled; filled:" in told["message"]) == ("error", True)
        assert (await api.client.post("/rebalance/DU2/dry-run")).json()["status"] == "success"


async def is_known(own: House, account: str) -> bool:
    """Whether a rebalance of the account was ever asked for."""
    return bool((await own.client.count_workflows(f"WorkflowId = 'rebalance-{account}'")).count)


async def test_who_would_wait_too_long_is_told_where_to_look_and_it_goes_on(slow: House, tmp_path: Path) -> None:
    async with api_of(slow, tmp_path, trust_loopback=True, operation_timeout=0.5) as api:
        answer = await api.client.post("/rebalance/DU1", json=TRADE, headers={"Idempotency-Key": "e-1"})
    accepted = answer.json()
    assert (answer.status_code, accepted["event_id"], accepted["execution_mode"]) == (202, "e-1", "live")
    assert answer.headers["location"] == accepted["look_at"] == "/accounts/DU1/status"
    await phase_reached(slow.handle("DU1"), Phase.BUYING)


async def test_what_waits_for_a_person_is_told_at_once(looks_real: None, tmp_path: Path) -> None:
    asking = Holding(more={"approval": {"required": "always"}})
    async with house({"DU1": asking}) as own, api_of(own, tmp_path, trust_loopback=True) as api:
        answer = await api.client.post("/rebalance/DU1", json=TRADE)
        assert answer.status_code == 202
        assert "waiting for approval of plan" in answer.json()["message"]
        await phase_reached(own.handle("DU1"), Phase.WAITING_FOR_APPROVAL)
        await own.handle("DU1").cancel()


async def test_a_caller_who_leaves_changes_nothing_and_frees_the_place(slow: House, tmp_path: Path) -> None:
    async with api_of(slow, tmp_path, places=1, trust_loopback=True) as api:
        async with httpx.AsyncClient(base_url=api.address, trust_env=False) as leaving:
            request = asyncio.create_task(leaving.post("/rebalance/DU1", json=TRADE))
            await until(lambda: slow.accepted_orders("DU1"))
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request

        async def is_free() -> bool:
            return (await api.client.post("/rebalance/DU2/dry-run")).status_code == 200

        await until(is_free)
        await phase_reached(slow.handle("DU1"), Phase.BUYING)


async def test_the_same_key_is_carried_out_once(own: House, api: Api) -> None:
    headers = api.as_("trader") | {"Idempotency-Key": '"may"'}
    first = await api.client.post("/rebalance/DU1", json=TRADE, headers=headers)
    orders = len(own.accepted_orders("DU1"))
    again = await api.client.post("/rebalance/DU1", json=TRADE, headers=headers)
    assert [first.json()["status"], again.json()["status"]] == ["success", "success"]
    assert again.json()["orders"] == []
    assert len(own.accepted_orders("DU1")) == orders > 0
    (event,) = (await own.remembered("DU1")).records
    assert event.event_id == "may"
