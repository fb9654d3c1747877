"""When a leg may be started around the gateway's daily restart."""

from datetime import UTC, datetime

import pytest

from rebalancing.market.gateway_restart import parse_restart, restart_over_at

EASTERN = "23:45 US/Eastern"


def at(text: str) -> datetime:
    """A moment of 24 November 2026 (or the day after) in UTC; US/Eastern is five hours behind."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("moment", ["2026-11-25T04:42:59", "2026-11-25T04:48:00", "2026-11-24T15:00:00"])
def test_away_from_the_restart_nothing_is_waited_for(moment: str) -> None:
    assert restart_over_at(EASTERN, at(moment)) is None


@pytest.mark.parametrize("moment", ["2026-11-25T04:43:00", "2026-11-25T04:45:00", "2026-11-25T04:47:59"])
def test_from_two_minutes_before_it_until_it_is_over_it_is_waited_for(moment: str) -> None:
    assert restart_over_at(EASTERN, at(moment)) == at("2026-11-25T04:48:00")


def test_a_restart_at_midnight_is_seen_from_the_day_before() -> None:
    assert restart_over_at("00:01 UTC", at("2026-11-24T23:59:30")) == at("2026-11-25T00:04:00")


def test_the_zones_daylight_saving_is_followed() -> None:
    assert restart_over_at(EASTERN, at("2026-07-02T03:44:00")) == at("2026-07-02T03:48:00")


@pytest.mark.parametrize("text", ["", "23:45", "25:00 US/Eastern", "23:45 Nowhere/Land", "now UTC", "23:45 ../etc"])
def test_what_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="23:45 US/Eastern"):
        parse_restart(text)
