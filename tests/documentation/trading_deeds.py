"""What must be so before a line of the ``rebalancer`` command that trades or holds, and what is so after it."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from contract.halts import HALT_ID, LOST_HISTORY, halts_of, pause_id, set_halt, strategy_pause_id
from contract.restored_history import declare_restored
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk.gateway_stop import resume_all, stopped_gateways
from starter.desk.runs import OURS
from starter.desk.schedules import (
    NewSchedule,
    ScheduleUnknown,
    add_schedule,
    pause_schedule,
    read_schedule,
    read_schedules,
    unpause_schedule,
)
from testbed.waiting import until
from tests.documentation.rebalancer_home import ACCOUNT, SLOW, STRATEGY, Home, Typing
from tests.house import House, failure_of
from workflows.rebalance_account import RebalanceAccount

PLAN: Final = r"\b[0-9a-f]{12}\b"
REF: Final = r"\brb-[0-9a-f]{20}-\d+-\d+-[0-9a-f]{8}\b"
"""What nobody can know beforehand."""

YES: Final = "y\n"

Deed = Callable[[Home, Typing], AbstractAsyncContextManager[None]]
"""Prepares what a line needs; then the line is typed; then it is seen what came of it."""


def _orders_are(home: Home, own: House, action: Any) -> None:
    """The next one that buys: of a sale of unknown fate the broker's figures would be waited for, for minutes."""
    own.gateway.add_fault(FaultRule(action=action, match=FaultMatch(request="placeOrder", symbol=home.symbol)))


def _filled(own: House, before: int) -> list[int]:
    """Shares of each order that came after so many."""
    return [order.filled for order in own.accepted_orders(ACCOUNT)[before:]]


async def _closed(own: House, before: int) -> bool:
    """Whether the server lists more runs that are over than these; its list lags a little."""
    return await _count(own) > before


async def _count(own: House) -> int:
    return (await own.client.count_workflows(f"{OURS} AND ExecutionStatus != 'Running'")).count


async def _is_held(own: House, halt_id: str) -> bool:
    return halt_id in {each.workflow_id for each in await halts_of(own.client, ACCOUNT, STRATEGY)}


@asynccontextmanager
async def looks(home: Home, line: Typing) -> AsyncGenerator[None]:
    """Nothing has to be so, nothing comes of it, and no house is needed."""
    del home, line
    yield


@asynccontextmanager
async def asks_the_house(home: Home, line: Typing) -> AsyncGenerator[None]:
    """There is one; nothing comes of it there."""
    own = await home.house()
    before = len(own.gateway.engine.orders)
    yield
    assert ACCOUNT in line.told or "Nothing is stuck" in line.told, line.told
    assert len(own.gateway.engine.orders) == before


@asynccontextmanager
async def plans(home: Home, line: Typing) -> AsyncGenerator[None]:
    """A dry run, which says what it would trade."""
    own = await home.wants()
    before = len(own.gateway.engine.orders)
    yield
    assert ACCOUNT in line.told
    outcome = (await own.handle(ACCOUNT).result()).outcome
    assert outcome is not None
    assert (outcome.mode, outcome.phase) == (ExecutionMode.DRY_RUN, Phase.COMPLETED)
    assert len(own.gateway.engine.orders) == before


@asynccontextmanager
async def trades(home: Home, line: Typing) -> AsyncGenerator[None]:
    """Orders go out and fill; the event's id is the one that was given."""
    own = await home.wants()
    before = len(own.accepted_orders(ACCOUNT))
    yield
    outcome = (await own.handle(ACCOUNT).result()).outcome
    assert outcome is not None
    assert (outcome.mode, outcome.phase) == (ExecutionMode.REBALANCE, Phase.COMPLETED)
    assert all(_filled(own, before)), line.answer
    for event_id in re.findall(r"--event-id (\S+)", line.text):
        assert event_id in outcome.event_ids


