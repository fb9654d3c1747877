"""A timeline is drawn from its seed alone."""

from collections import Counter
from itertools import pairwise
from typing import get_args, get_type_hints

import pytest
from pydantic import TypeAdapter

from chaos.doors import (
    DAY_CHANGES,
    DOORS,
    FURTHEST,
    SHOCK,
    SYMBOLS,
    ForeignRun,
    MarketClosing,
    PowerCut,
    PriceShock,
    SecondInstallation,
    Takeover,
)
from chaos.timeline import (
    GATEWAY,
    LISTENER,
    PROCESSES,
    STRATEGIES,
    TEMPORAL,
    WORKERS,
    AllocationsFault,
    GatewayFault,
    MovePrices,
    ProcessFault,
    Publish,
    draw_timeline,
    first_weights,
    last_events,
)
from rebalancing.triggers import REMEMBERED_EVENTS
from simulator.allocations.strategies import Fault
from simulator.gateway.faults import FaultRule

FAULTS = (ProcessFault, GatewayFault, AllocationsFault, *DOORS)

ALL_BUT_OTHERS = (TEMPORAL, GATEWAY, *WORKERS, LISTENER)
"""What runs on the machine of the one who uses it, and the gateway."""


def test_the_same_seed_gives_the_same_timeline() -> None:
    assert draw_timeline(50, 7) == draw_timeline(50, 7)
    assert last_events(7) == last_events(7)
    assert draw_timeline(50, 7) != draw_timeline(50, 8)


@pytest.mark.parametrize("count", [0, 1, 50, 400])
def test_a_timeline_has_as_many_faults_as_were_asked_for(count: int) -> None:
    assert sum(isinstance(each.step, FAULTS) for each in draw_timeline(count, 7)) == count


def test_fifty_faults_leave_most_of_five_minutes_for_coming_to_rest() -> None:
    assert max(draw_timeline(50, seed)[-1].at for seed in range(100)) < 150


def test_every_process_is_killed_and_frozen_and_the_gateway_forgets_order_ids() -> None:
    faults = [each.step for each in draw_timeline(1000, 7) if isinstance(each.step, ProcessFault)]
    assert {(each.target, each.how) for each in faults} == {
        (name, how) for name in PROCESSES for how in ("kill", "stop", "freeze")
    }
    assert {bool(each.roll_back) for each in faults if each.target == "gateway"} == {True, False}
    assert not any(each.roll_back for each in faults if each.target != "gateway" or each.how == "freeze")


def test_a_process_is_left_alone_until_it_is_back() -> None:
    back = dict.fromkeys(PROCESSES, 0.0)
    for each in draw_timeline(1000, 7):
        if isinstance(each.step, ProcessFault):
            assert each.at >= back[each.step.target]
            back[each.step.target] = each.at + each.step.seconds
        elif isinstance(each.step, Takeover | PowerCut):
            taken = (TEMPORAL,) if isinstance(each.step, PowerCut) and not each.step.new_day else ALL_BUT_OTHERS
            assert each.at >= max(back[name] for name in taken)
            back.update(dict.fromkeys(taken, each.at + each.step.seconds))


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_drawn_and_power_cuts_are_rare(door: type[object]) -> None:
    for seed in range(3):
        steps = [each.step for each in draw_timeline(1000, seed)]
        assert 1 <= sum(isinstance(step, door) for step in steps) <= (40 if door is PowerCut else 100)


def test_every_way_through_a_door_is_drawn() -> None:
    steps = [each.step for seed in range(3) for each in draw_timeline(1000, seed)]
    ways = get_args(get_type_hints(ForeignRun)["how"])
    assert {step.how for step in steps if isinstance(step, ForeignRun)} == set(ways)
    assert {step.when for step in steps if isinstance(step, PriceShock)} == {"closed", "at_order", "restart"}
    assert {step.new_day for step in steps if isinstance(step, PowerCut)} == {True, False}
    assert all(step.account != step.other for step in steps if isinstance(step, ForeignRun))


def test_a_run_has_no_more_midnights_than_a_time_zone() -> None:
    for seed in range(10):
        cuts = [each.step for each in draw_timeline(1000, seed) if isinstance(each.step, PowerCut)]
        assert sum(each.new_day for each in cuts) <= DAY_CHANGES


def test_markets_close_and_second_installations_come_one_at_a_time() -> None:
    for kind, seconds in ((MarketClosing, 120.0), (SecondInstallation, 15.0)):
        times = [each.at for each in draw_timeline(3000, 7) if isinstance(each.step, kind)]
        assert all(later - earlier > seconds for earlier, later in pairwise(times))


def test_prices_jump_by_percents_and_come_to_where_everybody_believes_them() -> None:
    level: dict[str, float] = dict.fromkeys(SYMBOLS, 1.0)
    for each in draw_timeline(3000, 7):
        if isinstance(each.step, PriceShock):
            for symbol, factor in each.step.factors.items():
                assert SHOCK[0] <= abs(factor - 1) + 0.0001 <= SHOCK[1] + 0.0002
                level[symbol] *= factor
                assert abs(level[symbol] - 1) < 2 * FURTHEST


def test_every_rule_is_one_that_the_stand_ins_understand() -> None:
    steps = [each.step for each in draw_timeline(1000, 7)]
    rules = [rule for each in steps if isinstance(each, GatewayFault) for rule in (*each.rules, *each.then)]
    assert len({str(TypeAdapter(FaultRule).validate_python(rule).action) for rule in rules}) >= 10
    wrong = [each.fault for each in steps if isinstance(each, AllocationsFault)]
    assert len({str(TypeAdapter(Fault).validate_python(fault)) for fault in wrong}) >= 5


def test_a_lost_link_is_restored() -> None:
    lost = [
        each.step for each in draw_timeline(1000, 7) if isinstance(each.step, GatewayFault) and "1100" in each.step.name
    ]
    assert lost
    assert all(each.then and each.seconds > 0 for each in lost)


@pytest.mark.parametrize("count", [50, 400, 2000])
def test_no_account_gets_more_events_than_it_remembers(count: int) -> None:
    events = [each.step for each in draw_timeline(count, 7) if isinstance(each.step, Publish)]
    assert len({each.event_id for each in events}) == len(events)
    per_strategy = Counter(each.strategy for each in events)
    assert max(per_strategy.values()) < REMEMBERED_EVENTS


def test_weights_are_whole_and_prices_move_little() -> None:
    steps = [each.step for each in draw_timeline(200, 7)]
    weights = [each.weights for each in steps if isinstance(each, Publish)] + list(first_weights(7).values())
    assert all(round(sum(each.values()), 9) == 1 for each in weights)
    factors = [factor for each in steps if isinstance(each, MovePrices) for factor in each.factors.values()]
    assert all(abs(factor - 1) < 0.005 for factor in factors)


def test_every_strategy_gets_a_last_live_event() -> None:
    assert {each.strategy for each in last_events(7) if each.live} == set(STRATEGIES)
