"""A run's current details in Temporal's UI: how it stands while it runs, what it came to once it is over."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import temporalio.api.sdk.v1 as sdk
from temporalio.client import WorkflowFailureError, WorkflowHandle

from rebalancing.orders.order import OrderReport, OrderState, Side
from rebalancing.outcomes import Gap, Outcome, Phase
from rebalancing.triggers import ExecutionMode, Trigger
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.house import Holding, failure_of, house, phase_reached
from workflows.details import MOST_ROWS, Standing, details, plain

AT = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
METADATA_QUERY = "__temporal_workflow_metadata"
"""What the UI asks for."""


async def shown(handle: WorkflowHandle[Any, Any]) -> str:
    """The details as the UI gets them, without the room between cells."""
    metadata = await handle.query(METADATA_QUERY, result_type=sdk.WorkflowMetadata)
    return " ".join(metadata.current_details.replace("\u00a0", " ").split())


def standing(**known: Any) -> Standing:
    """A run of which nothing else is known."""
    nothing: dict[str, Any] = {
        "account": "U1",
        "phase": Phase.BUYING,
        "since": AT,
        "detail": "",
        "shown": "",
        "told": "",
        "mode": ExecutionMode.REBALANCE,
        "strategy": "etf-blend",
        "triggers": (),
        "drift_before": None,
        "plan": None,
        "intents": (),
        "reports": {},
        "outcome": None,
    }
    return Standing(**{**nothing, **known})


def report(number: int, state: OrderState = OrderState.FILLED, reason: str = "") -> OrderReport:
    """What is known of an order for ten shares."""
    filled = 10 if state is OrderState.FILLED else 0
    price = Decimal("600.5") if filled else Decimal(0)
    return OrderReport(
        ref=f"rb-{number}", symbol="QQQ", side=Side.BUY, quantity=10, state=state, filled=filled, average_price=price,
        reason=reason,
    )  # fmt: skip


async def test_a_run_that_waits_for_a_person_shows_its_plan_and_what_to_do() -> None:
    asking = Holding(cash="1000", holdings={"SPY": 40}, more={"approval": {"required": "always"}})
    async with house({"DU1": asking}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        page = await shown(handle)
        assert page.startswith("### WAITING FOR APPROVAL **LIVE · test-strategy · DU1**")
        assert "then `rebalancer approve DU1` or `rebalancer reject DU1`. |" in page
        assert "% off the targets" in page
        assert "| SELL | 40 | SPY | 26,800.00 | not in the targets |" in page
        assert "| asked for by | event event-1 |" in page


async def test_a_run_at_work_shows_how_many_of_its_orders_are_filled() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "0.5", "BND": "0.5"})}) as own:
        own.gateway.add_fault(
            FaultRule(action="delay", seconds=30, match=FaultMatch(request="placeOrder", symbol="BND"))
        )
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        assert "### BUYING" in await shown(handle)
        assert "of 2 filled" in await shown(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert "### CANCELLED" in await shown(handle)
        assert "| why | cancelled; filled:" in await shown(handle)


async def test_a_run_that_is_over_shows_what_it_came_to_on_any_worker_that_is_up_then() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 40})}, workers=0) as own:
        async with own.working():
            handle = await own.trigger("DU1")
            result = await handle.result()
        async with own.working():  # another, which has nothing of the run in memory
            page = await shown(handle)
        assert result.outcome is not None
        before, after = result.outcome.drift_before, result.outcome.drift
        assert "### COMPLETED" in page
        assert f"| drift | **{before:.2f} % → {after:.2f} %** |" in page
        assert "| orders | 4 of 4 filled |" in page
        assert f"| commissions | {result.outcome.commissions:,.2f} USD |" in page
        assert "| slippage |" in page
        assert "| SELL | SPY | 40 of 40 |" in page
        assert "Away from the targets" in page


async def test_a_run_that_failed_shows_the_message_and_then_what_to_do() -> None:
    async with house({"DU1": Holding(weights={"NOSUCH": "1"})}) as own:
        handle = await own.trigger("DU1")
        error = await failure_of(handle)
        page = await shown(handle)
        why, found, explained = error.message.rpartition(" More: ")
        assert (found, explained) == (" More: ", "rebalancer explain SymbolUnknown")
        assert f"| why | {why} |" in page
        assert "`rebalancer retry DU1`" in page
        unknown = await own.trigger("DU9")
        await failure_of(unknown)
        assert "### FAILED" in await shown(unknown)


def test_words_of_others_become_no_link_no_formula_no_table_and_no_tag() -> None:
    hostile = "[log in](https://evil.example) <img src=x>|$x$|`rm`\n# big"
    event = Trigger(account="U1", event_id=hostile, requested_at=AT)
    reason = report(1, OrderState.REJECTED, hostile)
    page = details(standing(triggers=(event,), detail=hostile, reports={"rb-1": reason}, told=hostile))
    for sign in ("[", "<", "$", "`rm"):
        assert page.replace(f"\\{sign}", "").count(sign) == 0
    assert "://" not in page
    assert plain(hostile) in page
    assert all(line.count("|") - line.count("\\|") in (0, 3, 6) for line in page.splitlines())


def test_two_hundred_orders_are_counted_and_the_first_are_listed() -> None:
    reports = {f"rb-{number}": report(number) for number in range(200)}
    page = details(standing(reports=reports))
    assert "200 of 200 filled" in page
    assert f"… {200 - MOST_ROWS} more" in page
    assert page.count("QQQ") == MOST_ROWS


def test_what_is_not_carried_out_comes_first() -> None:
    kept = Gap(symbol="BND", target_weight=Decimal("0.5"), achieved_weight=Decimal("0.49"), reason="no whole share")
    missed = kept.model_copy(update={"symbol": "GLD", "reason": "the order was rejected", "is_explained": False})
    outcome = Outcome(
        account="U1", strategy="s", mode=ExecutionMode.REBALANCE, event_ids=("e",), phase=Phase.INCOMPLETE,
        gaps=(kept, missed), started_at=AT, finished_at=AT,
    )  # fmt: skip
    page = " ".join(details(standing(phase=Phase.INCOMPLETE, outcome=outcome)).replace("\u00a0", " ").split())
    assert "| why | GLD: the order was rejected |" in page
    assert page.index("- GLD: 49.00 % instead of 50.00 %") < page.index("- BND: 49.00 %")
    assert "**(not carried out)**" in page
