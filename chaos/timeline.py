"""What happens in one run of the harness, drawn from its seed before anything starts. Pure.

Times are seconds from the start; the same seed and number of faults give the same timeline.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from chaos.doors import SYMBOLS, Door, DoorChance, Drawn
from testbed.gateway_control import Rule
from testbed.installation import ABLY, ALLOCATIONS, GATEWAY, LISTENER, TEMPORAL

WORKERS: Final = ("worker-1", "worker-2")
PROCESSES: Final[tuple[str, ...]] = (TEMPORAL, GATEWAY, ABLY, ALLOCATIONS, *WORKERS, LISTENER)

STRATEGIES: Final = ("momentum", "carry", "value", "all-weather")

FAULT_GAP: Final = (0.6, 3.6)
"""Seconds between two faults."""

EVENT_GAP: Final = (2.0, 7.0)
ACCOUNTS_DRAWN: Final = 12
"""So many accounts there are for doors to be drawn for."""

MOST_EVENTS: Final = 320
"""Less than 100 for each strategy, which is how many events an account remembers."""

PRICE_GAP: Final = (1.0, 4.0)
PRICE_STEP: Final = 0.004
"""The largest move of one price at once, as a share of it."""

DOWN: Final = (0.2, 6.0)
"""Seconds until a killed process is started again, or a frozen one goes on."""

PEACE: Final = 2.0
"""Seconds a process is left alone after it is back, so that it meets other faults than its own start."""

WARM_UP: Final = 4.0

DRY_RUN_SHARE: Final = 0.1


@dataclass(frozen=True)
class ProcessFault:
    """A process is killed (SIGKILL), stopped in order (SIGTERM) or frozen, and is back after ``seconds``.

    ``roll_back`` is by how many order ids a gateway's counter is set back at its restart.
    """

    target: str
    how: Literal["kill", "stop", "freeze"]
    seconds: float
    roll_back: int = 0

    def __str__(self) -> str:
        rolled = f", order ids rolled back by {self.roll_back}" if self.roll_back else ""
        return f"{self.how} {self.target} for {self.seconds:.1f} s{rolled}"


@dataclass(frozen=True)
class GatewayFault:
    """Rules for the gateway's control port; ``then`` follow after ``seconds``."""

    name: str
    rules: tuple[Rule, ...]
    then: tuple[Rule, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"gateway: {self.name}"


@dataclass(frozen=True)
class AllocationsFault:
    """What the allocations API does wrong for one strategy."""

    strategy: str
    fault: Rule

    def __str__(self) -> str:
        return f"allocations of {self.strategy}: {dict(self.fault)}"


@dataclass(frozen=True)
class Publish:
    """An event for one strategy, whose weights change at the same moment."""

    event_id: str
    strategy: str
    live: bool
    weights: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True)
class MovePrices:
    """Factors by which prices change."""

    factors: Mapping[str, float] = field(hash=False)


Fault = ProcessFault | GatewayFault | AllocationsFault | Door
Step = Fault | Publish | MovePrices


@dataclass(frozen=True)
class Timed:
    """One step and its time."""

    at: float
    step: Step


def draw_timeline(faults: int, seed: int) -> tuple[Timed, ...]:
    """So many faults with the events and price moves around them, in order of time."""
    chance = random.Random(seed)
    steps = _faults(faults, chance)
    end = steps[-1].at if steps else WARM_UP
    steps += _events(end, chance)
    steps += _spaced(PRICE_GAP, end, chance, lambda _: _price_move(chance))
    return tuple(sorted(steps, key=lambda timed: timed.at))


def last_events(seed: int) -> tuple[Publish, ...]:
    """One event for every strategy, to be published when everything is healed."""
    chance = random.Random(f"{seed} last")
    return tuple(Publish(f"last-{name}", name, live=True, weights=_weights(chance)) for name in STRATEGIES)


def first_weights(seed: int) -> dict[str, dict[str, float]]:
    """The weights that are published before the first event."""
    chance = random.Random(f"{seed} first")
    return {name: _weights(chance) for name in STRATEGIES}


def _faults(count: int, chance: random.Random) -> list[Timed]:
    at = WARM_UP
    faults = _Faults(chance)
    drawn: list[Timed] = []
    for _ in range(count):
        drawn.append(Timed(at, faults.draw(at)))
        at += chance.uniform(*FAULT_GAP)
    return drawn


