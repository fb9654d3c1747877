"""Each check of the chaos harness passes on good evidence and fails on evidence with the fault it is for."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from chaos.checks import (
    Kind,
    Violation,
    duplicated_events,
    duplicated_orders,
    lost_events,
    lost_orders,
    misreported_holdings,
    misreported_orders,
    overspent,
    stuck,
    violations,
)
from chaos.evidence import Question
from chaos.run import Report
from chaos.timeline import Publish
from rebalancing.orders import OrderState, Side
from rebalancing.triggers import EventStatus, ExecutionMode
from tests.chaos.house_of_evidence import (
    ACCOUNT,
    BOOKS,
    EXECUTION,
    FIRST,
    LAST,
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


# --- lost ---------------------------------------------------------------------------------------------------------


def test_an_accepted_order_in_no_history_is_lost() -> None:
    assert REF in one(lost_orders(broker(), (run(intents=frozenset()),)), Kind.LOST)


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


# --- overspent ----------------------------------------------------------------------------------------------------


def test_cash_below_zero_for_a_moment_is_overspent_although_it_recovered() -> None:
    bought = replace(EXECUTION, quantity=11)
    sold = replace(EXECUTION, quantity=2, side=Side.SELL, commission=Decimal(0))
    assert "-101.00 at the lowest" in one(overspent(broker(executions=(bought, sold)), BOOKS), Kind.OVERSPENT)


def test_cash_below_the_reserve_in_the_end_is_overspent() -> None:
    assert "its reserve" in one(overspent(broker(cash="10"), BOOKS), Kind.OVERSPENT)


def test_cash_a_little_below_the_reserve_is_the_market_s_doing() -> None:
    assert not list(overspent(broker(cash="18.50"), BOOKS))


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
