"""What the judge of a connection says of intents, case by case (promises P3 and P11)."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.gateway.intent_judge import QUIET_PERIOD, IntentJudge, trading_day
from activities.gateway.ledger import LedgerOrder, OrderLedger
from rebalancing.freshness import Figures
from rebalancing.market.snapshot import ReservedIds
from rebalancing.orders.intent_fate import ID_SKIP, Fate
from rebalancing.orders.order import Intent, OrderState, Side

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
TODAY, TOMORROW = "20261124", "20261125"
CLIENT = 7
NEXT_VALID_ID = 20
TICK = timedelta(microseconds=1)


def intent(order_id: int = NEXT_VALID_ID, connection: str = "own", position: int = 3, number: int = 1) -> Intent:
    """An intent whose figures are of this connection, and fresh for a minute from noon on."""
    fresh_until = NOON + timedelta(seconds=60)
    return Intent(
        ref=f"rb-1-1-{number}-0a1b2c3d",
        account="DU1",
        symbol="SPY",
        con_id=1,
        side=Side.BUY,
        quantity=10,
        figures=Figures(connection=connection, taken_at=NOON, fresh_until=fresh_until, position=position),
        order_id=order_id,
        trading_day=TODAY,
    )


def judge(ledger: OrderLedger | None = None, looked_up_at: datetime = NOON - QUIET_PERIOD) -> IntentJudge:
    """The judge of the connection ``own``, whose quiet period is over at noon."""
    return IntentJudge("own", CLIENT, ledger or OrderLedger(), NEXT_VALID_ID, looked_up_at)


def fate(
    own: IntentJudge, about: Intent, *, position: int = 3, now: datetime = NOON, never_sent: bool = False
) -> tuple[Fate, str]:
    """What is to be done with an intent, and the words of the report that goes with it."""
    evidence = own.evidence(about, position, now, never_sent=never_sent)
    return own.fate(evidence), own.placed(about, evidence).reason


def told(order_id: int, ref: str = "rb-9-9-9-0a1b2c3d", con_id: int = 1, client_id: int = CLIENT) -> OrderLedger:
    """A ledger that was told of this working order."""
    ledger = OrderLedger()
    ledger.note_order(
        LedgerOrder(
            ref,
            order_id=order_id,
            perm_id=99,
            client_id=client_id,
            account="DU1",
            con_id=con_id,
            side="BUY",
            quantity=10,
            status="Submitted",
        )
    )
    return ledger


# --- ids --------------------------------------------------------------------------------------------------------------


def test_ids_are_reserved_once_from_what_the_gateway_named_and_above_all_that_it_told() -> None:
    own = judge()
    assert own.reserve(3, NOON, 0) == ReservedIds(first=20, count=3, trading_day=TODAY)
    assert own.reserve(2, NOON, 0) == ReservedIds(first=23, count=2, trading_day=TODAY)
    assert own.reserve(1, NOON, 40).first == 40
    assert judge(told(order_id=30)).reserve(1, NOON, 0).first == 31
    assert judge(told(order_id=30, client_id=8)).reserve(1, NOON, 0).first == 20


def test_an_id_that_was_used_before_is_passed_over_by_far() -> None:
    own = judge()
    own.note_turned_away(intent(order_id=21))
    assert own.reserve(1, NOON, 0).first == 21 + ID_SKIP


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 25, 4, 59, 59, tzinfo=UTC), TODAY),
        (datetime(2026, 11, 25, 5, tzinfo=UTC), TOMORROW),
        (datetime(2026, 7, 1, 3, 59, 59, tzinfo=UTC), "20260630"),
        (datetime(2026, 7, 1, 4, tzinfo=UTC), "20260701"),
    ],
)
def test_the_brokers_day_ends_at_midnight_in_new_york_in_winter_and_in_summer(at: datetime, day: str) -> None:
    assert trading_day(at) == day
    assert judge().reserve(1, at, 0).trading_day == day


# --- which may be sent ------------------------------------------------------------------------------------------------


def test_what_was_sized_on_this_connection_is_sent_without_the_servers_word() -> None:
    assert fate(judge(), intent()) == (Fate.SEND, "")


@pytest.mark.parametrize(
    ("about", "position", "after", "words"),
    [
        (intent(), 4, timedelta(), "the position changed from 3 to 4 since the account was read"),
        (intent(), 3, timedelta(seconds=60), "the account was read 60 s ago, or the market closed since"),
        (intent(), 3, timedelta(hours=12), "the account was read 43200 s ago, or the market closed since"),
        (intent(connection="earlier"), 3, timedelta(), "the connection was made anew since the account was read"),
    ],
)
def test_what_was_never_sent_is_withdrawn_once_what_it_was_sized_by_is_old(
    about: Intent, position: int, after: timedelta, words: str
) -> None:
    assert fate(judge(), about, position=position, now=NOON + after, never_sent=True) == (Fate.WITHDRAW, words)


def test_what_was_never_sent_is_withdrawn_on_another_day_although_its_figures_are_fresh() -> None:
    late = intent().model_copy(update={"trading_day": "20261123"})
    words = "the broker's day has changed since the order was prepared"
    assert fate(judge(), late, never_sent=True) == (Fate.WITHDRAW, words)


def test_what_is_held_back_is_withdrawn_with_the_reason_of_that() -> None:
    """Also where its figures are old besides: a person looks for the halt, not for the clock."""
    own = judge()
    for now in (NOON, NOON + timedelta(minutes=2)):
        evidence = own.evidence(intent(), 3, now, never_sent=True, held_by="trading is halted")
        assert own.fate(evidence) is Fate.WITHDRAW
        assert own.placed(intent(), evidence).reason == "trading is halted"


def test_an_order_of_ours_for_the_same_contract_withdraws_it_and_no_other_does() -> None:
    words = "another order of ours for the same symbol came to light"
    assert fate(judge(told(order_id=5)), intent()) == (Fate.WITHDRAW, words)
    assert fate(judge(told(order_id=5, con_id=2)), intent())[0] is Fate.SEND
    assert fate(judge(told(order_id=5, client_id=8)), intent())[0] is Fate.SEND
    assert fate(judge(told(order_id=5)), intent().model_copy(update={"account": "DU2"}))[0] is Fate.SEND


def test_an_id_that_is_another_orders_or_was_overtaken_is_not_used() -> None:
    assert fate(judge(told(order_id=20, con_id=2)), intent())[0] is Fate.NEW_ID
    assert fate(judge(told(order_id=20, con_id=2, client_id=8)), intent())[0] is Fate.SEND
    assert fate(judge(), intent(order_id=19))[0] is Fate.NEW_ID
    own = judge()
    own.note_sent(intent(order_id=21, number=2).model_copy(update={"con_id": 2}))
    assert fate(own, intent(order_id=20))[0] is Fate.NEW_ID
    assert fate(own, intent(order_id=21))[0] is Fate.NEW_ID
    assert fate(own, intent(order_id=22))[0] is Fate.SEND


@pytest.mark.parametrize("suffix", ["", "/1"])
def test_what_is_found_is_adopted_also_under_a_ref_with_something_appended(suffix: str) -> None:
    """Its own order is no rival of it, and its id no other's."""
    own = judge(told(order_id=20, ref=intent().ref + suffix))
    evidence = own.evidence(intent(), 3, NOON, never_sent=False)
    assert (own.fate(evidence), evidence.id_taken, evidence.has_rival) == (Fate.ADOPT, False, False)
    assert own.placed(intent(), evidence).state is OrderState.WORKING


