"""Where ``ib_async`` 2.1 is known to differ from ``ib_insync``: these tests fail with it, and must (a pytest plugin).

None of the differences reaches an order. One reaches the application: a request that the gateway refuses with error 321
ends by its time-out and is asked again, instead of at once.
"""

from collections.abc import Iterable
from typing import Final

import pytest

NEEDS_A_CON_ID: Final = "a contract without conId cannot be asked for quotes; the application's always have one"
KEEPS_ON_AFTER_321: Final = "error 321 is taken for a warning, so that the request it refuses ends by its time-out"
TELLS_NONE: Final = "what is not found by qualifyContracts is None in the list, instead of missing from it"

KNOWN: Final = {
    "test_any_request_can_be_answered_with_an_error": NEEDS_A_CON_ID,
    "test_figures_of_an_unknown_account_are_an_error": KEEPS_ON_AFTER_321,
    "test_values_that_were_refused_are_asked_for_again": KEEPS_ON_AFTER_321,
    "test_an_unknown_symbol_is_error_200": TELLS_NONE,
    "test_a_snapshot_has_bid_ask_and_last": NEEDS_A_CON_ID,
    "test_a_symbol_without_ticks_leaves_the_client_with_nan": NEEDS_A_CON_ID,
    "test_delayed_quotes_come_only_to_those_who_asked_for_them": NEEDS_A_CON_ID,
    "test_faulty_quotes_arrive_as_they_are": NEEDS_A_CON_ID,
    "test_prices_breathe_within_their_spread_and_are_told": NEEDS_A_CON_ID,
    "test_quotes_that_are_withdrawn_end_with_the_error_that_says_so": NEEDS_A_CON_ID,
    "test_the_control_port_changes_what_followers_are_told_and_back": NEEDS_A_CON_ID,
    "test_without_entitlement_there_is_no_quote": NEEDS_A_CON_ID,
}


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Expect these to fail; one that does not any more is told."""
    for item in items:
        if reason := KNOWN.get(item.name.partition("[")[0]):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
            item.add_marker(pytest.mark.timeout(20))
