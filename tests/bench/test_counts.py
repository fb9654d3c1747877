"""Guards the work that was saved: a change that makes rebalances dearer by more than 30 % is noticed."""

import pytest

from tests.bench.counting import Counts, count, recorded

LOSS = 1.3


@pytest.fixture(scope="module")
def counted_now() -> list[Counts]:
    """Filled by the first test that needs it, so that the six accounts are rebalanced once."""
    return []


@pytest.mark.parametrize("what", ["messages", "events", "visits"])
async def test_a_rebalance_costs_no_more_than_recorded_within_thirty_percent(
    what: str, counted_now: list[Counts]
) -> None:
    if not counted_now:
        counted_now.append(await count())
    now, then = counted_now[0], recorded()
    assert now.orders == then.orders
    assert getattr(now, what) <= LOSS * getattr(then, what)


def test_messages_are_few_beside_the_orders_even_in_a_small_run() -> None:
    assert recorded().messages <= 1.2 * (recorded().orders + 4)
