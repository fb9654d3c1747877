"""The figures of one measurement, computed from what the gateway logged and what Temporal recorded."""

import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bench.accounts.histories import RunHistory, Visit
from bench.portfolios import LATENCY

MESSAGES_A_SECOND: Final = 50
"""IBKR's limit on one connection."""

READING_TRIPS: Final = 4
"""Requests one account waits for one after the other, besides its orders: contracts, quotes, quotes again before the
buy leg, quotes again for the outcome."""


DRAWS: Final = 100
"""Random orders of sending over which the blind bound is averaged; it moves by less than 0.1 s from then on."""


@dataclass(frozen=True)
class GatewayLog:
    """What the gateway logged from the event on. Raw rows of its control port."""

    requests: Sequence[Mapping[str, Any]]
    orders: Sequence[Mapping[str, Any]]
    executions: Sequence[Mapping[str, Any]]

    def since(self, moment: datetime) -> "GatewayLog":
        """Only what was asked after a moment."""
        asked = [each for each in self.requests if datetime.fromisoformat(each["time"]) >= moment]
        return GatewayLog(asked, self.orders, self.executions)

    @property
    def by_kind(self) -> Counter[str]:
        """How many requests of each kind."""
        return Counter(str(each["name"]) for each in self.requests)


@dataclass(frozen=True)
class Spread:
    """Seconds: the median, the 95th percentile, and the worst."""

    median: float
    high: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        """Of these values; zeros where nothing happened, as between the legs of accounts that sell nothing."""
        if not seconds:
            return cls(0.0, 0.0, 0.0)
        ordered = sorted(seconds)
        return cls(statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], ordered[-1])


@dataclass(frozen=True)
class ActivityTimes:
    """How often one activity ran, and its mean seconds from being asked for to starting, and from there to its end."""

    count: int
    waited: float
    took: float


@dataclass(frozen=True)
class Comparison:
    """What another scheme took for as many accounts, in proportion where only ``measured`` of them were run."""

    seconds: float
    measured: int
    messages: int | None = None


@dataclass(frozen=True)
class Figures:
    """One measurement. Times in seconds, memory in MiB, CPU in seconds of one core; counts from the event on."""

    accounts: int
    orders: int
    seconds: float
    bound_seconds: float
    message_bound: float
    path_bound: float
    blind_bound: float
    messages: int
    messages_before: int
    by_kind: Mapping[str, int]
    first_order: Spread
    done: Spread
    between_legs: Spread
    events: float
    bytes: float
    visits: float
    slot_busy: float
    cpu: Mapping[str, float]
    memory: Mapping[str, float]
    activities: Mapping[str, "ActivityTimes"]
    violations: tuple[str, ...] = ()
    original: Comparison | None = None
    described: Comparison | None = None

    @property
    def messages_each(self) -> float:
        """Messages per rebalance."""
        return self.messages / self.accounts

    @property
    def ratio(self) -> float:
        """Time over the bound."""
        return self.seconds / self.bound_seconds

    def row(self) -> dict[str, float | int | None]:
        """The row of the result file."""
        return {
            "accounts": self.accounts,
            "orders": self.orders,
            "seconds": round(self.seconds, 3),
            "bound_seconds": round(self.bound_seconds, 3),
            "original_seconds": self.original and round(self.original.seconds, 1),
            "original_messages": self.original and self.original.messages,
            "described_seconds": self.described and round(self.described.seconds, 1),
            "messages": self.messages,
            "first_order_p50": round(self.first_order.median, 3),
            "worker_mib": round(self.memory["worker"], 1),
        }


