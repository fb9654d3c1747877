"""Trading hours on real calendars: half-days, holidays, changes of the clocks, other zones, weekends, odd spellings."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from rebalancing.market.trading_hours import (
    ZONES,
    HoursInvalid,
    TradingSession,
    common_sessions,
    exchange_zone,
    is_open,
    merged,
    next_open,
    on_the_clocks_of,
    read_sessions,
)

THANKSGIVING_WEEK = (
    "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300;20261128:CLOSED;20261129:CLOSED;"
    "20261130:0930-20261130:1600"
)
SPRING = "20260306:0930-20260306:1600;20260307:CLOSED;20260308:CLOSED;20260309:0930-20260309:1600"
AUTUMN = "20261030:0930-20261030:1600;20261031:CLOSED;20261101:CLOSED;20261102:0930-20261102:1600"
TOKYO = "20261125:0900-20261125:1130,20261125:1230-20261125:1530;20261126:0900-20261126:1130"
LONDON = "20261125:0800-20261125:1630;20261126:0800-20261126:1630"


def utc(text: str) -> datetime:
    """A moment in UTC, written ``2026-11-27 14:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def session(opens: str, closes: str) -> TradingSession:
    """A session between two moments in UTC."""
    return TradingSession(opens_at=utc(opens), closes_at=utc(closes))


def test_the_day_after_thanksgiving_closes_at_one_in_new_york() -> None:
    week = read_sessions(THANKSGIVING_WEEK, "US/Eastern")
    assert week[1] == session("2026-11-27 14:30", "2026-11-27 18:00")
    assert is_open(week, utc("2026-11-27 17:59"))
    assert not is_open(week, utc("2026-11-27 18:00"))


def test_after_the_half_day_the_market_opens_on_monday() -> None:
    week = read_sessions(THANKSGIVING_WEEK, "US/Eastern")
    assert next_open(week, utc("2026-11-27 18:00")) == utc("2026-11-30 14:30")


def test_on_a_holiday_the_next_opening_is_a_day_later() -> None:
    week = read_sessions(THANKSGIVING_WEEK, "US/Eastern")
    assert next_open(week, utc("2026-11-26 15:00")) == utc("2026-11-27 14:30")


@pytest.mark.parametrize(
    ("hours", "friday", "monday"),
    [(SPRING, "2026-03-06 14:30", "2026-03-09 13:30"), (AUTUMN, "2026-10-30 13:30", "2026-11-02 14:30")],
    ids=["clocks go forward on 2026-03-08", "clocks go back on 2026-11-01"],
)
def test_over_a_change_of_the_clocks_the_opening_stays_at_half_past_nine_there(
    hours: str, friday: str, monday: str
) -> None:
    before, after = read_sessions(hours, "US/Eastern")
    assert before.opens_at == utc(friday)
    assert after.opens_at == utc(monday)
    assert next_open((before, after), utc(friday) + timedelta(days=1)) == utc(monday)


def test_a_session_over_the_change_of_the_clocks_lasts_as_long_as_it_really_does() -> None:
    (night,) = read_sessions("20260307:1800-20260308:1700", "US/Eastern")
    assert night.closes_at - night.opens_at == timedelta(hours=22)
    (night,) = read_sessions("20261031:1800-20261101:1700", "US/Eastern")
    assert night.closes_at - night.opens_at == timedelta(hours=24)


@pytest.mark.parametrize("moment", ["2026-11-28 15:00", "2026-11-29 15:00"], ids=["Saturday", "Sunday"])
def test_on_a_weekend_nothing_trades_until_monday(moment: str) -> None:
    week = read_sessions(THANKSGIVING_WEEK, "US/Eastern")
    assert not is_open(week, utc(moment))
    assert next_open(week, utc(moment)) == utc("2026-11-30 14:30")


def test_tokyo_has_a_lunch_break_and_a_zone_of_its_own() -> None:
    days = read_sessions(TOKYO, "Japan")
    assert days[:2] == (
        session("2026-11-25 00:00", "2026-11-25 02:30"),
        session("2026-11-25 03:30", "2026-11-25 06:30"),
    )
    assert next_open(days, utc("2026-11-25 03:00")) == utc("2026-11-25 03:30")


def test_after_the_last_session_that_is_known_none_is_promised() -> None:
    assert next_open(read_sessions(THANKSGIVING_WEEK, "US/Eastern"), utc("2026-11-30 21:00")) is None


def test_the_older_form_has_several_spans_a_day_and_closed_days() -> None:
    assert read_sessions("20090507:0700-1830,1830-2330;20090508:CLOSED", "EST5EDT") == (
        session("2009-05-07 11:00", "2009-05-08 03:30"),
    )


def test_the_newer_form_dates_both_ends() -> None:
    assert read_sessions("20180323:0400-20180323:2000;20180326:0400-20180326:2000", "EST (Eastern Standard Time)") == (
        session("2018-03-23 08:00", "2018-03-24 00:00"),
        session("2018-03-26 08:00", "2018-03-27 00:00"),
    )


def test_overnight_sessions_end_on_the_next_day_in_both_forms() -> None:
    expected = (session("2026-11-24 22:00", "2026-11-25 21:00"),)
    assert read_sessions("20261124:1700-20261125:1600", "US/Central")[0] == session(
        "2026-11-24 23:00", "2026-11-25 22:00"
    )
    assert read_sessions("20261124:1700-1600", "US/Eastern") == expected


