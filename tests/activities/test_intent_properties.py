"""Random lives of intents against the gateway's engine: never more than one order of each (promise P3).

The client's part is the application's own: its state machine, its order ids and its ledger.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from activities.gateway.ledger import OrderLedger
from activities.gateway.placing import trading_day
from rebalancing.orders.intent_fate import Evidence, Fate, fate_of
from rebalancing.orders.order import Intent, LegOrder, Side
from tests.activities.intent_life import CLIENT, SYMBOLS, World, leg_order, settled

DELIVERIES = st.sampled_from(["accepted", "accepted", "muted", "late", "lost", "used_up", "refused"])


def _may_modify(ledger: OrderLedger, intent: Intent, today: str) -> bool:
    return ledger.may_be_modified(intent, CLIENT, today)


class IntentLife(RuleBasedStateMachine):
    """Send, acknowledge, fill, crash, restart, midnight: in any order."""

    decide: Callable[[Evidence], Fate] = staticmethod(fate_of)
    may_modify: Callable[[OrderLedger, Intent, str], bool] = staticmethod(_may_modify)

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.history: dict[str, Intent] = {}
        self.parked: set[str] = set()
        self.withdrawn: set[str] = set()
        self.tried: set[tuple[str, int]] = set()
        self.intents: dict[str, Intent] = {}
        self.ordered_before_a_restore: set[str] = set()
        self.copies: list[tuple[dict[str, Intent], set[tuple[str, int]]]] = []
        self.first_ref_of: dict[int, str] = {}

    @rule(
        symbol=st.sampled_from(SYMBOLS),
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
        for number in range(legs):
            order = leg_order(len(self.intents), connection.figures(symbol), symbol, side, quantity + number, limit)
            self.reserve(order)

    @precondition(lambda self: self.history)
    @rule(data=st.data(), delivery=DELIVERIES)
    def try_to_place(self, data: st.DataObject, delivery: str) -> None:
        ref = data.draw(st.sampled_from(sorted(self.history)))
        if ref not in self.closed:
            self.attempt(self.history[ref], delivery)

    @rule(delivery=DELIVERIES)
    def place_everything(self, delivery: str) -> None:
        for ref, intent in list(self.history.items()):
            if ref not in self.closed:
                self.attempt(intent, delivery)

    @precondition(lambda self: self.history)
    @rule(data=st.data(), price=st.sampled_from([95, 99, 101, 105]), delivery=st.sampled_from(["now", "late", "lost"]))
    def reprice(self, data: st.DataObject, price: int, delivery: str) -> None:
        """What ``reprice_leg`` does with one intent; the change may be under way for a while, or be lost."""
        intent = self.history[data.draw(st.sampled_from(sorted(self.history)))]
        connection, today = self.world.connect(), trading_day(self.world.clock.now())
        if intent.limit_price is None or not self.may_modify(connection.ledger, intent, today):
            return
        connection.ledger.note_modified(intent)
        if delivery == "late":
            self.world.deliver_later(intent, 2, Decimal(price))
        elif delivery == "now":
            self.world.deliver(intent, Decimal(price))

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 5.0, 30.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def lose_the_connection(self) -> None:
        self.world.connection = None

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

    def reserve(self, order: LegOrder) -> None:
        """What ``prepare_leg`` does with one order."""
        above = max((self.intents[ref].order_id for ref in self.withdrawn), default=0)
        self.history[order.ref] = self.intents[order.ref] = self.world.connect().reserve(order, above)

    def teardown(self) -> None:
        """In quiet times every intent comes to an end: it is there once, was turned down, or waits for an operator."""
        for _ in range(3):
            self.world.connect()
            self.world.pass_time(5)
            for ref, intent in sorted(self.history.items(), key=lambda item: item[1].order_id):
                if ref not in self.closed:
                    self.attempt(intent, "accepted")
        self.world.pass_time(60)
        self.no_intent_is_ordered_twice()
        self.every_order_is_what_its_intent_says()
        self.what_was_withdrawn_never_becomes_an_order()
        connection = self.world.connect()
        for ref in self.history:
            assert ref in self.ordered or ref in self.closed or connection.ledger.holds(ref)

    def attempt(self, intent: Intent, delivery: str) -> None:
        """What ``place_leg`` does with one intent, its bytes suffering the fate named."""
        connection = self.world.connect()
        never_sent = (intent.ref, intent.order_id) not in self.tried
        fate = self.decide(connection.evidence(intent, never_sent=never_sent))
        if fate is Fate.WAIT and delivery == "accepted":
            self.world.pass_time(5)
            connection.ask()
            fate = self.decide(connection.evidence(intent, never_sent=never_sent))
        if fate is Fate.UNKNOWN:
            self.parked.add(intent.ref)
        elif fate is Fate.WITHDRAW:
            self.withdrawn.add(intent.ref)
        elif fate is Fate.NEW_ID and settled(connection):
            self.reserve(intent)
        elif fate is Fate.SEND:
            self.tried.add((intent.ref, intent.order_id))  # confirmed by the server before the first byte
            self.send(intent, delivery)

    def send(self, intent: Intent, delivery: str) -> None:
        connection, engine = self.world.connect(), self.world.engine
        connection.ledger.note_sent(intent, 7)
        connection.ids.note_sent(intent.order_id)
        match delivery:
            case "late":
                self.world.deliver_later(intent, 2)
            case "lost":
                self.world.connection = None  # an unanswered order is looked up on a new connection
            case "used_up":
                engine.use_up(7, intent.order_id)
                self.world.connection = None
            case "muted":
                connection.muted.add(intent.order_id)
                self.world.deliver(intent)
            case "refused":
                self.world.refuse(intent)
            case _:
                self.world.deliver(intent)
        order = connection.ledger.find(intent.ref)
        if order is not None and order.was_turned_away:
            self.look_up_turned_away(intent)

    def look_up_turned_away(self, intent: Intent) -> None:
        connection = self.world.connect()
        connection.ids.note_used_before(intent.order_id)
        if not connection.ids.reserved(intent):
            connection.ask()
            if not connection.ledger.holds(intent.ref):
                self.parked.add(intent.ref)
        elif settled(connection):
            self.reserve(intent)


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


def _whatever_is_known(_ledger: OrderLedger, _intent: Intent, _today: str) -> bool:
    return True


def test_the_property_fails_where_a_change_is_sent_for_an_order_that_may_not_be_there() -> None:
    class Careless(IntentLife):
        pass

    Careless.may_modify = staticmethod(_whatever_is_known)
    enough = _settings(max_examples=3000, phases=(Phase.generate,))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Careless, settings=enough)


@pytest.mark.parametrize(
    "decide", [_new_id_without_lookup, _new_id_when_in_doubt, _without_days_and_positions, _whatever_its_figures]
)
def test_the_property_fails_where_a_rule_is_left_out(decide: Callable[[Evidence], Fate]) -> None:
    class Careless(IntentLife):
        pass

    Careless.decide = staticmethod(decide)
    enough = _settings(max_examples=3000, phases=(Phase.generate,))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Careless, settings=enough)


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
