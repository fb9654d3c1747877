"""The steps of a rebalance (DESIGN: "One rebalance") as a fault finds them: when each is near, and when under way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from temporalio.client import WorkflowHandle

from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch
from testbed.waiting import until
from tests.house import House
from workflows.rebalance_account import RebalanceAccount

ACCOUNT: Final = "DU1"
HOLDINGS: Final = {"SPY": 60, "GLD": 60}
WEIGHTS: Final = {"QQQ": "0.5", "BND": "0.5"}
PACE: Final = 0.002
"""Seconds between two looks at a state that announces nothing."""

Handle = WorkflowHandle[Any, Any]
Condition = Callable[[House, Handle | None], Awaitable[bool]]


@dataclass(frozen=True)
class Step:
    """One step. ``request``: what it sends to the gateway, if it does; ``after`` of them pass before the one meant.

    A rule is armed when the step is ``near``; what strikes from outside (restart, notice, a killed process) strikes
    when it is ``under_way``. ``before_trigger``: near is before the event is delivered, ``before_worker``: before any
    worker has connected.
    """

    name: str
    near: Condition
    under_way: Condition
    request: FaultMatch | None = None
    after: int = 0
    before_trigger: bool = False
    before_worker: bool = False
    left_order: bool = False


async def reached(condition: Condition, own: House, handle: Handle | None) -> None:
    """Return once the condition holds."""
    await until(lambda: condition(own, handle), every=PACE)


async def _at_once(_own: House, _handle: Handle | None) -> bool:
    return True


def _in_phase(*phases: Phase) -> Condition:
    async def holds(_own: House, handle: Handle | None) -> bool:
        assert handle is not None
        return (await handle.query(RebalanceAccount.status)).phase in phases

    return holds


def _requested(name: str, count: int = 1) -> Condition:
    async def holds(own: House, _handle: Handle | None) -> bool:
        return sum(request.name == name for request in own.gateway.requests) >= count

    return holds


def _accepted(side: str, count: int = 2) -> Condition:
    async def holds(own: House, _handle: Handle | None) -> bool:
        orders = [order for order in own.gateway.engine.orders if order.action == side and order.acknowledged]
        return len(orders) >= count

    return holds


def _filled(side: str) -> Condition:
    async def holds(own: House, _handle: Handle | None) -> bool:
        orders = [order for order in own.gateway.engine.orders if order.action == side]
        return len(orders) == 2 and all(order.status == "Filled" for order in orders)

    return holds


def _connect(name: str, request: str) -> Step:
    return Step(name, _at_once, _requested(request), FaultMatch(request=request), before_worker=True)


def _read(name: str, request: str, count: int = 1, after: int = 0) -> Step:
    return Step(name, _at_once, _requested(request, count), FaultMatch(request=request), after, before_trigger=True)


def _place(name: str, after: int, earlier: int = 0) -> Step:
    match = FaultMatch(request="placeOrder")
    return Step(name, _at_once, _requested("placeOrder", earlier + after + 1), match, earlier + after, True)


_CONTRACT_OF_A_HOLDING: Final = FaultMatch(request="reqContractDetails", symbol="SPY")
_CONTRACT_OF_A_TARGET: Final = FaultMatch(request="reqContractDetails", symbol="QQQ")

STEPS: Final = (
    Step("trigger", _at_once, _at_once, before_trigger=True),
    _connect("reconcile-open", "reqAllOpenOrders"),
    _connect("reconcile-completed", "reqCompletedOrders"),
    _connect("reconcile-executions", "reqExecutions"),
    _connect("read-positions", "reqPositions"),
    _connect("read-values", "reqAccountSummary"),
    Step("read-ahead", _at_once, _requested("reqContractDetails"), _CONTRACT_OF_A_HOLDING, before_worker=True),
    Step("read-targets", _at_once, _in_phase(Phase.READING), before_trigger=True),
    Step(
        "read-contracts",
        _at_once,
        _requested("reqContractDetails", len(HOLDINGS) + 1),
        _CONTRACT_OF_A_TARGET,
        before_trigger=True,
    ),
    _read("read-quotes", "reqMktData"),
    Step("plan", _at_once, _requested("reqMktData", 4), FaultMatch(request="reqMktData"), 3, before_trigger=True),
    Step(
        "cancel-open",
        _at_once,
        _requested("cancelOrder"),
        FaultMatch(request="cancelOrder"),
        before_trigger=True,
        left_order=True,
    ),
    _read("margin-questions", "whatIfOrder", count=2, after=1),
    Step("sell-prepare", _at_once, _in_phase(Phase.SELLING), before_trigger=True),
    _place("sell-place-first", after=0),
    _place("sell-place", after=1),
    Step("sell-await", _at_once, _accepted("SELL"), before_trigger=True),
    Step("re-read", _accepted("SELL"), _filled("SELL")),
    Step("buy-prepare", _accepted("SELL"), _in_phase(Phase.BUYING)),
    _place("buy-place-first", after=0, earlier=2),
    _place("buy-place", after=1, earlier=2),
    Step("buy-await", _accepted("SELL"), _accepted("BUY")),
    Step("verify", _accepted("BUY"), _filled("BUY")),
)
