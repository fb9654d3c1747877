"""``rebalancer plan`` on a portfolio in a file."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner, Result

from starter.cli.plan_offline import plan_offline

PORTFOLIO: dict[str, Any] = {
    "net_liquidation": "11900.00",
    "cash": "10000.00",
    "reserve_percent": 1.0,
    "positions": {"AAPL": 10},
    "prices": {"AAPL": "190.00", "MSFT": "400.00"},
    "targets": {"AAPL": 0.5, "MSFT": 0.5},
}

app = typer.Typer()


@app.command()
def plan(portfolio: Annotated[Path, typer.Option()], as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    plan_offline(portfolio, as_json)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portfolio.json"


def run(file: Path, content: object, *options: str) -> Result:
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return CliRunner().invoke(app, ["--portfolio", str(file), *options])


def test_json_has_exactly_the_promised_shape(file: Path) -> None:
    result = run(file, PORTFOLIO, "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["orders"] == [
        {"symbol": "MSFT", "side": "BUY", "quantity": 15, "estimated_value": "6000.00"},
        {"symbol": "AAPL", "side": "BUY", "quantity": 20, "estimated_value": "3800.00"},
    ]
    assert answer["after"].keys() == {"cash", "weights", "drift"}
    assert answer["after"]["cash"] == "198.00"
    assert answer["after"]["weights"].keys() == {"AAPL", "MSFT"}
    assert answer["after"]["drift"] < 2


def test_sells_come_before_buys(file: Path) -> None:
    result = run(file, PORTFOLIO | {"cash": "0", "targets": {"MSFT": 1}}, "--json")
    assert [order["side"] for order in json.loads(result.stdout)["orders"]] == ["SELL", "BUY"]


def test_cash_stays_above_the_reserve(file: Path) -> None:
    answer = json.loads(run(file, PORTFOLIO, "--json").stdout)
    assert Decimal(answer["after"]["cash"]) >= Decimal("119.00")


def test_the_example_of_the_description_works(file: Path) -> None:
    example = {
        "net_liquidation": "3800.00",
        "cash": "1900.00",
        "reserve_percent": 1.0,
        "positions": {"AAPL": 10},
        "prices": {"AAPL": "190.00"},
        "targets": {"AAPL": 0.5},
    }
    result = run(file, example, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["after"]["weights"]["AAPL"] == pytest.approx(0.505, abs=0.001)


def test_numbers_may_stand_without_quotes(file: Path) -> None:
    plain = PORTFOLIO | {"cash": 10000, "prices": {"AAPL": 190.0, "MSFT": 400}}
    assert run(file, plain, "--json").stdout == run(file, PORTFOLIO, "--json").stdout


def test_without_json_a_table_is_shown(file: Path) -> None:
    result = run(file, PORTFOLIO)
    assert result.exit_code == 0
    for shown in ("Symbol", "Target", "MSFT", "BUY 15", "6,000.00", "Drift", "198.00 USD"):
        assert shown in result.stdout


def test_every_line_of_the_table_says_why(file: Path) -> None:
    banded = PORTFOLIO | {"cash": "8300", "positions": {"AAPL": 21, "MSFT": 5}, "tolerance_percent": 20}
    shown = " ".join(run(file, banded | {"held_out": ["KEEP"], "targets": {"AAPL": 0.4, "MSFT": 0.5}}).stdout.split())
    assert "within" in shown
    assert "under" in shown


def test_json_gives_the_reason_of_every_line(file: Path) -> None:
    sold = {"cash": "0", "positions": {"AAPL": 10, "KEEP": 3}, "targets": {"MSFT": 1}, "held_out": ["KEEP"]}
    answer = json.loads(run(file, PORTFOLIO | sold, "--json").stdout)
    assert {line["symbol"]: line["reason"] for line in answer["lines"]} == {
        "AAPL": "not in the targets",
        "KEEP": "held out",
        "MSFT": "under target",
    }
    assert answer["is_optimal"]
    assert len(answer["plan_hash"]) == 12


@pytest.mark.parametrize(
    ("rule", "orders"),
    [
        ({"trading": "sell_only"}, []),
        ({"never_buy": ["MSFT"]}, ["AAPL"]),
        ({"lots": {"AAPL": 10, "MSFT": 10}}, ["AAPL", "MSFT"]),
        ({"maximum_turnover_percent": 0.1}, []),
        ({"relative_tolerance_percent": 70}, ["MSFT"]),
        ({"minimum_order_value": 5000}, ["MSFT"]),
        ({"fractions": {"AAPL": "0.5"}}, ["MSFT", "AAPL"]),
    ],
)
def test_the_rules_of_an_account_may_stand_in_the_file(file: Path, rule: dict[str, Any], orders: list[str]) -> None:
    result = run(file, PORTFOLIO | rule, "--json")
    assert result.exit_code == 0, result.stderr
    assert [order["symbol"] for order in json.loads(result.stdout)["orders"]] == orders


def test_a_value_that_does_not_fit_the_positions_is_pointed_out(file: Path) -> None:
    assert "net_liquidation says" in " ".join(run(file, PORTFOLIO | {"net_liquidation": "99999"}).stdout.split())
    assert "net_liquidation says" not in run(file, PORTFOLIO).stdout


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "no JSON (line 1, column 1"),
        ("<html>", "no JSON"),
        ("[]", "the file must be an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"cash": 1, "cash": 2}', "cash is given twice"),
        ({k: v for k, v in PORTFOLIO.items() if k != "cash"}, "cash is missing"),
        (PORTFOLIO | {"cash": float("nan")}, "cash: found NaN"),
        (PORTFOLIO | {"cash": "much"}, "cash: found much"),
        (PORTFOLIO | {"reserve_percent": 100}, "reserve_percent: found 100; input should be less than 100"),
        (PORTFOLIO | {"reserve_percent": -1}, "reserve_percent: found -1"),
        (PORTFOLIO | {"positions": {"AAPL": 1.5}}, "positions.AAPL: found 1.5"),
        (PORTFOLIO | {"positions": {"AAPL": True}}, "positions.AAPL: found True"),
        (PORTFOLIO | {"positions": []}, "positions must be an object"),
        (PORTFOLIO | {"positions": {"TSLA": 3}}, "TSLA has no price"),
        (PORTFOLIO | {"prices": {"AAPL": "0", "MSFT": "1"}}, "AAPL has the price 0"),
        (PORTFOLIO | {"prices": {"AAPL": "-3", "MSFT": "1"}}, "AAPL has the price -3"),
        (PORTFOLIO | {"prices": {"AAPL": float("nan"), "MSFT": "1"}}, "AAPL"),
        (PORTFOLIO | {"targets": {"AAPL": 0.7, "MSFT": 0.7}}, "add up to 1.4"),
        (PORTFOLIO | {"targets": {"AAPL": -0.1}}, "targets.AAPL: found -0.1"),
        (PORTFOLIO | {"cash": "-50000"}, "nothing to invest"),
        (PORTFOLIO | {"tragets": {}}, "tragets is an unknown key; did you mean targets?"),
        (PORTFOLIO | {"commission_per_order": -1}, "commission_per_order"),
        (PORTFOLIO | {"tolerance_percent": -1}, "tolerance_percent"),
        (json.dumps(PORTFOLIO).replace("10}", "9" * 5000 + "}"), "positions.AAPL: found 999"),
        (json.dumps(PORTFOLIO).replace("0.5}", "9" * 5000 + "}"), "targets.MSFT: found 999"),
        (PORTFOLIO | {"held_out": ["\u017fPY"]}, "held_out.0: found \u017fPY; a symbol is allowed"),
        (PORTFOLIO | {"positions": {"BRK.B": 1, "BRK B": 1}}, "the same share is named twice"),
    ],
)
def test_bad_input_is_explained_in_one_line(file: Path, content: object, expected: str) -> None:
    result = run(file, content, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_file_is_explained_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--portfolio", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_a_file_that_is_no_text_is_explained(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    result = CliRunner().invoke(app, ["--portfolio", str(file)])
    assert result.exit_code == 2
    assert "no UTF-8 text" in result.stderr
