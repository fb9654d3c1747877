"""What must be so before a line of the plain ``temporal`` command is typed, and what is so after it."""

import itertools
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from contract.halts import HALT_ID
from contract.names import APPROVE_UPDATE
from contract.releases import release_in_charge
from rebalancing.approval import Approval
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.waiting import until
from tests.house import House, failure_of, phase_reached
from worker.build import own_release
from workflows.rebalance_account import RebalanceAccount

ACCOUNT: Final = "DU7654321"
"""The account of the pages."""

PLAN: Final = r"\b[0-9a-f]{12}\b"
REF: Final = r"\brb-[0-9a-f]{20}-\d+-\d+-[0-9a-f]{8}\b"
RELEASE: Final = r"\b\d+\.\d+\.\d+-[0-9a-f]{12}\b"
"""What nobody can know beforehand."""

_EVENTS: Final = itertools.count()

Deed = Callable[[House], AbstractAsyncContextManager[Mapping[str, str]]]
"""Yields what stands in the place of what; then the line is typed; then it is seen what came of it."""


async def _begun(own: House) -> tuple[WorkflowHandle[Any, Any], str]:
    """A live rebalance that waits for a person, and the hash of its plan."""
    handle = await own.trigger(ACCOUNT, f"event-{next(_EVENTS)}")
    await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
    plan = (await handle.query(RebalanceAccount.status)).waiting_plan
    assert plan is not None
    return handle, plan.plan_hash


def _orders_are(own: House, action: Any) -> None:
    own.gateway.add_fault(FaultRule(action=action, match=FaultMatch(request="placeOrder")))


@asynccontextmanager
async def approves(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """The order is rejected by the gateway, so that there is something to trade next time."""
    _orders_are(own, "reject")
    handle, plan = await _begun(own)
    yield {PLAN: plan}
    outcome = (await handle.result()).outcome
    assert (outcome.mode, outcome.phase) == (ExecutionMode.REBALANCE, Phase.INCOMPLETE)


@asynccontextmanager
async def rejects(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """The run fails by the no."""
    handle, plan = await _begun(own)
    yield {PLAN: plan}
    assert (await failure_of(handle)).type == "PlanRejected"


@asynccontextmanager
async def cancels(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """The run ends, cancelled."""
    handle, _ = await _begun(own)
    yield {}
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)


@asynccontextmanager
async def resolves(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """The order vanishes on its way; what the line says of it counts."""
    _orders_are(own, "swallow")
    handle, plan = await _begun(own)
    await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=plan), result_type=str)
    await phase_reached(handle, Phase.NEEDS_OPERATOR)
    (order,) = (await handle.query(RebalanceAccount.status)).orders
    yield {REF: order.ref}
    outcome = (await handle.result()).outcome
    assert [each.filled for each in outcome.orders] == [82]


@asynccontextmanager
async def starts(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """A dry run, which ends by itself."""
    yield {}
    outcome = (await own.handle(ACCOUNT).result()).outcome
    assert outcome is not None
    assert outcome.mode is ExecutionMode.DRY_RUN


@asynccontextmanager
async def halts(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """Trading is halted."""
    yield {}
    assert (await own.client.get_workflow_handle(HALT_ID).describe()).close_time is None


@asynccontextmanager
async def ends_the_halt(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """It is no more."""
    yield {}
    assert (await own.client.get_workflow_handle(HALT_ID).describe()).close_time is not None


@asynccontextmanager
async def names_a_release(own: House) -> AsyncGenerator[Mapping[str, str]]:
    """There is one: our own, with which new rebalances begin."""

    async def leads() -> bool:
        return await release_in_charge(own.client) == own_release()

    await until(leads)
    yield {RELEASE: own_release().build_id}


@asynccontextmanager
async def looks(own: House) -> AsyncGenerator[Mapping[str, str]]:  # as the others take it
    """Nothing has to be so, nothing comes of it."""
    yield {}


_DEEDS: Final[Mapping[str, Deed]] = {
    r"update execute .*--name approve ": approves,
    r"update execute .*--name reject ": rejects,
    r"update execute .*--name resolve ": resolves,
    r"workflow cancel .*rebalance-": cancels,
    r"workflow signal-with-start ": starts,
    r"workflow start --type Halt ": halts,
    r"workflow terminate --workflow-id halt ": ends_the_halt,
    r"worker deployment ": names_a_release,
}


def deed_of(line: str) -> Deed:
    """What a line does."""
    return next((deed for pattern, deed in _DEEDS.items() if re.search(pattern, line)), looks)
