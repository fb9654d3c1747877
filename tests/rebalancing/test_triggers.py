"""What asks for a rebalance: what may be left out of it, how old it may be, and what goes together (P2 and P6)."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from rebalancing.triggers import ExecutionMode, Trigger, next_round, signed

LIVE, DRY = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def trigger(event_id: str = "e", mode: ExecutionMode = LIVE, at: datetime = NOON, **more: str) -> Trigger:
    return Trigger(account="DU1", event_id=event_id, mode=mode, requested_at=at, **more)


# --- what a signal may leave out --------------------------------------------------------------------------------------


def test_a_signal_may_leave_out_its_account_and_time_and_is_a_dry_run_unless_it_says_otherwise() -> None:
    assert Trigger.from_signal({"event_id": "e"}, "DU1", NOON) == trigger(mode=DRY)
    assert Trigger.from_signal({"event_id": "e", "mode": "rebalance"}, "DU1", NOON) == trigger()


def test_what_a_signal_says_itself_is_not_replaced() -> None:
    """The account decides later whether it is meant: a request for another one must not be made one for this."""
    given = {"event_id": "e", "account": "DU2", "requested_at": (NOON - DAY).isoformat()}
    read = Trigger.from_signal(given, "DU1", NOON)
    assert (read.account, read.requested_at) == ("DU2", NOON - DAY)


def test_a_trigger_that_comes_as_one_is_taken_as_it_is() -> None:
    assert Trigger.from_signal(trigger(), "DU2", NOON - DAY) == trigger()


@pytest.mark.parametrize("payload", [None, "rebalance", 7, [], ["event_id"], {}, {"event_id": ""}, {"event_id": None}])
def test_a_signal_that_names_no_event_is_no_trigger(payload: object) -> None:
    with pytest.raises(ValidationError):
        Trigger.from_signal(payload, "DU1", NOON)


@pytest.mark.parametrize("mode", ["Rebalance", "rebalance ", "REBALANCE", "", None, True, 1, ["rebalance"], {}])
def test_only_the_exact_word_trades(mode: object) -> None:
    assert not Trigger.from_signal({"event_id": "e", "mode": mode}, "DU1", NOON).is_live


def test_nobody_can_overlook_whether_it_trades() -> None:
    assert (LIVE.word, DRY.word) == ("LIVE", "DRY RUN")


# --- who asked --------------------------------------------------------------------------------------------------------


def test_who_asked_is_told_with_the_key_and_a_dry_run_claims_none() -> None:
    assert (signed("ann", "k1"), signed("ann", ""), signed("", "k1")) == ("ann (key k1)", "ann", "key k1")
    assert trigger(by="ann", key_id="k1").signed_by == "ann (key k1)"
    assert trigger(mode=DRY, by="ann", key_id="k1").signed_by == "ann"


@pytest.mark.parametrize(
    ("event_id", "source", "by", "told"),
    [
        ("e5", "ably:s", "", "event e5"),
        ("cli-1", "cli", "ann", "ann (cli)"),
        ("e5", "cli", "ann", "ann (cli), event e5"),
        ("http-1", "http", "", "somebody (http)"),
    ],
)
def test_where_it_came_from_is_told_for_people(event_id: str, source: str, by: str, told: str) -> None:
    assert trigger(event_id, source=source, by=by).origin == told


def test_what_counts_as_a_dry_run_only_keeps_no_seal() -> None:
    """So that nobody reads in a history that a key stood behind it."""
    dry = trigger(by="ann", key_id="k1", seal="0" * 64).as_dry_run
    assert dry == trigger(mode=DRY, by="ann")


# --- how old it may be ------------------------------------------------------------------------------------------------


def test_what_comes_from_the_future_is_taken_as_asked_for_now() -> None:
    """It would never grow old otherwise, and push what is younger out of what is remembered."""
    assert trigger(at=NOON + DAY).no_later_than(NOON) == trigger()
    earlier = trigger(at=NOON - DAY)
    assert earlier.no_later_than(NOON) is earlier


def test_an_event_of_exactly_the_greatest_age_is_traded_by_and_an_older_one_is_not() -> None:
    assert not trigger().is_too_old(NOON + DAY, DAY)
    assert trigger().is_too_old(NOON + DAY + TICK, DAY)
    assert trigger().why_not_traded(NOON + DAY, DAY, None) == ""
    told = trigger().why_not_traded(NOON + 2 * DAY, DAY, None)
    assert told == "asked for 2 days, 0:00:00 ago, older than events.maximum_age (1 day, 0:00:00)"


def test_nothing_is_said_of_an_events_age_while_it_is_not_known_how_old_events_may_be() -> None:
    assert trigger().why_not_traded(NOON + 900 * DAY, None, NOON + DAY) == ""


def test_what_was_asked_for_before_the_history_was_put_back_is_not_traded() -> None:
    told = trigger().why_not_traded(NOON, DAY, NOON + TICK)
    assert told == "asked for before the history was put back (2026-11-24 12:00:00 UTC)"
    assert trigger().why_not_traded(NOON, DAY, NOON) == ""
    assert trigger().why_not_traded(NOON, DAY, NOON - DAY) == ""


@pytest.mark.parametrize("restored_at", [None, NOON + DAY])
def test_a_dry_run_is_as_good_as_ever_however_old_it_is(restored_at: datetime | None) -> None:
    assert trigger(mode=DRY).why_not_traded(NOON + 900 * DAY, DAY, restored_at) == ""


# --- what goes together -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (trigger(), trigger(), True),
        (trigger(), trigger(mode=DRY), True),
        (trigger(mode=DRY), trigger(), False),
        (trigger(mode=DRY), trigger(mode=DRY), True),
        (trigger(), trigger("another"), False),
    ],
)
def test_carrying_out_a_live_event_covers_its_dry_run_and_never_the_reverse(
    one: Trigger, other: Trigger, covers: bool
) -> None:
    assert one.covers(other) is covers


def test_live_requests_go_before_dry_runs_and_never_with_them() -> None:
    dry, live, later = trigger("a", DRY), trigger("b"), trigger("c")
    assert next_round((dry, live, later)) == (live, later)
    assert next_round((dry,)) == (dry,)
    assert next_round(()) == ()
