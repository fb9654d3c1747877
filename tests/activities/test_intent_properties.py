"""Random lives of intents against the gateway's engine: never more than one order of each (promise P3).

The application's own ``OrderDesk``, with its judge and its ledger, places the orders; only the socket is not there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from activities.gateway.intent_judge import IntentJudge
from activities.gateway.order_desk import OrderDesk
from rebalancing.errors import GatewaySettling, GatewayUnavailable
from rebalancing.market.snapshot import ReservedIds
from rebalancing.orders.intent_fate import Evidence, Fate, fate_of
from rebalancing.orders.order import Intent, LegOrder, OrderReport, OrderState, Side, intents_under
from tests.activities.intent_life import CON_IDS, World, WorldLoop, leg_order, settled

T = TypeVar("T")

ORDER_FIELDS = set(LegOrder.model_fields)
DELIVERIES = st.sampled_from(["accepted", "accepted", "muted", "late", "lost", "used_up", "refused"])


class IntentLife(RuleBasedStateMachine):
    """Send, acknowledge, fill, crash, restart, midnight: in any order.

    It does what the workflow does with an account's intents: ``history`` is what its history holds, ``tried`` what that
    says of whose sending began.
    """

    desk_class: type[OrderDesk] = OrderDesk

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.desk_class)
        self.runner = asyncio.Runner(loop_factory=lambda: WorldLoop(self.world.clock))
        self.history: dict[str, Intent] = {}
        self.held_by = ""
        self.sent_while_held = 0
        self.parked: set[str] = set()
        self.withdrawn: set[str] = set()
        self.tried: set[tuple[str, int]] = set()
        self.intents: dict[str, Intent] = {}
        self.ordered_before_a_restore: set[str] = set()
        self.copies: list[tuple[dict[str, Intent], set[tuple[str, int]]]] = []
        self.first_ref_of: dict[int, str] = {}
        self.readings: list[tuple[ReservedIds, tuple[LegOrder, ...]]] = []

    @rule(
        symbol=st.sampled_from(sorted(CON_IDS)),
        side=st.sampled_from(Side),
        quantity=st.integers(min_value=1, max_value=100),
        legs=st.integers(min_value=1, max_value=3),
        limit=st.sampled_from([None, Decimal(90), Decimal(110)]),
    )
    def prepare(self, symbol: str, side: Side, quantity: int, legs: int, limit: Decimal | None) -> None:
        connection = self.world.connect()
        if len(self.history) > 12:
            return
        if not settled(connection):
            self.world.pass_time(3)
        self.reserve(*self.new_orders(symbol, side, quantity, legs, limit))

    @rule(
        symbol=st.sampled_from(sorted(CON_IDS)),
        side=st.sampled_from(Side),
        quantity=st.integers(min_value=1, max_value=100),
        legs=st.integers(min_value=1, max_value=3),
    )
    def read_and_size(self, symbol: str, side: Side, quantity: int, legs: int) -> None:
        """What a reading does that reserves ids for the leg which is sized by it; the leg is numbered later."""
        connection = self.world.connect()
        if len(self.history) <= 12 and (ids := connection.desk.reserve(legs + 1)) is not None:
            self.readings.append((ids, self.new_orders(symbol, side, quantity, legs, None)))

    @precondition(lambda self: self.readings)
    @rule()
    def number_what_was_read(self) -> None:
        """What the workflow does with such ids, however late."""
        ids, orders = self.readings.pop(0)
        if any(order.ref in self.intents for order in orders) or ids.first <= self.highest_withdrawn_id:
            return
        for intent in intents_under(ids, orders):
            self.history[intent.ref] = self.intents[intent.ref] = intent

    def new_orders(
        self, symbol: str, side: Side, quantity: int, legs: int, limit: Decimal | None
    ) -> tuple[LegOrder, ...]:
        """Orders sized by what the account holds now."""
        figures, first = self.world.connect().figures(symbol), len(self.intents)
        return tuple(leg_order(first + each, figures, symbol, side, quantity + each, limit) for each in range(legs))

    @precondition(lambda self: self.history)
    @rule(data=st.data(), delivery=DELIVERIES)
    def try_to_place(self, data: st.DataObject, delivery: str) -> None:
        ref = data.draw(st.sampled_from(sorted(self.history)))
        if ref not in self.closed:
            self.place(self.history[ref], delivery=delivery)

    @rule(delivery=DELIVERIES)
    def place_everything(self, delivery: str) -> None:
        self.place(*self.open_intents, delivery=delivery)

    @rule()
    def acknowledge_everything(self) -> None:
        """What ``acknowledge_leg`` does with all that went out on this connection, or was found on it."""
        connection = self.world.connect()
        self.acknowledge(*(each for each in self.open_intents if connection.ledger.holds(each.ref)))

    @precondition(lambda self: self.history)
    @rule(
        data=st.data(),
        price=st.sampled_from([95, 99, 101, 105]),
        delivery=st.sampled_from(["accepted", "late", "lost"]),
    )
    def reprice(self, data: st.DataObject, price: int, delivery: str) -> None:
        """What ``reprice_leg`` does with one intent; the change may be under way for a while, or be lost."""
        intent = self.history[data.draw(st.sampled_from(sorted(self.history)))]
        connection = self.world.connect()
        connection.delivery = delivery
        if intent.limit_price is not None:
            connection.desk.reprice(intent, Decimal(price))

    @rule(is_halted=st.booleans())
    def halt_or_resume(self, is_halted: bool) -> None:
        self.held_by = "trading is halted" if is_halted else ""

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 5.0, 30.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def lose_the_connection(self) -> None:
        self.world.lose_connection()

    @rule(roll_back=st.sampled_from([0, 0, 1, 5, 1000]))
    def restart_the_gateway(self, roll_back: int) -> None:
        self.world.restart(roll_back)

    @rule(hours=st.sampled_from([7, 24]))
    def let_a_night_pass(self, hours: int) -> None:
        self.world.pass_time(hours * 3600.0)

    @rule()
    def copy_the_history(self) -> None:
        self.copies.append((dict(self.history), set(self.tried)))

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def restore_a_history(self, data: st.DataObject) -> None:
        """An earlier copy is put back: what was begun since then was never begun, as far as it tells."""
        history, tried = data.draw(st.sampled_from(self.copies))
        self.history, self.tried = dict(history), set(tried)
        self.ordered_before_a_restore |= self.ordered

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if working := self.world.engine.open_orders():
            order = data.draw(st.sampled_from(working))
            self.world.engine.cancel(order.client_id, order.order_id)

    @invariant()
    def no_intent_is_ordered_twice(self) -> None:
        refs = [order.ref for order in self.world.orders]
        assert len(refs) == len(set(refs)), refs

    @invariant()
    def every_order_is_what_its_intent_says(self) -> None:
        for order in self.world.orders:
            assert self.first_ref_of.setdefault(order.perm_id, order.ref) == order.ref
            intent = self.intents[order.ref]
            assert (order.symbol, order.action, order.quantity) == (intent.symbol, intent.side.value, intent.quantity)
            assert order.filled <= intent.quantity

    @invariant()
    def nothing_is_sent_while_trading_is_held(self) -> None:
        assert self.sent_while_held == 0

    @invariant()
    def what_was_withdrawn_never_becomes_an_order(self) -> None:
        assert not (self.withdrawn - self.ordered_before_a_restore) & self.ordered

    @property
    def ordered(self) -> set[str]:
        """The refs of all orders there ever were."""
        return {order.ref for order in self.world.orders}

    @property
    def closed(self) -> set[str]:
        """What nobody tries to place any more."""
        return self.parked | self.withdrawn

    @property
    def open_intents(self) -> list[Intent]:
        """What there is to be placed, by id."""
        intents = (intent for ref, intent in self.history.items() if ref not in self.closed)
        return sorted(intents, key=lambda intent: intent.order_id)

    def teardown(self) -> None:
        """In quiet times every intent comes to an end: it is there once, was turned down, or waits for an operator."""
        self.held_by = ""
        try:
            for _ in range(3):
                self.world.connect()
                self.world.pass_time(5)
                for intent in self.open_intents:
                    self.place(intent, delivery="accepted")
            self.world.pass_time(60)
        finally:
            self.runner.close()
        self.no_intent_is_ordered_twice()
        self.every_order_is_what_its_intent_says()
        self.what_was_withdrawn_never_becomes_an_order()
        connection = self.world.connect()
        for ref in self.history:
            assert ref in self.ordered or ref in self.closed or connection.ledger.holds(ref)

    # --- what the workflow asks of the desk -----------------------------------------------------------------------

    def reserve(self, *orders: LegOrder) -> None:
        """Have ids reserved, above those of what was withdrawn."""
        for intent in self.world.connect().desk.prepare(orders, self.highest_withdrawn_id):
            self.history[intent.ref] = self.intents[intent.ref] = intent

    @property
    def highest_withdrawn_id(self) -> int:
        """What later ids must be above."""
        return max((self.intents[ref].order_id for ref in self.withdrawn), default=0)

    def place(self, *intents: Intent, delivery: str) -> None:
        """Place intents in one visit, their bytes suffering the fate named."""
        connection = self.world.connect()
        connection.delivery = delivery
        keys = {(intent.ref, intent.order_id) for intent in intents}

        async def permission() -> str:
            """The server's word that the sending begins, unless trading is held."""
            if self.held_by:
                return self.held_by
            self.tried |= keys
            return ""

        never_sent, sent_before = not keys & self.tried, self.world.sent
        try:
            reports = self.run(connection.desk.place(intents, permission, never_sent=never_sent))
        except GatewayUnavailable:
            return  # placed again on the next connection, which looks them up first
        finally:
            self.sent_while_held += self.world.sent - sent_before if self.held_by else 0
        # This engine answers while the bytes are written; a real gateway later, when an acknowledgement is awaited.
        turned_away = {ref for ref, order in connection.ledger.orders.items() if order.was_turned_away}
        answered = {each.ref for each in reports if each.state is OrderState.NOT_SENT and each.ref in turned_away}
        self.acknowledge(*(intent for intent in intents if intent.ref in answered))
        self.note(report for report in reports if report.ref not in answered)

    def acknowledge(self, *intents: Intent) -> None:
        """Wait until the gateway has answered these."""
        with suppress(GatewayUnavailable):
            self.note(self.run(self.world.connect().desk.acknowledged(intents)))

    def note(self, reports: Iterable[OrderReport]) -> None:
        """Go on with what was told: an unsent intent gets a new id, an unknown one waits for an operator."""
        for report in reports:
            if report.state is OrderState.UNKNOWN:
                self.parked.add(report.ref)
            elif report.state is OrderState.WITHDRAWN:
                self.withdrawn.add(report.ref)
            elif report.state is OrderState.NOT_SENT:
                with suppress(GatewaySettling):  # then it is tried again
                    self.reserve(LegOrder.model_validate(self.history[report.ref].model_dump(include=ORDER_FIELDS)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a call of the desk to its end; time passes only as far as it waits."""
        return self.runner.run(work)


def test_no_interleaving_makes_two_orders_of_one_intent() -> None:
    run_state_machine_as_test(IntentLife, settings=_settings())


def _new_id_without_lookup(evidence: Evidence) -> Fate:
    return fate_of(evidence) if evidence.never_sent else Fate.NEW_ID


def _new_id_when_in_doubt(evidence: Evidence) -> Fate:
    fate = fate_of(evidence)
    return Fate.NEW_ID if fate is Fate.UNKNOWN else fate


def _whatever_its_figures(evidence: Evidence) -> Fate:
    """Believes a history that says that the sending never began, as one that was rolled back does."""
    fresh = replace(evidence, staleness="", today=evidence.trading_day, position_now=evidence.position_before)
    return fate_of(replace(fresh, has_rival=False) if evidence.never_sent else evidence)


def _without_days_and_positions(evidence: Evidence) -> Fate:
    return fate_of(replace(evidence, today=evidence.trading_day, position_now=evidence.position_before))


def _without_a_quiet_period(evidence: Evidence) -> Fate:
    return fate_of(replace(evidence, quiet_period_over=True))


def _fails_under(judge: type[IntentJudge]) -> None:
    """The property does not hold for the desk with this judge."""

    class CarelessDesk(OrderDesk):
        judge_class = judge

    class CarelessLife(IntentLife):
        desk_class = CarelessDesk

    with pytest.raises(AssertionError):
        run_state_machine_as_test(CarelessLife, settings=_settings(max_examples=3000, phases=(Phase.generate,)))


def test_the_property_fails_where_a_change_is_sent_for_an_order_that_may_not_be_there() -> None:
    class Careless(IntentJudge):
        def may_reprice(self, intent: Intent, now: datetime) -> bool:
            return True

    _fails_under(Careless)


def test_the_property_fails_where_a_halt_is_not_heeded() -> None:
    class Careless(IntentJudge):
        def evidence(
            self, intent: Intent, position: int, now: datetime, *, never_sent: bool, held_by: str = ""
        ) -> Evidence:
            return super().evidence(intent, position, now, never_sent=never_sent)

    _fails_under(Careless)


def test_the_property_fails_where_an_id_of_an_earlier_connection_counts_as_reserved_on_this_one() -> None:
    class Careless(IntentJudge):
        def is_of_this_connection(self, intent: Intent) -> bool:
            return True

    _fails_under(Careless)


@pytest.mark.parametrize(
    "decide",
    [
        _new_id_without_lookup,
        _new_id_when_in_doubt,
        _without_days_and_positions,
        _whatever_its_figures,
        _without_a_quiet_period,
    ],
)
def test_the_property_fails_where_a_rule_is_left_out(decide: Callable[[Evidence], Fate]) -> None:
    class Careless(IntentJudge):
        def fate(self, evidence: Evidence) -> Fate:
            return decide(evidence)

    _fails_under(Careless)


def _settings(max_examples: int = 300, phases: tuple[Phase, ...] = tuple(Phase)) -> settings:
    return settings(
        max_examples=max_examples,
        phases=phases,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        derandomize=Phase.shrink not in phases,
    )