class _Faults:
    """Draws faults one after another, each for processes that earlier ones have left alone for a while."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._busy: dict[str, float] = dict.fromkeys(PROCESSES, 0.0)
        self._doors = DoorChance(ACCOUNTS_DRAWN, TEMPORAL, GATEWAY, (*WORKERS, LISTENER))
        self._owed: Drawn | None = None

    def draw(self, at: float) -> Fault:
        """The fault at this time. A door whose processes are still busy is opened as soon as they are not."""
        kind = self._chance.choices(("process", "gateway", "allocations", "door"), weights=(46, 32, 6, 16))[0]
        if kind == "door" and self._owed is None:
            self._owed = self._doors.draw(self._chance)
        if self._owed is not None and all(self._busy.get(name, 0.0) <= at for name in self._owed.takes):
            owed, self._owed = self._owed, None
            self._busy.update(dict.fromkeys(owed.takes, at + owed.seconds + PEACE))
            return owed.door
        kept = self._owed.takes if self._owed else ()
        free = [name for name in PROCESSES if self._busy[name] <= at and name not in kept]
        if kind == "process" and free:
            fault = _process_fault(self._chance.choice(free), self._chance)
            self._busy[fault.target] = at + fault.seconds + PEACE
            return fault
        if kind == "allocations":
            return AllocationsFault(self._chance.choice(STRATEGIES), self._chance.choice(_ALLOCATIONS_FAULTS))
        return self._chance.choice(_GATEWAY_FAULTS)(self._chance)


def _process_fault(target: str, chance: random.Random) -> ProcessFault:
    seconds = round(chance.uniform(*DOWN), 2)
    if target == GATEWAY:
        how = chance.choices(("kill", "stop", "freeze"), weights=(4, 3, 3))[0]
        roll_back = chance.choice((0, 0, 1, 2, 5)) if how != "freeze" else 0
        return ProcessFault(target, how, seconds, roll_back)
    return ProcessFault(target, chance.choices(("kill", "stop", "freeze"), weights=(5, 1, 4))[0], seconds)


_READS: Final = (
    "reqAllOpenOrders",
    "reqCompletedOrders",
    "reqExecutions",
    "reqPositions",
    "reqContractDetails",
    "reqMktData",
    "reqAccountUpdatesMulti",
)


def _on_order(action: str, **more: object) -> Rule:
    return {"action": action, "match": {"request": "placeOrder"}, **more}


def _link_lost(chance: random.Random) -> GatewayFault:
    back = chance.choice((1101, 1102))
    return GatewayFault(
        f"1100, then {back}",
        ({"action": "notice", "code": 1100},),
        ({"action": "notice", "code": back},),
        round(chance.uniform(0.5, 5.0), 2),
    )


def _unanswered(chance: random.Random) -> GatewayFault:
    request = chance.choice(_READS)
    return GatewayFault(f"{request} is never answered", ({"action": "stall", "match": {"request": request}},))


def _slow(chance: random.Random) -> GatewayFault:
    seconds = round(chance.uniform(0.5, 5.0), 2)
    request = chance.choice(_READS)
    rule = {"action": "delay", "seconds": seconds, "match": {"request": request}}
    return GatewayFault(f"{request} takes {seconds:.1f} s longer", (rule,))


def _delayed_ack(chance: random.Random) -> GatewayFault:
    seconds = round(chance.uniform(0.5, 6.0), 2)
    return GatewayFault("an order is told late", (_on_order("delay_ack", seconds=seconds),))


def _half_open(chance: random.Random) -> GatewayFault:
    seconds = round(chance.uniform(1.0, 6.0), 2)
    return GatewayFault("half open", ({"action": "half_open", "seconds": seconds},))


def _plain(name: str, *rules: Rule) -> Callable[[random.Random], GatewayFault]:
    return lambda _: GatewayFault(name, rules)


_GATEWAY_FAULTS: Final[tuple[Callable[[random.Random], GatewayFault], ...]] = (
    _link_lost,
    _unanswered,
    _slow,
    _delayed_ack,
    _half_open,
    _plain("an acknowledgement is dropped", _on_order("drop_ack")),
    _plain("an order is mute", _on_order("mute_order")),
    _plain("an order is rejected", _on_order("reject", code=201)),
    _plain("an order vanishes, its id used", _on_order("swallow")),
    _plain("an order vanishes, its id free", _on_order("swallow", roll_back=True)),
    _plain("closed before an order", _on_order("close_before")),
    _plain("closed after an order", _on_order("close_after")),
    _plain("half open at an order", _on_order("half_open", seconds=4.0)),
    _plain("closed before the second order", _on_order("close_before", after=1)),
    _plain("time in force is preset (10349)", _on_order("notice", code=10349)),
    _plain("closed", {"action": "close_after"}),
    _plain("a cancel is not answered", {"action": "stall", "match": {"request": "cancelOrder"}}),
)

_ALLOCATIONS_FAULTS: Final[tuple[Rule, ...]] = (
    {"status": 500, "times": 3},
    {"status": 503, "times": 1},
    {"delay": 4.0, "times": 3},
    {"body": "<html>maintenance</html>", "content_type": "text/html", "times": 2},
    {"body": '{"status": "success", "data": {"allocations": []}}', "times": 1},
    {"body": '{"status": "success", "data": {"allocations": [{"symbol": "QQQ", "allocation": "NaN"}]}}', "times": 1},
    {"body": '{"status": "success", "data": {"allocations": [{"symbol": "QQQ", "allocation": 1.7}]}}', "times": 2},
)


def _spaced(gap: tuple[float, float], end: float, chance: random.Random, make: Callable[[int], Step]) -> list[Timed]:
    steps: list[Timed] = []
    at = chance.uniform(*gap)
    while at < end:
        steps.append(Timed(at, make(len(steps))))
        at += chance.uniform(*gap)
    return steps


def _events(end: float, chance: random.Random) -> list[Timed]:
    share = max(1.0, end / (MOST_EVENTS * sum(EVENT_GAP) / 2))
    return _spaced((EVENT_GAP[0] * share, EVENT_GAP[1] * share), end, chance, lambda number: _event(number, chance))


def _event(number: int, chance: random.Random) -> Publish:
    # In turn, so that no strategy has more events than an account remembers.
    strategy = STRATEGIES[(number + chance.choice((0, 0, 1))) % len(STRATEGIES)]
    return Publish(f"event-{number}", strategy, chance.random() >= DRY_RUN_SHARE, _weights(chance))


def _weights(chance: random.Random) -> dict[str, float]:
    """Hundredths that add up to one."""
    symbols = chance.sample(SYMBOLS, chance.randint(2, 5))
    cuts = sorted(chance.sample(range(5, 100, 5), len(symbols) - 1))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    return {symbol: part / 100 for symbol, part in zip(symbols, parts, strict=True)}


def _price_move(chance: random.Random) -> MovePrices:
    moved = chance.sample(SYMBOLS, chance.randint(1, len(SYMBOLS)))
    return MovePrices({symbol: round(1 + chance.uniform(-PRICE_STEP, PRICE_STEP), 5) for symbol in moved})
