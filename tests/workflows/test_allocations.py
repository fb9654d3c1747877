"""Where the weights come from goes wrong: each gets its clear error, and nothing is traded (promise P7)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import WorkflowHistory

from simulator.allocations.server import SimulatedAllocations
from tests.house import WEIGHTS, Holding, House, failure_of, house

WEIGHTS_OK = {symbol: float(weight) for symbol, weight in WEIGHTS.items()}


@asynccontextmanager
async def two_accounts() -> AsyncGenerator[tuple[House, SimulatedAllocations]]:
    """DU1 follows the API's strategy ``shaky``, DU2 has a list of its own."""
    async with SimulatedAllocations({"shaky": WEIGHTS_OK}) as api:
        shaky = Holding(weights=None, url=f"{api.base_url}/shaky/allocations")
        async with house({"DU1": shaky, "DU2": Holding()}, api=api) as own:
            yield own, api


async def test_an_api_that_answers_500_three_times_delays_its_account_only() -> None:
    async with two_accounts() as (own, api):
        api.fail("shaky", status=500, times=3)
        shaky, sound = await own.trigger("DU1"), await own.trigger("DU2")
        for result in await asyncio.gather(shaky.result(), sound.result()):
            assert result.outcome is not None
        assert [request.status for request in api.requests] == [500, 500, 500, 200]


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ('[{"symbol": "QQQ", "allocation": 1.5}]', "QQQ"),
        ('[{"symbol": "QQQ", "allocation": -0.5}, {"symbol": "BND", "allocation": 1.5}]', "QQQ"),
        ('[{"symbol": "QQQ", "allocation": NaN}]', "QQQ"),
        ('[{"symbol": "QQQ", "allocation": 0.7}, {"symbol": "BND", "allocation": 0.7}]', "1.4"),
        ("[]", "empty"),
    ],
)
async def test_bad_weights_fail_with_words_and_change_nothing(weights: str, found: str) -> None:
    async with two_accounts() as (own, api):
        api.answer_raw("shaky", f'{{"status": "success", "data": {{"allocations": {weights}}}}}')
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "AllocationsInvalid"
        assert found in error.message
        assert own.accepted_orders("DU1") == []


@pytest.mark.parametrize("body", ["no json", "<!doctype html><title>Sign in</title>", '{"status": "error"}', ""])
async def test_an_answer_that_is_no_allocation_fails_with_words_and_changes_nothing(body: str) -> None:
    async with two_accounts() as (own, api):
        api.answer_raw("shaky", body)
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "AllocationsInvalid"
        assert own.accepted_orders("DU1") == []


async def test_a_refused_key_fails_at_once_and_says_what_to_check() -> None:
    async with two_accounts() as (own, api):
        api.fail("shaky", status=401, times=None)
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "AllocationsRefused"
        assert "ALLOCATIONS_API_KEY" in error.message
        assert len(api.requests) == 1


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_no_password_token_or_key_gets_into_the_history(status: int) -> None:
    async with SimulatedAllocations({"shaky": WEIGHTS_OK}) as api:
        url = f"http://user:hunter2@127.0.0.1:{api.port}/shaky/allocations?token=t0ken"
        async with house({"DU1": Holding(weights=None, url=url)}, api=api) as own:
            if status != 200:
                api.fail("shaky", status=status, times=2)
            handle = await own.trigger("DU1")
            await asyncio.gather(handle.result(), return_exceptions=True)
            told = everything_in(await handle.fetch_history())
        assert [secret for secret in ("hunter2", "t0ken", api.api_key) if secret in told] == []
        assert f"http://127.0.0.1:{api.port}" in told


def everything_in(history: WorkflowHistory) -> str:
    """The history with its payloads as text."""
    return "\n".join(event.SerializeToString().decode(errors="replace") for event in history.events)
