"""What the documents have one type where there is a key, typed as it stands there into a shell."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from activities.gateway import order_desk
from configuration.key_ring import make_key_file
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.cli.command import Answer, Desk, desk, service, typed
from tests.house import Holding, House, house, phase_reached
from tests.source_tree import ROOT
from worker.free_ports import free_ports
from workflows.rebalance_account import RebalanceAccount

TYPED = ("triggering.md", "keys.md", "guards-and-approval.md")
PAGES = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in TYPED)
ACCOUNT, PLAN, REF = "DU7654321", "3f9c01d2a4be", "rb-48b3de82812f425b9f4a-2-1-4c7048ad"
"""What they name in their lines. Only the last two are changed here: to those of the run that was begun."""

SEALED = re.compile(r"\"\$\(rebalancer seal [^\n]*?\)\"")
START, RESOLVE, APPROVE = SEALED.findall(PAGES)
TAKES_IN, *_ = re.findall(r'^eval "\$\(rebalancer env\)"$', PAGES, re.MULTILINE)


def line_with(text: str) -> str:
    """The one command of theirs that has this in it, with the lines it goes on in."""
    commands = re.findall(r"^temporal (?:[^\n]*\\\n)*[^\n]*", PAGES, re.MULTILINE)
    (found,) = [command for command in commands if text in command]
    return found


def sealed_input(name: str, sealed: str) -> str:
    """The line of an update, with the input that they say it is given where there is a key."""
    line, count = re.subn(r"(?<=--input )'[^']*'", lambda _: sealed, line_with(f"--name {name} "))
    assert count == 1
    return line


def assert_taken(answer: Answer, first: str) -> None:
    """What an update was answered is shown, or that it cannot be shown; whether it was taken, the run tells."""
    assert answer.status == (0 if first else 1), answer.errors
    if not first:
        assert "encoding binary/encrypted: payload encoding is not supported" in answer.errors


@asynccontextmanager
async def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[House, Desk]]:
    """A house with a key, whose account asks before it trades, and a desk with the HTTP API beside it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    make_key_file("ann")
    asking = Holding(weights={"QQQ": "1"}, more={"approval": {"required": "always"}})
    (port,) = free_ports(1)
    accounts = f"http: {{port: {port}}}\naccounts: [{{account_id: {ACCOUNT}, strategy_name: s}}]\n"
    async with house({ACCOUNT: asking}) as own:
        operator = desk(tmp_path, accounts, **own.variables)
        async with service(operator, "serve") as told:
            await told.until("HTTP API")
            yield own, operator


@pytest.mark.parametrize("first", [TAKES_IN, ""], ids=["with-env", "without"])
async def test_readmes_sealed_lines_start_approve_and_resolve(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(tmp_path, monkeypatch) as (own, operator):
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder")))
        started = await typed(operator, first, line_with(START))
        assert started.status == 0, started.errors
        handle = own.handle(ACCOUNT)
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        plan = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert plan is not None
        approve = sealed_input("approve", APPROVE).replace(PLAN, plan.plan_hash)
        assert_taken(await typed(operator, first, approve), first)
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        (order,) = (await handle.query(RebalanceAccount.status)).orders
        resolve = sealed_input("resolve", RESOLVE).replace(REF, order.ref).replace("--filled 82", "--filled 1")
        assert_taken(await typed(operator, first, resolve), first)
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.mode is ExecutionMode.REBALANCE
        assert [each.filled for each in outcome.orders] == [1]
        if first:  # what was sent, and what comes back, in clear
            shown = await typed(operator, first, line_with("workflow result"))
            assert order.ref in shown.output, shown.errors


async def test_readmes_lines_without_a_seal_trade_approve_and_resolve_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(tmp_path, monkeypatch) as (own, operator):
        unsealed = """'{"event_id": "e", "mode": "rebalance"}'"""
        started = await typed(operator, TAKES_IN, line_with(START).replace(START, unsealed))
        assert started.status == 0, started.errors
        outcome = (await own.handle(ACCOUNT).result()).outcome
        assert outcome is not None
        assert outcome.mode is ExecutionMode.DRY_RUN
        assert (await typed(operator, TAKES_IN, line_with(START))).status == 0
        handle = own.handle(ACCOUNT)
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        plan = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert plan is not None
        unsealed = line_with("--name approve ").replace(PLAN, plan.plan_hash)
        # keys.md: an update that ends with this error was carried out.
        assert "payload encoding is not supported" not in (await typed(operator, unsealed)).errors
        refused = await typed(operator, TAKES_IN, unsealed)
        assert refused.status != 0
        assert "has no seal" in refused.output + refused.errors
        assert (await handle.query(RebalanceAccount.status)).phase is Phase.WAITING_FOR_APPROVAL
        assert own.gateway.engine.orders == []
