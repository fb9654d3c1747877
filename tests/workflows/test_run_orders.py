"""What is known of a run's orders, in the words that end its message."""

from rebalancing.orders.order import OrderState
from tests.activities.test_intent_judge import intent
from tests.workflows.test_details import report
from workflows.run_orders import RunOrders


def run_orders() -> RunOrders:
    return RunOrders(lambda: None)


def test_a_run_that_sent_nothing_says_so() -> None:
    assert run_orders().traded_before == "Nothing was traded."


def test_an_order_that_nobody_reported_is_never_called_not_traded() -> None:
    orders = run_orders()
    sent = intent()
    orders.expect((sent,))
    assert "Nothing was traded" not in orders.traded_before
    assert sent.ref in orders.traded_before
    assert "Look in TWS" in orders.traded_before


def test_what_filled_and_is_over_is_told_without_doubt() -> None:
    orders = run_orders()
    sent = intent()
    orders.expect((sent,))
    orders.note([report(1, OrderState.FILLED).model_copy(update={"ref": sent.ref})])
    assert orders.traded_before.startswith("Traded before: ")
    assert "TWS" not in orders.traded_before
