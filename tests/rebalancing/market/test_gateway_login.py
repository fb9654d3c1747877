"""When a gateway's weekly login ends next."""

from datetime import UTC, datetime

import pytest

from rebalancing.market.gateway_login import next_login_end, parse_login_end

SUNDAY = "SUN 01:00 America/New_York"


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-24T12:00", "2026-11-29T06:00"),
        ("2026-11-29T05:59", "2026-11-29T06:00"),
        ("2026-11-29T06:00", "2026-12-06T06:00"),
        ("2026-10-26T00:00", "2026-11-01T05:00"),  # that day the clocks go back, an hour later
        ("2026-03-09T00:00", "2026-03-15T05:00"),
    ],
)
def test_it_ends_on_that_day_at_that_time_in_its_own_zone(now: str, ends: str) -> None:
    found = next_login_end(SUNDAY, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(ends).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "01:00 America/New_York", "SUNDAY 01:00 UTC", "SUN 25:00 UTC", "SUN 01:00 Moon"])
def test_what_is_none_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="as in 'SUN 01:00 America/New_York'"):
        parse_login_end(text)
