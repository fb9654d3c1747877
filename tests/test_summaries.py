"""Summaries in Temporal's UI: one line, never more than a server takes, whatever goes into them."""

import importlib
import pkgutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workflows
from contract.delivery import in_the_list
from contract.payloads import DATA_CONVERTER
from contract.summaries import LONGEST_SUMMARY, NAMED, counted, dollars, listed, summary
from rebalancing.orders.order import LegOrder, Side
from rebalancing.triggers import ExecutionMode, Trigger
from tests.readable_histories import SERVER_LIMIT, TYPES
from tests.rebalancing.orders.order_builders import account, plan, planned, sent, snapshot
from workflows import summaries


def size(text: str) -> int:
    """The bytes that the server counts."""
    return DATA_CONVERTER.payload_converter.to_payload(text).ByteSize()


def orders(*symbols: str, side: Side = Side.SELL) -> tuple[LegOrder, ...]:
    """Orders for ten shares each."""
    market = snapshot(*symbols)
    return tuple(sent(account(), planned(symbol, side), market) for symbol in symbols)


@given(st.lists(st.text(max_size=300), max_size=4))
def test_a_summary_is_one_short_line_whatever_goes_into_it(parts: list[str]) -> None:
    text = summary(*parts)
    assert size(text) <= SERVER_LIMIT
    assert text.isprintable()


@pytest.mark.parametrize("letter", ["x", "é", "€", "𝄞", '"', "\\", "\x00", "\ud800", "\u202e"])
def test_bytes_are_counted_and_not_letters(letter: str) -> None:
    text = summary(letter * 1000)
    assert LONGEST_SUMMARY - 8 < size(text) <= SERVER_LIMIT
    assert text.endswith("…")


def test_a_publishers_words_become_no_link_and_no_tag() -> None:
    told = summary("event [log in again](https://evil.example) <img src=x> `rm` **now**")
    assert told == "event (log in again)(https: //evil.example) ‹img src=x› 'rm' ++now++"


def test_parts_that_say_nothing_leave_no_mark() -> None:
    assert summary("", "LIVE", "", "etf\n blend ", "") == "LIVE · etf blend"


def test_two_hundred_orders_of_the_longest_symbols_are_told_in_a_line() -> None:
    symbols = tuple(f"{'W' * 40}{number}" for number in range(200))
    text = summaries.leg(orders(*symbols), "wait for fills")
    assert text.startswith("wait for fills · SELL leg · 200 orders · WWWW")
    assert size(text) <= SERVER_LIMIT


def test_a_leg_says_its_side_its_orders_and_what_they_come_to() -> None:
    made = plan(planned("SPY", Side.SELL), planned("QQQ", Side.SELL), planned("BND", Side.BUY))
    assert summaries.leg(orders("SPY", "QQQ"), plan=made) == "SELL leg · 2 orders · $2,000 · SPY, QQQ"
    assert summaries.leg(orders("GLD"), plan=made) == "SELL leg · 1 order · GLD", "it is not in the plan"
    assert summaries.orders(made) == "2 SELL 2,000 USD, 1 BUY 1,000 USD"
    assert summaries.orders(plan()) == "no order"


def test_more_symbols_than_a_line_holds_are_counted() -> None:
    assert listed(f"S{number}" for number in range(NAMED + 2)) == "S0, S1, S2, S3, S4, S5 and 2 more"
    assert (counted(1, "order"), counted(2000, "order")) == ("1 order", "2,000 orders")
    assert (dollars(Decimal("12400.40")), dollars(Decimal(-3))) == ("$12,400", "-$3")


@pytest.mark.parametrize(
    ("source", "by", "event_id", "mode", "shown"),
    [
        ("ably:etf-blend", "", "e5", "rebalance", "LIVE · etf-blend · event e5"),
        ("cli", "ann", "cli-1b2c", "dry_run", "DRY RUN · etf-blend · asked for by ann (cli)"),
        ("http", "", "my-own-id", "rebalance", "LIVE · etf-blend · asked for by somebody (http), event my-own-id"),
    ],
)
def test_a_run_says_in_the_list_what_it_is(source: str, by: str, event_id: str, mode: str, shown: str) -> None:
    at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    trigger = Trigger(account="U1", event_id=event_id, mode=ExecutionMode(mode), source=source, by=by, requested_at=at)
    assert in_the_list(trigger, "etf-blend") == shown


def test_the_steps_of_every_type_of_workflow_are_looked_at_in_each_house() -> None:
    modules = (importlib.import_module(f"workflows.{each.name}") for each in pkgutil.iter_modules(workflows.__path__))
    members = [member for module in modules for member in vars(module).values() if isinstance(member, type)]
    definitions = [getattr(member, "__temporal_workflow_definition", None) for member in members]
    assert {definition.name for definition in definitions if definition} == set(TYPES)
