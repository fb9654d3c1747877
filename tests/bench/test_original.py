"""The model of the original fits what its own code was seen to do at the simulated gateway."""

import math

import pytest

from bench.accounts.original import QUOTE_WAIT, OriginalRun, measure_original
from bench.portfolios import CASH_TARGETS, cash_portfolios

ACCOUNTS = 6
MESSAGES_OF_THE_CODE = 193
SECONDS_OF_THE_CODE = 12.5
NEAR = 0.15


@pytest.fixture(scope="module")
def runs() -> list[OriginalRun]:
    """Filled by the first test that needs it, so that the accounts are rebalanced once."""
    return []


async def run(runs: list[OriginalRun]) -> OriginalRun:
    if not runs:
        runs.append(await measure_original(cash_portfolios(ACCOUNTS)))
    return runs[0]


async def test_it_sends_as_many_messages_as_the_original_did(runs: list[OriginalRun]) -> None:
    found = await run(runs)
    assert found.messages == pytest.approx(MESSAGES_OF_THE_CODE, rel=NEAR)
    lines = ACCOUNTS * CASH_TARGETS
    assert found.by_kind["placeOrder"] == found.by_kind["reqMktData"] == found.by_kind["cancelMktData"] == lines
    assert found.by_kind["reqContractDetails"] == 2 * lines


async def test_it_takes_as_long_as_the_original_did_because_accounts_wait_for_each_others_quotes(
    runs: list[OriginalRun],
) -> None:
    found = await run(runs)
    assert found.seconds >= ACCOUNTS * QUOTE_WAIT
    # A busy machine makes it slower, never faster: only as near as it can be told without one.
    assert found.seconds >= (1 - NEAR) * SECONDS_OF_THE_CODE
    assert math.floor(found.seconds / QUOTE_WAIT) <= ACCOUNTS + 2


async def test_it_breaks_the_reserve(runs: list[OriginalRun]) -> None:
    assert (await run(runs)).below_reserve > 0
