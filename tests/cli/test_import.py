"""``rebalancer import``: files of the original and of its successor, whole or not at all."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner, Result

from configuration.configuration import Configuration, load_configuration
from configuration.environment import Connections
from starter.cli.main import app
from tests.configuration.test_original_files import SHAPES

SECRETS = ("p4ssw0rd", "alloc-key", "app.id:ably-key", "vnc-pass")

ENVIRONMENT = """\
IB_USERNAME=ann
IB_PASSWORD=p4ssw0rd
ALLOCATIONS_API_KEY=alloc-key
REBALANCE_EVENT_SUBSCRIPTION_API_KEY=app.id:ably-key
TRADING_MODE=paper  # paper or live
TIME_IN_FORCE=GTC
AUTO_RESTART_TIME=10:00 PM
VNC_PASSWORD=vnc-pass
LOG_LEVEL=INFO #DEBUG
USER_NOTIFICATIONS_ENABLED=true
USER_NOTIFICATIONS_CHANNEL=ZLF-2025
MADE_UP=1
"""

SUCCESSOR = {
    "accounts.yaml": """\
accounts:
  - account_id: U123456
    type: paper
    replacement_set: ira
    strategy_name: etf-blend-200-35
    cash_reserve_percent: 0.0
    pdt_protection_enabled: true
    auto_deploy_remaining_cash: false
  - {account_id: U654321, type: live, strategy_name: etf-blend-301-20}
replacement_sets:
  ira:
    - {source: UVXY, target: VXX, scale: 1.5}
""",
    "config.yaml": """\
allocations: {base_url: "https://example.com/api/v1"}
ibkr: {request_timeout_seconds: 12.5, market_data_type: 1}
trading: {allocation_threshold_percent: 0.5, order_timeout_seconds: 240, order_tif: DAY}
ably: {api_key: "app.id:ably-key"}
""",
    ".env": ENVIRONMENT,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    return tmp_path / "old"


def brought_over(folder: Path, files: dict[str, str], *options: str) -> Result:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return CliRunner().invoke(app, ["import", str(folder), *options])


def ours() -> Configuration:
    return load_configuration(Path("accounts.yaml"))


def fates(result: Result) -> dict[str, str]:
    return {each["what"]: each["fate"] for each in json.loads(result.stdout)["findings"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_brought_over_is_what_is_read_from_the_old_files(folder: Path, shape: str) -> None:
    assert brought_over(folder, SHAPES[shape]).exit_code == 0
    assert ours().accounts == load_configuration(folder / "accounts.yaml").accounts


def test_the_successors_files_come_over_with_what_became_of_each_thing(folder: Path) -> None:
    result = brought_over(folder, SUCCESSOR, "--json")
    assert result.exit_code == 0, result.output
    configuration = ours()
    paper, live = configuration.accounts
    assert (paper.cash_reserve_percent, paper.tolerance_percent) == (0, Decimal("0.5"))
    assert paper.replacements[0].scale == Decimal("1.5")
    assert (live.cash_reserve_percent, live.enabled) == (1, False)
    assert configuration.allocations_base_url == "https://example.com/api/v1"
    assert configuration.settings.concurrency.request_timeout == 12.5
    assert configuration.settings.fill_timeout == 240
    assert configuration.settings.gateway_restart == "22:00 US/Eastern"
    assert configuration.alerts.receivers.keys() == {"ntfy"}
    told = fates(result)
    assert told["pdt_protection_enabled"] == "no equal"
    assert told["trading.order_tif"] == "no equal"
    assert told["MADE_UP"] == "no equal"
    assert told["IB_PASSWORD"] == "to do"
    assert told["ALLOCATIONS_API_KEY"] == "taken over"


def test_every_line_of_the_old_files_is_told_of(folder: Path) -> None:
    told = set(fates(brought_over(folder, SUCCESSOR, "--json")))
    variables = {line.partition("=")[0] for line in ENVIRONMENT.splitlines()} - {"USER_NOTIFICATIONS_ENABLED"}
    assert variables <= told


def test_the_environment_is_read_by_our_names_and_is_the_owners_alone(folder: Path) -> None:
    brought_over(folder, SUCCESSOR)
    connections = Connections()
    assert connections.ably_api_key is not None
    assert connections.ably_api_key.get_secret_value() == "app.id:ably-key"
    assert connections.ibkr_port == 4002
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    assert dotenv_values(".env")["ALERT_NTFY_URL"] == "ntfys://ntfy.sh/ZLF-2025"


@pytest.mark.parametrize("value", ["a b", "with#sign", "it's", 'a"b', "back\\slash", "$HOME", "ä"])
def test_a_value_comes_over_as_it_was_whatever_signs_are_in_it(folder: Path, value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    brought_over(folder, {**SUCCESSOR, ".env": f"ALLOCATIONS_API_KEY='{quoted}'\n"})
    key = Connections().allocations_api_key
    assert key is not None
    assert key.get_secret_value() == value


def test_no_secret_is_shown_and_no_password_written(folder: Path) -> None:
    shown = brought_over(folder, SUCCESSOR)
    assert not any(secret in shown.output + shown.stderr for secret in SECRETS)
    written = "".join(file.read_text(encoding="utf-8") for file in Path().iterdir())
    assert "p4ssw0rd" not in written
    assert "vnc-pass" not in written


def test_a_live_account_is_switched_off_where_the_old_system_was_on_paper(folder: Path) -> None:
    """The old system left accounts of the other type alone; ours goes by each account's own word."""
    shown = brought_over(folder, SUCCESSOR)
    assert "is switched off: TRADING_MODE was paper" in " ".join(shown.stdout.replace("│", " ").split())


@pytest.mark.parametrize("there", ["accounts.yaml", ".env"])
def test_nothing_that_is_there_is_overwritten(folder: Path, there: str) -> None:
    Path(there).write_text("mine", encoding="utf-8")
    refused = brought_over(folder, SUCCESSOR)
    assert refused.exit_code == 2
    assert [(each.name, each.read_text(encoding="utf-8")) for each in Path().iterdir()] == [(there, "mine")]


BROKEN: dict[str, dict[str, str]] = {
    "no accounts": {".env": "A=1\n"},
    "not yaml": {"accounts.yaml": "accounts: ["},
    "no list": {"accounts.yaml": "accounts: 5"},
    "empty": {"accounts.yaml": ""},
    "no block": {"accounts.yaml": "- 1\n"},
    "no strategy": {"accounts.yaml": "- {account_id: U1}\n"},
    "set that is not there": {"accounts.yaml": "- {account_id: U1, strategy_name: a, replacement_set: ira}\n"},
    "twice": {"accounts.yaml": "- &a {account_id: U1, strategy_name: a}\n- *a\n"},
    "reserve of 200": {"accounts.yaml": "- {account_id: U1, strategy_name: a, cash_reserve_percent: 200}\n"},
    "bad config": {
        "accounts.yaml": "- {account_id: U1, strategy_name: a}\n",
        "config.yaml": "- 1\n",
    },
}


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_refused_whole_in_words(folder: Path, files: dict[str, str]) -> None:
    refused = brought_over(folder, files)
    assert refused.exit_code == 2, refused.output
    assert "Traceback" not in refused.output
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_left_without_a_half(folder: Path) -> None:
    refused = brought_over(folder, SUCCESSOR, "--into", "no/such/folder")
    assert refused.exit_code == 2
    assert "Nothing was written" in refused.stderr