@asynccontextmanager
async def retries(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The last live run is incomplete, for its order was rejected; now it fills. For many at once it is asked about."""
    own = await home.wants()
    closed = await _count(own)
    _orders_are(home, own, "reject")
    rejected = await home.begun(Phase.INCOMPLETE)
    assert (await rejected.result()).outcome.phase is Phase.INCOMPLETE
    await until(partial(_closed, own, closed))
    before = len(own.accepted_orders(ACCOUNT))
    line.says = YES if "--failed" in line.text else ""
    yield
    outcome = (await own.handle(ACCOUNT).result()).outcome
    assert outcome is not None
    assert outcome.phase is Phase.COMPLETED
    assert all(_filled(own, before)), line.answer


@asynccontextmanager
async def approves(home: Home, line: Typing) -> AsyncGenerator[None]:
    """A plan waits; where its hash is not given there is a question. Its order is rejected, which is to be seen."""
    own = await home.wants(asks=True)
    _orders_are(home, own, "reject")
    handle = await home.begun(Phase.WAITING_FOR_APPROVAL)
    waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
    assert waiting is not None
    if "--plan-hash" in line.text:
        line.replace(PLAN, waiting.plan_hash)
    else:
        line.says = YES
    yield
    outcome = (await handle.result()).outcome
    assert (outcome.mode, outcome.phase) == (ExecutionMode.REBALANCE, Phase.INCOMPLETE)


@asynccontextmanager
async def rejects(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The run fails by the no, with its reason."""
    await home.wants(asks=True)
    handle = await home.begun(Phase.WAITING_FOR_APPROVAL)
    yield
    failure = await failure_of(handle)
    (reason,) = re.findall(r'--reason "(.*)"', line.text)
    assert failure.type == "PlanRejected"
    assert reason in failure.message


@asynccontextmanager
async def resolves(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The order vanishes on its way; what the line says of it counts."""
    own = await home.wants()
    _orders_are(home, own, "swallow")
    handle = await home.begun(Phase.NEEDS_OPERATOR)
    (order,) = [each for each in (await handle.query(RebalanceAccount.status)).orders if each.symbol == home.symbol]
    line.replace(REF, order.ref)
    yield
    outcome = (await handle.result()).outcome
    assert [each.filled for each in outcome.orders if each.ref == order.ref] == [0]


@asynccontextmanager
async def cancels(home: Home, line: Typing) -> AsyncGenerator[None]:
    """An order works; then none does, and the run ends cancelled."""
    own = await _with_a_working_order(home)
    yield
    with pytest.raises(WorkflowFailureError) as failure:
        await own.handle(ACCOUNT).result()
    assert isinstance(failure.value.cause, CancelledError)
    assert _working(own) == [], line.answer


@asynccontextmanager
async def halts(home: Home, line: Typing) -> AsyncGenerator[None]:
    """Trading is halted; with ``--cancel-orders`` no order works, with ``--everything`` nothing is let through."""
    own = await (_with_a_working_order(home) if "--cancel-orders" in line.text else home.house())
    yield
    assert await _is_held(own, HALT_ID)
    assert _working(own) == []
    assert bool(await stopped_gateways(own.client)) is ("--everything" in line.text)
    if "--cancel-orders" in line.text:
        await own.handle(ACCOUNT).cancel()
    await resume_all(own.client, "test", "the next line")


@asynccontextmanager
async def resumes(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It was halted, and is no more."""
    own = await home.house()
    await set_halt(own.client, HALT_ID, "test", "")
    yield
    assert not await _is_held(own, HALT_ID), line.answer


@asynccontextmanager
async def pauses(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The account or its strategy is paused."""
    own = await home.house()
    halt_id = strategy_pause_id(STRATEGY) if "--strategy" in line.text else pause_id(ACCOUNT)
    yield
    assert await _is_held(own, halt_id)
    await own.client.get_workflow_handle(halt_id).terminate()


@asynccontextmanager
async def unpauses(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It was, and is no more."""
    own = await home.house()
    await set_halt(own.client, pause_id(ACCOUNT), "test", "")
    yield
    assert not await _is_held(own, pause_id(ACCOUNT)), line.answer


@asynccontextmanager
async def accepts_a_history(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It is said that the history was put back; a yes at the terminal lets the account trade again."""
    own = await home.house()
    await declare_restored(own.client, [ACCOUNT], datetime.now(UTC), "put back", LOST_HISTORY)
    line.says = YES
    yield
    assert "trades again" in line.told
    assert await halts_of(own.client, ACCOUNT, STRATEGY) == ()


@asynccontextmanager
async def says_it_was_restored(home: Home, line: Typing) -> AsyncGenerator[None]:
    """Every account is held, with what was said."""
    own = await home.house()
    yield
    (held,) = await halts_of(own.client, ACCOUNT, STRATEGY)
    assert held.is_about_history
    (reason,) = re.findall(r'--reason "(.*)"', line.text)
    assert reason in held.reason
    await own.client.get_workflow_handle(held.workflow_id).terminate()


@asynccontextmanager
async def adds_a_schedule(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It is there, and does what the line says; of that name there was none."""
    own = await home.house()
    named = re.search(r"--name[ =](\S+)", line.text)
    name = named[1] if named else f"strategy-{STRATEGY}" if "--strategy" in line.text else ACCOUNT
    yield
    standing = (await read_schedule(own.client, name)).as_json()
    drift = re.search(r"--if-drift (\S+)", line.text)
    mode = "rebalance" if "--live" in line.text else "dry_run"
    assert (standing["mode"], standing["if_drift"]) == (mode, drift[1] if drift else None)


@asynccontextmanager
async def lists_schedules(home: Home, line: Typing) -> AsyncGenerator[None]:
    """There is one, and it is shown."""
    own = await _with_weekly(home, is_paused=False)

    async def is_listed() -> bool:  # the server's list lags a little
        return "weekly" in [each.name for each in await read_schedules(own.client)]

    await until(is_listed)
    yield
    assert "weekly" in line.told


@asynccontextmanager
async def pauses_a_schedule(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It was at work, and is paused."""
    own = await _with_weekly(home, is_paused=False)
    yield
    assert (await read_schedule(own.client, "weekly")).is_paused, line.answer


@asynccontextmanager
async def unpauses_a_schedule(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It was paused, and is at work."""
    own = await _with_weekly(home, is_paused=True)
    yield
    assert not (await read_schedule(own.client, "weekly")).is_paused, line.answer


@asynccontextmanager
async def removes_a_schedule(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It was there, and is gone."""
    own = await _with_weekly(home, is_paused=False)
    yield
    with pytest.raises(ScheduleUnknown):
        await read_schedule(own.client, "weekly")
    assert line.answer.status == 0


def _working(own: House) -> list[str]:
    return [order.ref for order in own.gateway.engine.open_orders() if order.account == ACCOUNT]


async def _with_a_working_order(home: Home) -> House:
    own = await home.wants(SLOW)
    await home.begun(Phase.BUYING)
    await until(lambda: _working(own))
    return own


async def _with_weekly(home: Home, *, is_paused: bool) -> House:
    """Its page may have added it already, or paused it."""
    own = await home.house()
    try:
        standing = await read_schedule(own.client, "weekly")
    except ScheduleUnknown:
        new = NewSchedule.of(
            "weekly", "30 10 * * MON", "UTC", account=ACCOUNT, strategy=None, live=False, if_drift=None
        )
        standing = await add_schedule(own.client, own.configuration, new, "test")
    if is_paused is not standing.is_paused:
        await (pause_schedule if is_paused else unpause_schedule)(own.client, "weekly", "by the test")
    return own


TRADING: Final[Mapping[str, Deed]] = {
    r"run (--strategy )?\S+ --wait$": plans,
    r"run \S+ --live": trades,
    r"plan (--all|DU\d+)$": plans,
    r"retry ": retries,
    r"approve ": approves,
    r"reject ": rejects,
    r"resolve ": resolves,
    r"cancel ": cancels,
    r"halt ": halts,
    r"resume$": resumes,
    r"pause ": pauses,
    r"unpause ": unpauses,
    r"accept-history ": accepts_a_history,
    r"history-restored ": says_it_was_restored,
    r"schedule add ": adds_a_schedule,
    r"schedule (list|next)$": lists_schedules,
    r"schedule pause ": pauses_a_schedule,
    r"schedule unpause ": unpauses_a_schedule,
    r"schedule remove ": removes_a_schedule,
    r"(status DU\d+|history .*|show \S+|positions \S+|doctor)$": asks_the_house,
}
"""What comes after ``rebalancer``."""
