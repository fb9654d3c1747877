"""What the ledger of a connection makes of the gateway's reports, in whatever order they come."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.gateway.ledger import Execution, LedgerOrder, OrderLedger
from rebalancing.freshness import Figures
from rebalancing.orders.order import Intent, OrderState, Side, order_ref

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
FIGURES = Figures(connection="c", taken_at=NOON, fresh_until=NOON + timedelta(seconds=60), position=0)
INTENT = Intent(
    ref="rb-run-1-1",
    account="DU1",
    symbol="SPY",
    con_id=1,
    side=Side.BUY,
    quantity=10,
    figures=FIGURES,
    order_id=5,
    trading_day="20261124",
)


def ledger(status: str = "Submitted", filled: int = 0) -> OrderLedger:
    """A ledger that was told of the intent's order."""
    own = OrderLedger()
    own.note_sent(INTENT, client_id=7)
    own.note_order(LedgerOrder(INTENT.ref, order_id=5, perm_id=9, client_id=7, status=status, reported_filled=filled))
    return own


def execution(shares: int, exec_id: str = "a.01", commission: str | None = "1") -> Execution:
    """A fill at 100."""
    return Execution(exec_id, shares, Decimal(100), None if commission is None else Decimal(commission))


def test_a_filled_order_is_done_only_when_its_commissions_are_in() -> None:
    own = ledger("Filled", 10)
    own.note_execution(INTENT.ref, execution(10, commission=None))
    assert own.report(INTENT).state is OrderState.WORKING
    own.note_commission("a.01", Decimal(1))
    assert own.report(INTENT).state is OrderState.FILLED


def test_a_repeated_execution_counts_once_and_may_bring_the_commission() -> None:
    own = ledger("Filled", 10)
    own.note_execution(INTENT.ref, execution(10, commission=None))
    own.note_execution(INTENT.ref, execution(10))
    own.note_execution(INTENT.ref, execution(10, commission=None))
    report = own.report(INTENT)
    assert (report.state, report.filled, report.commission) == (OrderState.FILLED, 10, 1)


def test_a_correction_replaces_what_it_corrects_and_an_older_one_changes_nothing() -> None:
    own = ledger()
    own.note_execution(INTENT.ref, execution(6, "a.01"))
    own.note_execution(INTENT.ref, execution(4, "a.02"))
    own.note_execution(INTENT.ref, execution(6, "a.01"))
    assert own.report(INTENT).filled == 4


def test_a_cancelled_order_is_done_only_when_all_its_fills_are_known() -> None:
    own = ledger("Cancelled", 4)
    assert own.report(INTENT).state is OrderState.WORKING
    own.note_execution(INTENT.ref, execution(4))
    assert own.report(INTENT).state is OrderState.CANCELLED


def test_a_final_status_is_not_undone_by_a_late_report() -> None:
    own = ledger("Cancelled")
    own.note_order(LedgerOrder(INTENT.ref, order_id=5, perm_id=9, client_id=7, status="Submitted"))
    assert own.report(INTENT).state is OrderState.CANCELLED


@pytest.mark.parametrize("code", [103, 104, 105, 161, 462, 10148, 10268, 10349])
def test_an_answer_that_is_no_refusal_leaves_a_working_order_alone(code: int) -> None:
    own = ledger()
    own.note_error(5, code, "something")
    assert own.report(INTENT).state is OrderState.WORKING


def test_a_refusal_and_inactive_are_rejections_with_the_gateways_words() -> None:
    refused, inactive = ledger("PendingSubmit"), ledger("Inactive")
    refused.note_error(5, 201, "Order rejected - reason: margin")
    assert refused.report(INTENT).state is OrderState.REJECTED
    assert "margin" in refused.report(INTENT).reason
    assert inactive.report(INTENT).state is OrderState.REJECTED


def test_pending_cancel_may_still_fill() -> None:
    own = ledger("PendingCancel")
    assert own.report(INTENT).state is OrderState.WORKING
    own.note_execution(INTENT.ref, execution(10))
    assert own.report(INTENT).state is OrderState.FILLED