def test_a_market_that_never_closes_is_one_session() -> None:
    days = "20261124:0000-20261125:0000;20261125:0000-2400;20261126:0000-20261126:2359"
    assert len(read_sessions(days, "US/Eastern")) == 1


def test_no_hours_are_no_sessions() -> None:
    assert read_sessions("", "US/Eastern") == ()
    assert read_sessions("20261126:CLOSED;", "US/Eastern") == ()


@pytest.mark.parametrize(
    "hours",
    [
        "20261125",
        "CLOSED",
        "20261125:0930",
        "20261125:0930-",
        "20261125:9:30-16:00",
        "20261325:0930-20261325:1600",
        "20261125:0930-20261124:1600",
        "20261125:2500-20261125:2600",
        "2026112:0930-1600",
        "nonsense:CLOSED",
    ],
)
def test_hours_that_cannot_be_read_are_refused(hours: str) -> None:
    with pytest.raises(HoursInvalid):
        read_sessions(hours, "US/Eastern")


@pytest.mark.parametrize(
    ("spelling", "zone"),
    [
        ("", "America/New_York"),
        ("US/Eastern", "America/New_York"),
        ("EST5EDT", "America/New_York"),
        ("EST", "America/New_York"),
        ("EST (Eastern Standard Time)", "America/New_York"),
        ("America/New_York", "America/New_York"),
        ("CST (Central Standard Time)", "America/Chicago"),
        ("GB-Eire", "Europe/London"),
        ("GMT (Greenwich Mean Time)", "Europe/London"),
        ("MET", "Europe/Berlin"),
        ("MET (Middle Europe Time)", "Europe/Berlin"),
        ("Japan", "Asia/Tokyo"),
        ("JST (Japan Standard Time)", "Asia/Tokyo"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("Hongkong", "Asia/Hong_Kong"),
    ],
)
def test_the_gateways_spellings_of_a_zone_are_understood(spelling: str, zone: str) -> None:
    assert exchange_zone(spelling) == ZoneInfo(zone)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc", "US/", "Eastern Time"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(HoursInvalid):
        exchange_zone(name)


def test_every_zone_that_is_named_exists() -> None:
    assert set(ZONES.values()) <= available_timezones()


def test_new_york_and_london_trade_together_in_the_afternoon_only() -> None:
    both = common_sessions([read_sessions(THANKSGIVING_WEEK, "US/Eastern"), read_sessions(LONDON, "GB-Eire")])
    assert both == (session("2026-11-25 14:30", "2026-11-25 16:30"),)
    assert next_open(both, utc("2026-11-25 09:00")) == utc("2026-11-25 14:30")


def test_the_later_of_two_openings_is_not_enough_if_the_other_has_closed_by_then() -> None:
    morning = (session("2026-11-25 09:00", "2026-11-25 10:00"), session("2026-11-26 09:00", "2026-11-26 12:00"))
    noon = (session("2026-11-25 11:00", "2026-11-25 12:00"), session("2026-11-26 11:00", "2026-11-26 12:00"))
    assert next_open(common_sessions([morning, noon]), utc("2026-11-25 08:00")) == utc("2026-11-26 11:00")


def test_new_york_and_tokyo_never_trade_together() -> None:
    assert common_sessions([read_sessions(THANKSGIVING_WEEK, "US/Eastern"), read_sessions(TOKYO, "Japan")]) == ()


def test_nothing_that_must_trade_has_no_common_session() -> None:
    assert common_sessions([]) == ()


def test_sessions_that_touch_or_overlap_are_one() -> None:
    assert merged(
        [
            session("2026-11-25 11:00", "2026-11-25 12:00"),
            session("2026-11-25 09:00", "2026-11-25 10:00"),
            session("2026-11-25 10:00", "2026-11-25 10:30"),
            session("2026-11-25 09:10", "2026-11-25 09:20"),
        ]
    ) == (session("2026-11-25 09:00", "2026-11-25 10:30"), session("2026-11-25 11:00", "2026-11-25 12:00"))


@pytest.mark.parametrize(
    ("zones", "at", "shown"),
    [
        (["America/New_York"], "2026-11-30T14:30", "Mon 2026-11-30 09:30 EST (14:30 UTC)"),
        (["America/New_York", "America/New_York"], "2026-07-06T13:30", "Mon 2026-07-06 09:30 EDT (13:30 UTC)"),
        (["Asia/Tokyo"], "2026-11-30T00:00", "Mon 2026-11-30 09:00 JST (00:00 UTC)"),
        (["Australia/Sydney"], "2026-11-29T23:00", "Mon 2026-11-30 10:00 AEDT (Sun 23:00 UTC)"),
        (["America/New_York", "Asia/Tokyo"], "2026-11-30T14:30", "Mon 2026-11-30 14:30 UTC"),
        ([], "2026-11-30T14:30", "Mon 2026-11-30 14:30 UTC"),
    ],
)
def test_an_opening_is_told_on_the_exchanges_own_clock(zones: list[str], at: str, shown: str) -> None:
    assert on_the_clocks_of(zones, datetime.fromisoformat(at).replace(tzinfo=UTC)) == shown
