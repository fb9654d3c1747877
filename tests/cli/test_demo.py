"""``rebalancer demo``: the whole path, as a newcomer sees it."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from configuration.configuration import load_configuration
from rebalancing.outcomes import Outcome, Phase
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.planning import make_plan
from rebalancing.triggers import ExecutionMode
from simulator.gateway.scenario import DEMO_SCENARIO, load_scenario
from starter.cli.demo.progress import Standing
from starter.cli.demo.report import Report, duplicates
from starter.cli.demo.strategies import ACCOUNTS, FOLLOWERS, SETTINGS, STRATEGIES, published_weights
from starter.desk.latest_run import Ending
from testbed.portfolios import write_accounts
from tests.cli.command import desk


async def test_six_accounts_are_rebalanced_once_each_and_nothing_is_doubled(tmp_path: Path) -> None:
    answer = await desk(tmp_path, accounts=None).run("demo", "--exit", "--json", "result.json")
    assert answer.status == 0, answer.output + answer.errors
    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result) == ["accounts", "events_published", "rebalances_run", "duplicate_orders", "seconds"]
    assert [list(account) for account in result["accounts"]] == [
        ["account", "status", "orders", "drift", "seconds"]
    ] * 6
    assert [account["account"] for account in result["accounts"]] == [f"DU100000{number}" for number in range(1, 7)]
    assert {account["status"] for account in result["accounts"]} == {"completed"}
    assert all(account["orders"] > 0 for account in result["accounts"])
    for account in result["accounts"]:
        assert 0 <= account["drift"] <= whole_share_drift(account["account"]) + 0.5
    assert result["events_published"] == len(STRATEGIES)
    assert result["rebalances_run"] == len(FOLLOWERS)
    assert result["duplicate_orders"] == 0
    assert "Temporal UI: http://127.0.0.1:" in answer.output
    for account in FOLLOWERS:
        assert f"{account}  completed" in answer.output
    assert "Traceback" not in answer.errors
    assert "ERROR" not in answer.output + answer.errors


def whole_share_drift(account: str) -> float:
    """What whole shares allow, in percent: the planner's best for the account if nothing cost more than its price."""
    scenario = load_scenario(DEMO_SCENARIO)
    prices = {instrument.symbol: instrument.price for instrument in scenario.instruments}
    (setup,) = (each for each in scenario.accounts if each.account == account)
    request = PlanRequest.model_validate(
        {
            "cash": setup.cash,
            "positions": setup.holdings,
            "prices": prices,
            "buy_prices": prices,
            "targets": STRATEGIES[FOLLOWERS[account]],
        }
    )
    return float(make_plan(request).after.drift)


async def test_demos_run_side_by_side_because_they_take_free_ports(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    first = asyncio.create_task(own.run("demo", "--exit", "--json", "first.json"))
    second = asyncio.create_task(own.run("demo", "--exit", "--json", "second.json"))
    assert [answer.status for answer in await asyncio.gather(first, second)] == [0, 0]


def test_the_demo_reads_its_accounts_like_everybody_else(tmp_path: Path) -> None:
    write_accounts(tmp_path / "accounts.yaml", ACCOUNTS, SETTINGS)
    configuration = load_configuration(tmp_path / "accounts.yaml")
    assert {one.account_id: one.strategy_name for one in configuration.accounts} == dict(FOLLOWERS)
    assert set(published_weights()) == set(FOLLOWERS.values())


def test_the_published_weights_add_up_and_one_strategy_has_a_cash_target() -> None:
    for weights in STRATEGIES.values():
        assert abs(sum(map(Decimal, weights.values())) - 1) <= Decimal("0.01")
    assert any("CASH" in weights for weights in STRATEGIES.values())


class Order(NamedTuple):
    """An order as the gateway's books have it."""

    ref: str


def test_duplicates_are_the_orders_beyond_one_for_each_ref() -> None:
    def orders(*refs: str) -> list[Order]:
        return [Order(ref) for ref in refs]

    assert duplicates(orders()) == 0
    assert duplicates(orders("a", "b", "c")) == 0
    assert duplicates(orders("a", "b", "a", "a")) == 2
    assert duplicates(orders("a", "")) == 1


def test_the_demo_has_failed_if_an_account_failed_or_an_order_was_doubled() -> None:
    fine = report()
    assert fine.has_succeeded
    assert fine.as_json()["accounts"] == [
        {"account": "DU1", "status": "completed", "orders": 0, "drift": 0.25, "seconds": 1.5}
    ]
    assert not report(duplicate_orders=1).has_succeeded
    assert not report(rebalances_run=2).has_succeeded
    failed = report(ending=Ending("failed", None, "SymbolUnknown: no such symbol"))
    assert not failed.has_succeeded
    assert failed.as_json()["accounts"] == [
        {"account": "DU1", "status": "failed", "orders": 0, "drift": None, "seconds": 1.5}
    ]


def report(ending: Ending | None = None, duplicate_orders: int = 0, rebalances_run: int = 1) -> Report:
    """A report on one account, which completed unless it is said otherwise."""
    now = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    outcome = Outcome(
        account="DU1",
        strategy="blend",
        mode=ExecutionMode.REBALANCE,
        event_ids=("e-1",),
        phase=Phase.COMPLETED,
        drift=Decimal("0.25"),
        started_at=now,
        finished_at=now,
    )
    ending = ending or Ending("completed", outcome)
    return Report(
        standings=(Standing("DU1", "blend", phase=ending.status, seconds=1.5, ending=ending),),
        events_published=1,
        rebalances_run=rebalances_run,
        duplicate_orders=duplicate_orders,
        seconds=2.0,
    )
