"""What happens in a house reaches its receivers: once, in the right words, however many watch."""

from datetime import UTC, datetime, timedelta

import pytest

from contract.alerts import ALERT_WORKFLOW_TYPE
from contract.halts import HALT_ID, set_halt
from rebalancing.approval import Approval
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.halt import resume
from testbed.waiting import until
from tests.alert_receiver import Receiver, listening
from tests.house import Holding, House, house, phase_reached, status_reached
from tests.starter.alerts.watched import configure, watching
from tests.workflows.test_circuit_breaker import TOO_LARGE, breaking_after, failed
from tests.workflows.test_market_hours import CLOSED, waiting_at_most
from workflows.rebalance_account import RebalanceAccount

SLOWLY = {"fill": (0.6, 0.7)}
"""So that a rebalance is seen while it runs."""


async def everything_told(own: House) -> None:
    """Return once no alert is under way."""
    query = f"WorkflowType = '{ALERT_WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"

    async def is_quiet() -> bool:
        return (await own.client.count_workflows(query)).count == 0

    await until(is_quiet)


async def test_a_rebalance_is_told_when_it_begins_and_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, house({"DU1": Holding()}, latency=SLOWLY) as own:
        configure(own, monkeypatch, {"mail": mail})
        async with watching(own, watches=3):
            result = await (await own.trigger("DU1")).result()
            await until(lambda: len(mail.titles) == 2)
            await everything_told(own)
    assert result.outcome is not None
    before, after = result.outcome.drift_before, result.outcome.drift
    assert mail.titles == ["DU1: rebalance started", f"DU1: rebalanced, drift {before:.2f} % → {after:.2f} %"]
    assert "3 orders" in mail.texts[1]
    assert "Do this: rebalancer show DU1" in mail.texts[1]


async def test_what_was_over_before_alerts_were_sent_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, house({"DU1": Holding(), "DU2": Holding(more=TOO_LARGE)}) as own:
        configure(own, monkeypatch, {"mail": mail}, {"mail": "urgent"})
        await failed(own, "DU2")
        async with watching(own):
            await failed(own, "DU2", "event-2")
            await until(lambda: mail.titles)
            await everything_told(own)
    assert mail.titles == ["DU2: rebalance FAILED (GuardBreached)"]
    assert "Reason: " in mail.texts[0]
    assert "rebalancer retry DU2" in mail.texts[0]


async def test_what_happened_while_nobody_watched_is_told_once_somebody_does_and_not_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(Receiver()) as mail, house({"DU2": Holding(more=TOO_LARGE)}) as own:
        configure(own, monkeypatch, {"mail": mail}, {"mail": "urgent"})
        async with watching(own):
            pass
        await failed(own, "DU2")
        for _ in range(3):
            async with watching(own):
                await until(lambda: mail.titles)
                await everything_told(own)
    assert mail.titles == ["DU2: rebalance FAILED (GuardBreached)"]


async def test_a_plan_that_waits_for_a_person_is_told_once_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Holding(more={"approval": {"required": "always"}})
    async with listening(Receiver()) as phone, house({"DU1": account}) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": "urgent"})
        async with watching(own, watches=2):
            handle = await own.trigger("DU1")
            await status_reached(handle, lambda status: status.waiting_plan)
            await until(lambda: phone.titles)
            await everything_told(own)
            plan = (await handle.query(RebalanceAccount.status)).waiting_plan
            assert plan is not None
            assert phone.titles == ["DU1: a plan waits for your approval"]
            assert f"rebalancer approve DU1 --plan-hash {plan.plan_hash}" in phone.texts[0]
            await handle.execute_update(RebalanceAccount.approve, Approval(plan_hash=plan.plan_hash))
            await handle.result()
            await everything_told(own)
    assert len(phone.titles) == 1


async def test_a_rebalance_that_waits_for_its_market_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        listening(Receiver()) as mail,
        house({"DU1": Holding()}, settings=waiting_at_most(20), **CLOSED) as own,
    ):
        configure(own, monkeypatch, {"mail": mail}, {"mail": ["waits_for_open"]})
        async with watching(own):
            handle = await own.trigger("DU1")
            await phase_reached(handle, Phase.WAITING_FOR_MARKET)
            await until(lambda: mail.titles)
            await everything_told(own)
            await handle.cancel()
    assert mail.titles == ["DU1: waits for the market to open"]


async def test_a_halt_and_its_end_are_told_and_so_is_one_that_nobody_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as phone, house({"DU1": Holding()}) as own:
        configure(own, monkeypatch, {"phone": phone})
        async with watching(own, watches=2):
            await set_halt(own.client, HALT_ID, "ann@desk", "fire drill")
            await until(lambda: len(phone.titles) == 1)
            await resume(own.client, HALT_ID, "bob@desk", "over")
            await until(lambda: len(phone.titles) == 2)
            await everything_told(own)
        await set_halt(own.client, HALT_ID, "eve", "")
        await resume(own.client, HALT_ID, "eve", "")
        async with watching(own):
            await until(lambda: len(phone.titles) == 4)
            await everything_told(own)
    assert phone.titles == [
        "trading is halted, by ann@desk",
        "No longer: trading is halted (ended by bob@desk)",
        "trading is halted, by eve",
        "No longer: trading is halted (ended by eve)",
    ]
    assert "Reason: fire drill" in phone.texts[0]
    assert "Do this: when the reason is over: rebalancer resume" in phone.texts[0]


async def test_the_circuit_breaker_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"DU1": Holding(more=TOO_LARGE)}
    async with listening(Receiver()) as phone, house(wrong, settings=breaking_after(1)) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": ["circuit_breaker", "resumed"]})
        async with watching(own):
            await failed(own, "DU1")
            await until(lambda: phone.titles)
    assert phone.titles == ["Circuit breaker: strategy test-strategy is paused"]
    assert "rebalancer unpause --strategy test-strategy" in phone.texts[0]


async def test_an_event_that_expired_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as phone, house({"DU1": Holding()}) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": "urgent"})
        async with watching(own):
            await (await own.trigger("DU1", "too-late", at=datetime.now(UTC) - timedelta(days=2))).result()
            await until(lambda: phone.titles)
            await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
            await everything_told(own)
    assert phone.titles == ["DU1: an event expired and was not traded"]
    assert phone.texts[0].startswith("Event too-late of ")


async def test_dry_runs_are_told_of_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, house({"DU1": Holding()}) as own:
        configure(own, monkeypatch, {"mail": mail})
        async with watching(own):
            await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
            configure(own, monkeypatch, {"mail": mail}, dry_runs=True)
            await (await own.trigger("DU1", "dry-2", ExecutionMode.DRY_RUN)).result()
            await until(lambda: mail.titles)
    assert mail.titles[-1].startswith("DU1: dry run, 3 orders would be sent, drift ")