def test_what_went_out_on_this_connection_is_never_sent_again() -> None:
    own = judge()
    own.note_sent(intent())
    assert fate(own, intent(), never_sent=True)[0] is Fate.ADOPT
    assert own.report(intent()).state is OrderState.WORKING


def test_what_went_out_is_a_rival_of_another_for_the_same_contract_once_the_gateway_says_that_it_works() -> None:
    ledger = OrderLedger()
    own, second = judge(ledger), intent(order_id=21, number=2)
    own.note_sent(intent())
    ledger.note_order(LedgerOrder(intent().ref, perm_id=99, status="Submitted"))
    assert fate(own, second) == (Fate.WITHDRAW, "another order of ours for the same symbol came to light")


# --- what nobody knows ------------------------------------------------------------------------------------------------


def test_what_may_have_been_sent_is_waited_for_until_the_quiet_period_is_over_to_the_microsecond() -> None:
    own, earlier = judge(looked_up_at=NOON), intent(connection="earlier")
    assert own.quiet_for(NOON) == QUIET_PERIOD.total_seconds()
    assert own.quiet_for(NOON + timedelta(seconds=1)) == 3
    assert fate(own, earlier, now=NOON + QUIET_PERIOD - TICK)[0] is Fate.WAIT
    assert fate(own, earlier, now=NOON + QUIET_PERIOD)[0] is Fate.WITHDRAW