def test_an_order_is_found_although_the_broker_appended_to_its_ref() -> None:
    own = OrderLedger()
    own.note_order(LedgerOrder(INTENT.ref + " (via API)", order_id=5, perm_id=9, client_id=7, status="Submitted"))
    assert own.report(INTENT).state is OrderState.WORKING
    other = INTENT.model_copy(update={"ref": "rb-run-1"})
    assert own.report(other.model_copy(update={"ref": "rb-run-1-11"})).state is OrderState.NOT_SENT


def test_a_change_that_is_refused_does_not_end_the_order() -> None:
    own = ledger()
    own.note_modified(INTENT)
    own.note_error(5, 201, "Order rejected - reason: margin")
    own.note_error(5, 110, "The price does not conform to the minimum price variation")
    assert own.report(INTENT).state is OrderState.WORKING
    own.note_order(LedgerOrder(INTENT.ref, order_id=5, perm_id=9, client_id=7, status="Cancelled"))
    assert own.report(INTENT).state is OrderState.CANCELLED


@pytest.mark.parametrize(
    ("status", "filled", "client", "today", "may"),
    [
        ("Submitted", 0, 7, "20261124", True),
        ("PreSubmitted", 9, 7, "20261124", True),
        ("Submitted", 10, 7, "20261124", False),
        ("PendingSubmit", 0, 7, "20261124", False),
        ("PendingCancel", 0, 7, "20261124", False),
        ("Filled", 0, 7, "20261124", False),
        ("Submitted", 0, 8, "20261124", False),
        ("Submitted", 0, 7, "20261125", False),
    ],
)
def test_only_an_order_that_is_certainly_there_may_get_another_price(
    status: str, filled: int, client: int, today: str, may: bool
) -> None:
    own = ledger(status)
    own.note_execution(INTENT.ref, execution(filled))
    assert own.may_be_modified(INTENT, client, today) is may
    assert not OrderLedger().may_be_modified(INTENT, client, today)


def test_two_orders_under_one_ref_are_for_a_person_to_sort_out() -> None:
    own = ledger()
    own.note_execution(INTENT.ref, execution(10))
    assert own.report(INTENT).state is OrderState.FILLED
    own.note_order(LedgerOrder(INTENT.ref, order_id=5, perm_id=10, client_id=7, status="Submitted"))
    report = own.report(INTENT)
    assert report.state is OrderState.UNKNOWN
    assert "permanent ids 9, 10" in report.reason


@pytest.mark.parametrize(
    "other",
    [{"account": "DU2"}, {"con_id": 2}, {"side": "SELL"}, {"quantity": 11}],
    ids=["account", "contract", "side", "quantity"],
)
def test_an_order_for_something_else_under_the_same_ref_is_not_taken_for_the_intents(other: dict[str, Any]) -> None:
    own = OrderLedger()
    listed: dict[str, Any] = {"account": "DU1", "con_id": 1, "side": "BUY", "quantity": 10, "status": "Filled"}
    own.note_order(LedgerOrder(INTENT.ref, perm_id=9, **{**listed, **other}))
    report = own.report(INTENT)
    assert report.state is OrderState.UNKNOWN
    assert "another order under the ref" in report.reason
    assert not own.may_be_modified(INTENT, 7, INTENT.trading_day)


def test_an_execution_for_something_else_under_the_same_ref_is_not_taken_for_the_intents() -> None:
    own = OrderLedger()
    own.note_execution(INTENT.ref, Execution("a.01", 10, Decimal(100), Decimal(1), "DU1", 1, "SELL"))
    assert own.report(INTENT).state is OrderState.UNKNOWN


def test_the_same_step_with_another_order_has_another_ref() -> None:
    refs = {order_ref("run", 1, 1, "DU1", symbol, "SELL", shares) for symbol in ("SPY", "QQQ") for shares in (61, 100)}
    assert len(refs) == 4
    assert order_ref("run", 1, 1, "DU1", "SPY", "SELL", 100) in refs
