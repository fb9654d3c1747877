"""How values are written into histories: without what is at its default, and back to what they were."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import PayloadConverter as AnyConverter
from temporalio.exceptions import ApplicationError

from contract.messages import RunInput
from contract.payloads import DATA_CONVERTER
from contract.requests import Opening, PlaceRequest, SnapshotRequest
from rebalancing.errors import GatewayUnavailable
from rebalancing.freshness import Figures
from rebalancing.market.snapshot import AccountSnapshot, Quote, QuoteKind
from rebalancing.orders.order import Intent, OrderReport, OrderState, Side
from rebalancing.triggers import EventRing, ExecutionMode, Trigger
from tests.house import Holding, configuration

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
FIGURES = Figures(connection="c", taken_at=NOW, fresh_until=NOW + timedelta(minutes=1), position=0)
INTENT = Intent(
    ref="r", account="DU1", symbol="QQQ", con_id=1, side=Side.BUY, quantity=3, figures=FIGURES, order_id=7,
    trading_day="20261124",
)  # fmt: skip
KNOWN = configuration({"DU1": Holding()})


@pytest.fixture
def converter() -> AnyConverter:
    """As every client and worker of ours has it."""
    return DATA_CONVERTER.payload_converter


@pytest.mark.parametrize(
    "value",
    [
        INTENT,
        PlaceRequest(intents=(INTENT,), never_sent=True),
        SnapshotRequest(account="DU1", held_out=frozenset({"GLD"}), order_ids=24),
        OrderReport(ref="r", symbol="QQQ", side=Side.SELL, quantity=3, state=OrderState.REJECTED, reason="no"),
        AccountSnapshot(
            account="DU1", taken_at=NOW, cash=Decimal("1.50"), positions={"QQQ": 0},
            quotes={"QQQ": Quote(symbol="QQQ", bid=Decimal("0"), kind=QuoteKind.DELAYED, at=NOW)},
        ),
        Trigger(account="DU1", event_id="e", mode=ExecutionMode.REBALANCE, requested_at=NOW),
        Trigger(account="DU1", event_id="e", requested_at=NOW),
        RunInput(account="DU1", events=EventRing()),
        Opening(account=KNOWN.account("DU1"), settings=KNOWN.settings, events=EventRing()),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_comes_back_as_it_was(converter: AnyConverter, value: Any) -> None:
    (payload,) = converter.to_payloads([value])
    assert converter.from_payloads([payload], [type(value)]) == [value]


def test_defaults_are_left_out_and_everything_else_is_not(converter: AnyConverter) -> None:
    (payload,) = converter.to_payloads([(INTENT,)])
    (written,) = json.loads(payload.data)
    assert "order_type" not in written
    assert "limit_price" not in written
    assert (written["order_id"], written["figures"]["position"], written["side"]) == (7, 0, "BUY")


def test_what_may_change_from_release_to_release_is_written_in_full(converter: AnyConverter) -> None:
    (payload,) = converter.to_payloads(
        [Opening(account=KNOWN.account("DU1"), settings=KNOWN.settings, events=EventRing())]
    )
    written = json.loads(payload.data)
    assert written["settings"] == KNOWN.settings.model_dump(mode="json")
    assert written["account"] == KNOWN.account("DU1").model_dump(mode="json")


def test_a_live_trigger_says_so_and_a_payload_that_does_not_is_none(converter: AnyConverter) -> None:
    live = Trigger(account="DU1", event_id="e", mode=ExecutionMode.REBALANCE, requested_at=NOW)
    (payload,) = converter.to_payloads([live])
    assert json.loads(payload.data)["mode"] == "rebalance"
    (payload,) = converter.to_payloads([live.model_copy(update={"mode": ExecutionMode.DRY_RUN})])
    (read,) = converter.from_payloads([payload], [Trigger])
    assert read.mode is ExecutionMode.DRY_RUN


def failure_of(error: Exception, cause: Exception) -> Failure:
    """An error as it is written down after it was raised because of another."""
    failure = Failure()
    try:
        try:
            raise cause
        except Exception as first:
            raise error from first
    except Exception as raised:
        DATA_CONVERTER.failure_converter.to_failure(raised, DATA_CONVERTER.payload_converter, failure)
    return failure


def test_an_error_that_was_foreseen_is_written_in_words_and_not_in_calls() -> None:
    """The server keeps four kilobytes of it."""
    failure = failure_of(ApplicationError("away", type="GatewayUnavailable"), GatewayUnavailable("away"))
    assert (failure.message, failure.application_failure_info.type) == ("away", "GatewayUnavailable")
    assert (failure.stack_trace, failure.cause.stack_trace) == ("", "")


def test_an_error_that_nobody_foresaw_keeps_its_calls() -> None:
    failure = failure_of(ApplicationError("'x'", type="KeyError"), KeyError("x"))
    assert "failure_of" in failure.stack_trace
    assert "failure_of" in failure.cause.stack_trace


def test_a_defect_that_comes_of_an_error_that_was_foreseen_keeps_its_calls_too() -> None:
    failure = failure_of(KeyError("x"), GatewayUnavailable("away"))
    assert "failure_of" in failure.stack_trace
    assert failure.cause.stack_trace == ""