@pytest.mark.parametrize(
    ("about", "position", "found"),
    [
        (intent(connection="earlier"), 3, Fate.WITHDRAW),
        (intent(connection="earlier", order_id=19), 3, Fate.UNKNOWN),
        (intent(connection="earlier"), 4, Fate.UNKNOWN),
        (intent(connection="earlier").model_copy(update={"trading_day": "20261123"}), 3, Fate.UNKNOWN),
    ],
)
def test_what_may_have_been_sent_on_an_earlier_connection_is_never_sent_again(
    about: Intent, position: int, found: Fate
) -> None:
    assert fate(judge(), about, position=position)[0] is found


def test_an_operator_is_told_which_order_to_look_for() -> None:
    own, earlier = judge(), intent(connection="earlier", order_id=19)
    evidence = own.evidence(earlier, 3, NOON, never_sent=False)
    placed = own.placed(earlier, evidence)
    assert placed == own.report(earlier)
    assert (placed.ref, placed.state) == (earlier.ref, OrderState.UNKNOWN)
    assert placed.reason == (
        "order 19 (BUY 10 SPY) was reserved before the last reconnect and the broker lists it nowhere. "
        "Look for it in TWS (trade log) before deciding."
    )


def test_what_is_listed_is_reported_as_it_is_and_what_is_of_this_connection_as_not_sent() -> None:
    earlier = intent(connection="earlier")
    assert judge().report(intent()).state is OrderState.NOT_SENT
    assert judge(told(order_id=20, ref=earlier.ref)).report(earlier).state is OrderState.WORKING


@pytest.mark.parametrize("order_id", [19, 20])
def test_what_is_to_be_sent_or_needs_another_id_is_reported_as_not_sent(order_id: int) -> None:
    own = judge()
    evidence = own.evidence(intent(order_id), 3, NOON, never_sent=True)
    assert own.fate(evidence) in (Fate.SEND, Fate.NEW_ID)
    assert own.placed(intent(order_id), evidence).state is OrderState.NOT_SENT


def test_a_withdrawn_order_of_an_earlier_connection_says_why_although_nothing_else_is_wrong_with_it() -> None:
    own, earlier = judge(), intent(connection="earlier")
    fresh = own.evidence(earlier, 3, NOON, never_sent=False)
    placed = own.placed(earlier, fresh)
    assert placed.state is OrderState.WITHDRAWN
    assert placed.reason == "the connection was made anew since the account was read"


# --- orders that are there --------------------------------------------------------------------------------------------


def test_more_may_be_heard_of_what_works_and_of_what_may_still_turn_up_and_of_nothing_else() -> None:
    own, earlier = judge(looked_up_at=NOON), intent(connection="earlier")
    assert own.may_change(earlier, NOON + QUIET_PERIOD - TICK)
    assert not own.may_change(earlier, NOON + QUIET_PERIOD)
    assert not own.may_change(intent(), NOON)
    own.note_sent(intent())
    assert own.may_change(intent(), NOON + timedelta(days=1))
    filled = told(order_id=20, ref=intent().ref)
    filled.note_order(LedgerOrder(intent().ref, status="Cancelled"))
    assert not judge(filled).may_change(intent(), NOON)


def test_a_price_is_changed_only_of_an_order_of_this_client_that_is_there_today() -> None:
    at_work = told(order_id=20, ref=intent().ref)
    assert judge(at_work).may_reprice(intent(), NOON)
    assert not judge(at_work).may_reprice(intent(), NOON + timedelta(hours=12))
    assert not judge(told(order_id=20, ref=intent().ref, client_id=8)).may_reprice(intent(), NOON)
    assert not judge().may_reprice(intent(), NOON)


def test_an_error_after_a_new_price_is_about_the_price_and_the_order_lives_on() -> None:
    ledgers = told(order_id=20, ref=intent().ref), told(order_id=20, ref=intent().ref)
    for ledger in ledgers:
        judge(ledger).note_sent(intent())
    judge(ledgers[1]).note_repriced(intent())
    for ledger in ledgers:
        ledger.note_error(20, 201, "refused")
    assert [judge(ledger).report(intent()).state for ledger in ledgers] == [OrderState.REJECTED, OrderState.WORKING]