def critical_path(log: GatewayLog) -> float:
    """Seconds the slowest account needs if nothing but the gateway takes time.

    Its readings, and for each leg the trip of the orders, their acknowledgement, the last fill and its commission. How
    long fills took is measured, not assumed: they are the gateway's own.
    """
    took = order_seconds(log)
    legs: dict[tuple[str, str], float] = {}
    for order in log.orders:
        leg = (order["account"], order["action"])
        legs[leg] = max(legs.get(leg, 0.0), took.get(order["ref"], 0.0))
    accounts: dict[str, float] = {}
    for (account, _), seconds in legs.items():
        accounts[account] = accounts.get(account, READING_TRIPS * LATENCY_REQUEST) + seconds
    return max(accounts.values(), default=0.0)


def blind_bound(log: GatewayLog, gateways: int) -> float:
    """Seconds to the last fill if nothing but the limit held up any message, and fills could not be foreseen.

    All that is no order goes out first, then the orders, never more than 50 within a second, in an order that knows
    nothing of how long each will take to fill; the mean over such orders. Legs need not follow each other, so no
    scheduler without foresight ends sooner on the average.
    """
    a_second = MESSAGES_A_SECOND * gateways
    seconds = list(order_seconds(log).values())
    others = len(log.requests) - len(seconds)
    chance = random.Random(0)
    ends: list[float] = []
    for _ in range(DRAWS):
        chance.shuffle(seconds)
        sent = enumerate(seconds, start=others)
        ends.append(max((number // a_second + took for number, took in sent), default=0.0))
    return statistics.mean(ends)


def order_seconds(log: GatewayLog) -> dict[str, float]:
    """Seconds of each filled order by its ref, from being sent to the commission of its last fill."""
    last_fill: dict[str, datetime] = {}
    for each in log.executions:
        at = datetime.fromisoformat(each["time"])
        last_fill[each["ref"]] = max(at, last_fill.get(each["ref"], at))
    # `placed_at` is when the gateway took the order up, after the request's latency.
    return {
        order["ref"]: LATENCY_REQUEST
        + (last_fill[order["ref"]] - datetime.fromisoformat(order["placed_at"])).total_seconds()
        + LATENCY_COMMISSION
        for order in log.orders
        if order["ref"] in last_fill
    }


LATENCY_REQUEST: Final = float(str(LATENCY["request"]))
LATENCY_COMMISSION: Final = float(str(LATENCY["commission"]))


def first_orders(log: GatewayLog, since: datetime) -> dict[str, float]:
    """Seconds from the event to each account's first order, as the gateway received it."""
    first: dict[str, float] = {}
    for each in log.requests:
        if each["name"] == "placeOrder":
            first.setdefault(each["account"], (datetime.fromisoformat(each["time"]) - since).total_seconds())
    return first


def between_legs(log: GatewayLog) -> list[float]:
    """Seconds each account was between its legs: from the last fill of its sales to its first purchase's order."""
    sold: dict[str, datetime] = {}
    for each in log.executions:
        if each["side"] == "SLD":
            at = datetime.fromisoformat(each["time"])
            sold[each["account"]] = max(at, sold.get(each["account"], at))
    bought: dict[str, datetime] = {}
    for each in log.requests:
        if each["name"] == "placeOrder" and each["side"] == "BUY":
            bought.setdefault(each["account"], datetime.fromisoformat(each["time"]))
    return [(bought[account] - sold[account]).total_seconds() for account in sold if account in bought]


def activity_times(histories: Sequence[RunHistory]) -> dict[str, ActivityTimes]:
    """Of every activity by name, with its queue."""
    visits: dict[str, list[Visit]] = {}
    for own in histories:
        for visit in own.visits:
            visits.setdefault(f"{visit.activity} on {visit.queue}", []).append(visit)
    return {
        name: ActivityTimes(
            count=len(own),
            waited=statistics.mean((visit.started - visit.scheduled).total_seconds() for visit in own),
            took=statistics.mean(visit.seconds for visit in own),
        )
        for name, own in visits.items()
    }


def slot_busy(histories: Sequence[RunHistory], seconds: float) -> float:
    """The share of the time in which a gateway's slot was held."""
    return sum(visit.seconds for own in histories for visit in own.slot_visits) / seconds
