"""What an account remembers of events: which of them are known, in which mode, and what ended early."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from rebalancing.triggers import ENDED_EARLY, REMEMBERED_EVENTS, EventRing, EventStatus, ExecutionMode, Trigger

LIVE, DRY = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def trigger(event_id: str = "e", mode: ExecutionMode = LIVE, at: datetime = NOON) -> Trigger:
    return Trigger(account="DU1", event_id=event_id, mode=mode, requested_at=at)


@pytest.mark.parametrize(
    ("before", "after", "known"), [(DRY, LIVE, False), (DRY, DRY, True), (LIVE, LIVE, True), (LIVE, DRY, True)]
)
def test_a_dry_run_uses_its_id_up_for_dry_runs_only_and_a_live_event_for_both(
    before: ExecutionMode, after: ExecutionMode, known: bool
) -> None:
    ring = EventRing().noting([trigger(mode=before)], EventStatus.COMPLETED)
    assert ring.knows(trigger(mode=after)) is known


def test_both_modes_of_one_id_are_remembered_side_by_side() -> None:
    ring = EventRing().noting([trigger(mode=DRY)], EventStatus.COMPLETED)
    ring = ring.noting([trigger(mode=LIVE)], EventStatus.RUNNING)
    ring = ring.noting([trigger(mode=LIVE)], EventStatus.FAILED)
    assert {record.mode: record.status for record in ring.records} == {
        DRY: EventStatus.COMPLETED,
        LIVE: EventStatus.FAILED,
    }
    for mode in (DRY, LIVE):
        found = ring.find("e", mode)
        assert found is not None
        assert found.mode is mode


def test_what_became_of_a_live_event_is_not_told_by_the_dry_run_before_it() -> None:
    assert EventRing().noting([trigger(mode=DRY)], EventStatus.COMPLETED).find("e", LIVE) is None
    assert EventRing().noting([trigger(mode=LIVE)], EventStatus.COMPLETED).find("e", DRY) is not None


def test_an_expired_event_that_is_published_anew_is_a_new_request() -> None:
    ring = EventRing().noting([trigger()], EventStatus.EXPIRED)
    assert ring.knows(trigger())
    assert not ring.knows(trigger(at=NOON + timedelta(days=2)))
    assert ring.noting([trigger()], EventStatus.COMPLETED).knows(trigger(at=NOON + timedelta(days=2)))


def test_what_a_run_had_not_finished_is_over_with_it() -> None:
    ring = EventRing().noting([trigger("done")], EventStatus.COMPLETED).noting([trigger("at it")], EventStatus.RUNNING)
    after = ring.noting([trigger("next")], EventStatus.PENDING).after_ending_early([trigger("sent"), trigger("done")])
    assert {record.event_id: record.status for record in after.records} == {
        "done": EventStatus.COMPLETED,
        "at it": EventStatus.CANCELLED,
        "next": EventStatus.CANCELLED,
        "sent": EventStatus.CANCELLED,
    }


def test_the_newest_events_are_remembered() -> None:
    many = [trigger(f"e{n}", at=NOON + timedelta(minutes=n)) for n in range(REMEMBERED_EVENTS + 5)]
    ring = EventRing().noting(reversed(many), EventStatus.COMPLETED)
    assert [record.event_id for record in ring.records] == [one.event_id for one in many[5:]]
    assert ring.knows(trigger("older", at=NOON))
    assert not ring.knows(trigger("newer", at=NOON + timedelta(days=1)))


@pytest.mark.parametrize(
    "event_id", ["e1", "with a space", "  ", "2026-11-24T12:00:00Z completed(dry_run) x", "(dry_run)", "ü🙂"]
)
def test_a_record_is_a_line_and_comes_back_from_it(event_id: str) -> None:
    ring = EventRing().noting([trigger(event_id), trigger(event_id, DRY)], EventStatus.INCOMPLETE)
    written = ring.model_dump(mode="json")
    assert all(isinstance(each, str) for each in written["records"])
    assert EventRing.model_validate(written) == ring
    assert EventRing.model_validate_json(ring.model_dump_json()) == ring


def test_what_became_of_an_event_is_remembered_in_words_until_it_is_put_in_short() -> None:
    ring = EventRing().noting([trigger("a")], EventStatus.FAILED, "why").noting([trigger("b")], EventStatus.RUNNING)
    ended = ring.after_ending_early([trigger("c")])
    assert [record.summary for record in ended.records] == ["why", ENDED_EARLY, ENDED_EARLY]
    assert [record.summary for record in ended.without_summaries.records] == ["", "", ""]


def test_a_record_with_words_is_written_with_them_and_without_them_as_a_line() -> None:
    ring = EventRing().noting([trigger("a")], EventStatus.FAILED, "why").noting([trigger("b")], EventStatus.COMPLETED)
    assert EventRing.model_validate(ring.model_dump(mode="json")) == ring
    assert all(isinstance(each, str) for each in ring.without_summaries.model_dump(mode="json")["records"])
    assert [record.status for record in ring.without_summaries.records] == [record.status for record in ring.records]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(
    ("microsecond", "second"), [(0, "00.000"), (120_000, "00.120"), (120_001, "00.120001"), (1, "00.000001")]
)
def test_a_line_tells_the_very_moment_of_an_event_in_utc_whatever_the_machine_is_set_to(
    monkeypatch: pytest.MonkeyPatch, zone: str, microsecond: int, second: str
) -> None:
    """What expired and is published anew is told from the first by its time alone."""
    ring = EventRing().noting([trigger("e1", at=NOON.replace(microsecond=microsecond))], EventStatus.RUNNING)
    with monkeypatch.context() as here:
        here.setenv("TZ", zone)
        time.tzset()
        (line,) = ring.model_dump(mode="json")["records"]
        back = EventRing.model_validate({"records": [line]})
    time.tzset()
    assert line == f"2026-11-24T12:00:{second}Z running e1"
    assert back == ring


def test_an_event_is_carried_out_once_a_rebalance_went_through_for_it_whatever_came_of_that() -> None:
    carried_out = {status for status in EventStatus if status.is_carried_out}
    assert carried_out == {EventStatus.COMPLETED, EventStatus.INCOMPLETE}


@pytest.mark.parametrize(
    "line", ["", "e1", "2026-11-24T12:00:00Z done e1", "noon completed e1", "2026-11-24T12:00:00Z (dry_run) e1", 7]
)
def test_what_is_no_record_is_refused(line: object) -> None:
    with pytest.raises(ValidationError):
        EventRing.model_validate({"records": [line]})


def test_a_full_ring_is_short() -> None:
    ring = EventRing().noting([trigger(f"event-{n:03}") for n in range(200)], EventStatus.COMPLETED)
    assert len(ring.records) == REMEMBERED_EVENTS
    assert len(ring.model_dump_json()) < 50 * REMEMBERED_EVENTS


def test_what_came_later_takes_the_place_of_what_was_known_before() -> None:
    earlier = EventRing().noting([trigger("a"), trigger("b")], EventStatus.EXPIRED)
    later = EventRing().noting([trigger("b", at=NOON + timedelta(hours=1))], EventStatus.RUNNING)
    both = earlier.followed_by(later)
    assert [(record.event_id, record.status) for record in both.records] == [
        ("a", EventStatus.EXPIRED),
        ("b", EventStatus.RUNNING),
    ]
    assert both.after_ending_early([]).records[1].status is EventStatus.CANCELLED


def test_dry_runs_push_no_live_event_out_of_what_is_remembered() -> None:
    """Anybody on this machine may ask for dry runs: a live event must not be traded again for them."""
    live = trigger("live")
    ring = EventRing().noting([live], EventStatus.COMPLETED)
    for number in range(3 * REMEMBERED_EVENTS):
        at = NOON + timedelta(minutes=1 + number)
        ring = ring.noting([trigger(f"dry-{number}", ExecutionMode.DRY_RUN, at=at)], EventStatus.COMPLETED)
    assert ring.knows(trigger("live", at=NOON + timedelta(days=1)))
    assert not ring.knows(trigger("published earlier", at=NOON - timedelta(minutes=1)))
    assert len(ring.records) < REMEMBERED_EVENTS


def test_no_dry_run_makes_a_full_ring_forget_how_old_its_oldest_live_event_is() -> None:
    """One of long ago may be remembered still: what is older than a full ring's live events counts as known."""
    ring = EventRing().noting([trigger("dry", DRY, at=NOON - timedelta(days=9))], EventStatus.COMPLETED)
    many = [trigger(f"e{n}", at=NOON + timedelta(minutes=n)) for n in range(REMEMBERED_EVENTS)]
    ring = ring.noting(many[1:], EventStatus.COMPLETED)
    older = trigger("older", at=NOON - timedelta(days=1))
    assert not ring.knows(older)
    ring = ring.noting(many[:1], EventStatus.COMPLETED)
    assert ring.knows(older)
    assert ring.knows(trigger("as old as the oldest", at=NOON))
    assert not ring.knows(trigger("younger than the oldest", at=NOON + timedelta(microseconds=1)))


def test_a_dry_run_is_never_too_old_to_tell() -> None:
    """Once more does no harm, and somebody waits for it."""
    assert not EventRing().knows(trigger(mode=DRY))
    many = [trigger(f"e{n}", at=NOON + timedelta(minutes=n)) for n in range(REMEMBERED_EVENTS)]
    full = EventRing().noting(many, EventStatus.COMPLETED)
    assert not full.knows(trigger("new", DRY, at=NOON - timedelta(days=1)))


def test_a_ring_that_dry_runs_had_filled_lets_nothing_older_in() -> None:
    """As it was written before they were kept apart: live events may have been pushed out of it."""
    many = [trigger(f"e{n}", ExecutionMode.DRY_RUN, at=NOON + timedelta(minutes=n)) for n in range(REMEMBERED_EVENTS)]
    records = [record for one in many for record in EventRing().noting([one], EventStatus.COMPLETED).records]
    assert EventRing(records=tuple(records)).knows(trigger("forgotten", at=NOON))
