"""The files of the original's later versions, in its three shapes, and what their replacement sets do to a plan."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from configuration.configuration import Configuration, ConfigurationInvalid, load_configuration
from rebalancing.accounts import Account, AccountType
from rebalancing.planner.plan import Plan, PlanRequest
from rebalancing.planner.reasons import Reason
from rebalancing.targets import Targets, apply_replacements, parse_allocations, replaced_symbols
from tests.rebalancing.planner.patient_planner import make_plan

RULES = {
    "DBC": ("PDBC", Decimal("1.0")),
    "UUP": ("USDU", Decimal("1.0")),
    "VIXY": ("VXX", Decimal("1.0")),
    "VIXM": ("VXZ", Decimal("1.0")),
    "UVXY": ("VXX", Decimal("1.5")),
    "SVXY": ("USMV", Decimal("1.0")),
}
"""What an IRA may not hold there, and what stands in for it."""


def sets(indent: str) -> str:
    """The rules as the files write them, one key a line."""
    entries = (
        f"{indent}  - source: {source}\n{indent}    target: {target}\n{indent}    scale: {scale}\n"
        for source, (target, scale) in RULES.items()
    )
    return f"{indent}ira:\n" + "\n".join(entries)


NESTED = f"""\
# Names and reserve in blocks, the sets below the accounts.
accounts:
  - account_id: "U123456"
    type: paper
    replacement_set: ira
    notification:
      channel: "etf-blend-200-35"
    rebalancing:
      cash_reserve_percent: 2.0

  - account_id: "U654321"
    type: paper
    enabled: false
    notification:
      channel: "etf-blend-301-20" # in small letters
    rebalancing:
      cash_reserve_percent: 1.0

replacement_sets:
{sets("    ")}
"""

FLAT = f"""\
accounts:
  - account_id: "U123456"
    type: paper
    enabled: true
    replacement_set: ira
    strategy_name: "etf-blend-200-35"
    cash_reserve_percent: 2.0

  - account_id: "U654321"
    type: paper
    enabled: false
    # replacement_set: ira
    strategy_name: "etf-blend-301-20"
    cash_reserve_percent: 1.0

replacement_sets:
{sets("    ")}
"""

LIST = """\
- account_id: "U123456"
  type: paper
  replacement_set: ira
  notification:
    channel: "etf-blend-200-35"
  rebalancing:
    cash_reserve_percentage: 2.0

- account_id: "U654321"
  type: paper
  enabled: false
  notification:
    channel: "etf-blend-301-20"
  rebalancing:
    cash_reserve_percentage: 1.0
