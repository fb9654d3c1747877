"""Each check of the chaos harness passes on good evidence and fails on evidence with the fault it is for."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from chaos.checks import (
    duplicated_events,
    duplicated_orders,
    lost_events,
    lost_orders,
    misreported_holdings,
    misreported_orders,
    second_workflows,
    stale,
    stuck,
    violations,
)
from chaos.evidence import PowerLoss, Question
from chaos.findings import Kind, Violation
from chaos.run import Report
from chaos.timeline import Publish
from rebalancing.orders.order import OrderState
from rebalancing.triggers import EventStatus, ExecutionMode
from tests.chaos.house_of_evidence import (
    ACCOUNT,
    BOOKS,
    FIGURES,
    FIRST,
    FRESHNESS,
    LAST,
    NOW,
    ORDER,
    PUBLISHED,
    REF,
    STRATEGY,
    broker,
    evidence,
    outcome,
    record,
    report,
    run,
    word,
)


def one(found: Iterable[Violation], kind: Kind) -> str:
    """The text of the only violation, which is of this kind."""
    (violation,) = found
    assert violation.kind is kind
    return violation.text


def test_nothing_is_wrong_with_a_run_in_which_everything_went_well() -> None:
    assert violations(evidence(), PUBLISHED, BOOKS) == ()


# --- duplicated ---------------------------------------------------------------------------------------------------


def test_two_accepted_orders_of_one_ref_are_a_duplicate() -> None:
    twice = broker(orders=(ORDER, replace(ORDER, perm_id=78)))
    assert "2 accepted orders" in one(duplicated_orders(twice), Kind.DUPLICATED)


def test_an_order_that_was_refused_first_is_no_duplicate() -> None:
    assert not list(duplicated_orders(broker(orders=(replace(ORDER, status="Inactive"), ORDER))))


def test_an_event_that_two_runs_carried_out_is_a_duplicate() -> None:
    again = replace(run(), run_id="2", carried=frozenset({"last"}))
    assert "last was carried out 2 times" in one(duplicated_events((run(), again)), Kind.DUPLICATED)


def test_the_same_event_for_two_accounts_is_no_duplicate() -> None:
    assert not list(duplicated_events((run(), replace(run(), account="DU2"))))


def test_a_run_that_trades_another_account_than_that_of_its_id_is_a_second_workflow() -> None:
    assert "traded DU2" in one(second_workflows((replace(run(), traded=frozenset({"DU2"})),), BOOKS), Kind.DUPLICATED)


def test_a_run_under_a_foreign_id_that_trades_is_a_second_workflow() -> None:
    foreign = replace(run(), account="DU1-2026-11-24T15:00:00Z", status="failed")
    assert "traded DU1" in one(second_workflows((foreign,), BOOKS), Kind.DUPLICATED)


def test_a_run_under_a_foreign_id_must_have_failed() -> None:
    foreign = replace(run(), account="DU1-2026-11-24T15:00:00Z", status="running", traded=frozenset())
    assert "is running" in one(second_workflows((foreign,), BOOKS), Kind.STUCK)
    assert not list(second_workflows((replace(foreign, status="failed"),), BOOKS))


# --- lost ---------------------------------------------------------------------------------------------------------


def test_an_accepted_order_in_no_history_is_lost() -> None:
    unknown = replace(evidence(), runs=(run(intents=frozenset()),))
    assert REF in one(lost_orders(unknown, BOOKS), Kind.LOST)


@pytest.mark.parametrize(("copied", "back"), [(-1, 2), (-FRESHNESS - 2, -FRESHNESS)])
def test_an_order_whose_intent_a_power_cut_took_back_is_not_lost(copied: int, back: int) -> None:
    loss = PowerLoss(NOW + timedelta(seconds=copied), NOW + timedelta(seconds=back))
    assert not list(lost_orders(replace(evidence(), runs=(run(intents=frozenset()),), losses=(loss,)), BOOKS))


@pytest.mark.parametrize(("copied", "back"), [(1, 2), (-FRESHNESS - 3, -FRESHNESS - 1)])
def test_an_order_from_before_the_copy_or_long_after_the_power_cut_is_lost(copied: int, back: int) -> None:
    loss = PowerLoss(NOW + timedelta(seconds=copied), NOW + timedelta(seconds=back))
    assert one(lost_orders(replace(evidence(), runs=(run(intents=frozenset()),), losses=(loss,)), BOOKS), Kind.LOST)


def test_an_event_that_nobody_remembers_is_lost() -> None:
    accounts = {ACCOUNT: word(record("last", EventStatus.COMPLETED))}
    assert "first never reached" in one(lost_events(accounts, PUBLISHED, BOOKS), Kind.LOST)


def test_the_events_of_an_account_without_any_run_are_lost() -> None:
    assert len(list(lost_events({}, PUBLISHED, BOOKS))) == len(PUBLISHED)


def test_a_failed_event_is_superseded_by_a_later_one() -> None:
    accounts = {ACCOUNT: word(record("first", EventStatus.FAILED), record("last", EventStatus.COMPLETED))}
    assert not list(lost_events(accounts, PUBLISHED, BOOKS))


def test_a_failed_event_is_not_superseded_by_an_earlier_one() -> None:
    accounts = {ACCOUNT: word(record("first", EventStatus.COMPLETED), record("last", EventStatus.FAILED))}
    assert "last of DU1 ended as failed" in one(lost_events(accounts, PUBLISHED, BOOKS), Kind.LOST)


def test_a_live_event_is_not_superseded_by_a_dry_run() -> None:
    looked = Publish("last", STRATEGY, live=False, weights={"QQQ": 1.0})
    accounts = {
        ACCOUNT: word(record("first", EventStatus.FAILED), record("last", EventStatus.COMPLETED, ExecutionMode.DRY_RUN))
    }
    assert "first of DU1" in one(lost_events(accounts, (FIRST, looked), BOOKS), Kind.LOST)


def test_an_event_that_the_broker_let_be_carried_out_only_in_part_is_not_lost() -> None:
    accounts = {ACCOUNT: word(record("first", EventStatus.FAILED), record("last", EventStatus.INCOMPLETE))}
    assert not list(lost_events(accounts, PUBLISHED, BOOKS))


def test_an_event_of_another_strategy_is_not_awaited() -> None:
    elsewhere = replace(LAST, event_id="elsewhere", strategy="other")
    assert not list(lost_events({ACCOUNT: word()}, (*PUBLISHED, elsewhere), BOOKS))


# --- stuck --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [EventStatus.PENDING, EventStatus.RUNNING])
def test_an_event_that_is_not_carried_out_yet_is_stuck(status: EventStatus) -> None:
    accounts = {ACCOUNT: word(record("first", EventStatus.COMPLETED), record("last", status))}
    assert f"still {status}" in one(lost_events(accounts, PUBLISHED, BOOKS), Kind.STUCK)


def test_a_rebalance_that_still_runs_is_stuck() -> None:
    running = replace(evidence(), accounts={ACCOUNT: word(is_running=True)})
    assert "still running" in one(stuck(running), Kind.STUCK)


def test_an_order_that_still_works_is_stuck() -> None:
    working = replace(evidence(), broker=broker(orders=(replace(ORDER, status="Submitted"),)))
    assert "still Submitted" in one(stuck(working), Kind.STUCK)


def test_asking_the_operator_about_an_order_that_is_nowhere_is_right() -> None:
    asked = replace(evidence(), questions=(Question(ACCOUNT, "rb-2-1-1", "listed nowhere", None),))
    assert not list(stuck(asked))


def test_asking_the_operator_about_an_order_that_the_gateway_lists_is_wrong() -> None:
    asked = replace(evidence(), questions=(Question(ACCOUNT, REF, "listed nowhere", ORDER, 9),))
    assert "lists as Filled" in one(stuck(asked), Kind.STUCK)


def test_asking_the_operator_about_an_unconfirmed_cancel_is_right() -> None:
    reason = "the broker did not confirm within 8 s that order 3 is cancelled"
    assert not list(stuck(replace(evidence(), questions=(Question(ACCOUNT, REF, reason, ORDER, 9),))))


def test_asking_about_an_order_of_an_earlier_day_of_the_broker_is_right() -> None:
    question = Question(ACCOUNT, REF, "the day has changed", ORDER, 9, NOW + timedelta(seconds=5))
    asked = replace(evidence(), questions=(question,))
    assert not list(stuck(replace(asked, new_days=(NOW + timedelta(seconds=1),))))
    for other_time in (-1, 6):
        wrong = replace(asked, new_days=(NOW + timedelta(seconds=other_time),))
        assert "lists as Filled" in one(stuck(wrong), Kind.STUCK)


# --- stale --------------------------------------------------------------------------------------------------------


def test_an_order_that_was_placed_by_old_figures_is_stale() -> None:
    late = replace(ORDER, placed_at=FIGURES.fresh_until + timedelta(seconds=10))
    assert "10.0 s after" in one(stale(replace(evidence(), broker=broker(orders=(late,))), BOOKS), Kind.STALE)


def test_an_order_that_lay_before_a_frozen_gateway_is_not_stale() -> None:
    late = replace(ORDER, placed_at=FIGURES.fresh_until + timedelta(seconds=6))
    assert not list(stale(replace(evidence(), broker=broker(orders=(late,))), BOOKS))


def test_figures_that_count_as_fresh_for_longer_than_configured_are_stale() -> None:
    lasting = FIGURES.model_copy(update={"fresh_until": FIGURES.fresh_until + timedelta(seconds=1)})
    assert one(stale(replace(evidence(), runs=(replace(run(), figures={REF: lasting}),)), BOOKS), Kind.STALE)


# --- misreported --------------------------------------------------------------------------------------------------


def test_a_final_report_with_other_fills_than_the_ledger_has_is_wrong() -> None:
    wrong = replace(evidence(), runs=(replace(run(), reports={REF: report(filled=3)}, outcome=None),))
    assert "3 shares; 9 filled" in one(misreported_orders(wrong), Kind.MISREPORTED)


def test_a_report_that_is_not_final_may_be_behind() -> None:
    behind = report(filled=3, state=OrderState.WORKING)
    assert not list(
        misreported_orders(replace(evidence(), runs=(replace(run(), reports={REF: behind}, outcome=None),)))
    )


def test_an_outcome_with_other_weights_than_the_account_holds_is_wrong() -> None:
    wrong = replace(evidence(), accounts={ACCOUNT: word(last=outcome("0.80"))})
    found = list(misreported_holdings(wrong, BOOKS))
    assert {each.kind for each in found} == {Kind.MISREPORTED}
    assert len(found) == 2


def test_a_dry_run_is_held_to_what_was_there_and_not_to_what_it_would_have_traded() -> None:
    dry = outcome("0.80").model_copy(update={"mode": ExecutionMode.DRY_RUN, "weights_before": outcome().weights_after})
    assert not list(misreported_holdings(replace(evidence(), accounts={ACCOUNT: word(last=dry)}), BOOKS))


# --- the summary --------------------------------------------------------------------------------------------------


def test_the_summary_counts_violations_by_kind() -> None:
    found = (Violation(Kind.LOST, "x"), Violation(Kind.LOST, "y"), Violation(Kind.STUCK, "z"))
    told = Report(7, 50, evidence(), found).summary
    assert told == "faults: 50  orders: 1  duplicated: 0  lost: 2  stuck: 1  overspent: 0"


def test_what_is_misreported_shows_in_the_summary_too() -> None:
    assert Report(7, 50, evidence(), (Violation(Kind.MISREPORTED, "x"),)).summary.endswith("misreported: 1")
    assert Report(7, 50, evidence(), (Violation(Kind.STALE, "x"),)).summary.endswith("overspent: 0  stale: 1")