"""
"""Accounts alone; the sets stand in a file beside them."""

SETS_FILE = sets("")

SHAPES = {
    "nested": {"accounts.yaml": NESTED},
    "flat": {"accounts.yaml": FLAT},
    "two files": {"accounts.yaml": LIST, "replacement-sets.yaml": SETS_FILE},
}


def load(folder: Path, files: dict[str, str]) -> Configuration:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_configuration(folder / "accounts.yaml")


@pytest.fixture(params=SHAPES)
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Configuration:
    return load(tmp_path, SHAPES[request.param])


def targets_for(account: Account, published: dict[str, str]) -> Targets:
    """The targets as the account gets them, from what its publisher answers."""
    listed = [{"symbol": symbol, "allocation": float(weight)} for symbol, weight in published.items()]
    answer = json.dumps({"status": "success", "data": {"allocations": listed}})
    weights = parse_allocations(account.strategy_name, answer).weights
    return Targets(
        strategy=account.strategy_name,
        weights=apply_replacements(weights, account.replacements),
        replaced=replaced_symbols(weights, account.replacements),
    )


def plan_for(account: Account, targets: Targets, held: dict[str, int], cash: int = 100_000) -> Plan:
    symbols = {*targets.weights, *targets.replaced, *held}
    return make_plan(
        PlanRequest.model_validate(
            {
                "cash": cash,
                "positions": held,
                "prices": dict.fromkeys(symbols, "20"),
                "targets": targets.weights,
                "replaced": targets.replaced,
                "reserve_percent": account.cash_reserve_percent,
                **account.trading_rules,
            }
        )
    )


def test_both_accounts_are_read(configuration: Configuration) -> None:
    ira, other = configuration.accounts
    assert [account.account_id for account in configuration.enabled_accounts] == ["U123456"]
    assert (ira.strategy_name, other.strategy_name) == ("etf-blend-200-35", "etf-blend-301-20")
    assert (ira.type, other.type) == (AccountType.PAPER, AccountType.PAPER)
    assert (ira.cash_reserve_percent, other.cash_reserve_percent) == (2, 1)


def test_only_the_account_that_names_the_set_gets_its_rules(configuration: Configuration) -> None:
    ira, other = configuration.accounts
    assert {rule.source: (rule.target, rule.scale) for rule in ira.replacements} == RULES
    assert other.replacements == ()


def test_everything_an_ira_may_not_hold_is_replaced(configuration: Configuration) -> None:
    published = {"DBC": "0.2", "UUP": "0.2", "VIXM": "0.1", "SVXY": "0.1", "SPY": "0.4"}
    assert targets_for(configuration.accounts[0], published).weights == {
        "PDBC": Decimal("0.2"),
        "USDU": Decimal("0.2"),
        "VXZ": Decimal("0.1"),
        "USMV": Decimal("0.1"),
        "SPY": Decimal("0.4"),
    }


def test_one_uvxy_becomes_one_and_a_half_vxx_and_the_sum_stays(configuration: Configuration) -> None:
    weights = targets_for(configuration.accounts[0], {"UVXY": "0.2", "SPY": "0.8"}).weights
    assert sum(weights.values()) == pytest.approx(Decimal(1), abs=Decimal("1e-20"))
    assert weights["VXX"] / weights["SPY"] == pytest.approx(Decimal("0.3") / Decimal("0.8"), abs=Decimal("1e-20"))


def test_two_symbols_with_the_same_stand_in_are_added_up(configuration: Configuration) -> None:
    weights = targets_for(configuration.accounts[0], {"VIXY": "0.1", "UVXY": "0.2", "VXX": "0.1", "SPY": "0.6"}).weights
    assert weights.keys() == {"VXX", "SPY"}
    assert weights["VXX"] / weights["SPY"] == pytest.approx(Decimal("0.5") / Decimal("0.6"), abs=Decimal("1e-20"))


def test_the_plan_sells_what_is_replaced_and_buys_what_stands_in(configuration: Configuration) -> None:
    ira = configuration.accounts[0]
    plan = plan_for(ira, targets_for(ira, {"DBC": "0.5", "SPY": "0.5"}), {"DBC": 1000})
    orders = {order.symbol: (order.side.value, order.quantity) for order in plan.orders}
    assert orders["DBC"] == ("SELL", 1000)
    assert orders["PDBC"][0] == "BUY"
    assert {line.symbol: line.reason for line in plan.lines}["DBC"] is Reason.REPLACED
    assert plan.after.cash >= plan.reserve == Decimal("2400.00")


def test_an_account_without_the_set_buys_what_is_published(configuration: Configuration) -> None:
    other = configuration.accounts[1]
    plan = plan_for(other, targets_for(other, {"UVXY": "0.5", "DBC": "0.5"}), {})
    assert {order.symbol for order in plan.orders} == {"UVXY", "DBC"}


def test_sets_in_the_accounts_file_go_before_those_in_a_file_of_their_own(tmp_path: Path) -> None:
    elsewhere = {"replacement-sets.yaml": "ira: [{source: SPY, target: VOO}]"}
    account = load(tmp_path, {"accounts.yaml": FLAT, **elsewhere}).accounts[0]
    assert {rule.source for rule in account.replacements} == RULES.keys()


def test_an_empty_file_of_sets_holds_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="no replacement_sets are defined"):
        load(tmp_path, {"accounts.yaml": LIST, "replacement-sets.yaml": "# none yet\n"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "ira:\n  - source: DBC\n    scale: 1\n",
            "replacement-sets.yaml:2:5: replacement_sets.ira[0].target: is missing",
        ),
        (
            "ira: [{source: A, target: B, scale: 0}]",
            "replacement-sets.yaml:1:30: replacement_sets.ira[0].scale: found 0",
        ),
        ("iro: []\n", "accounts.yaml:3:3: accounts[0].replacement_set: found 'ira'; did you mean 'iro'?"),
        ("ira: [\n", "replacement-sets.yaml:2:1: no valid YAML"),
    ],
)
def test_what_is_wrong_with_a_file_of_sets_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        load(tmp_path, {"accounts.yaml": LIST, "replacement-sets.yaml": text})
    assert any(problem in line for line in refused.value.problems), refused.value.problems
