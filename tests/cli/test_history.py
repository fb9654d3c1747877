"""``rebalancer history`` and ``rebalancer show``, as people run them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from starter.cli.history import since_when
from starter.desk.mistakes import UserMistake
from starter.desk.runs import OURS
from testbed.waiting import until
from tests.cli.command import desk
from tests.house import Holding, House, failure_of, house

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def test_history_and_show_tell_what_happened_to_people_and_to_programs(tmp_path: Path) -> None:
    guarded = Holding(more={"guards": {"minimum_symbols": 5}})
    async with house({"DU1": Holding(), "DU5": guarded}, instruments={"QQQ": {"depth": 50}}) as own:
        await (await own.trigger("DU1", "e-1")).result()
        await failure_of(await own.trigger("DU5"))
        await until(lambda: _both_are_listed(own))
        operator = desk(tmp_path, **own.variables)

        listed = (await operator.run("history")).output
        assert "GuardBreached" in listed
        told = json.loads((await operator.run("history", "DU1", "--since", "1h", "--json")).output)
        (run,) = told["runs"]
        assert (run["summary"]["event_ids"], run["summary"]["orders"]) == (["e-1"], 3)
        lines = list(csv.DictReader(io.StringIO((await operator.run("history", "--csv")).output)))
        assert {line["symbol"] for line in lines} == {"QQQ", "BND", "GLD"}
        assert {line["run_id"] for line in lines} == {run["run_id"]}
        bought = [line for line in lines if line["symbol"] == "QQQ"]
        assert len(bought) > 1, "a line for each fill"
        assert {line["filled"] for line in bought} == {str(sum(int(line["fill_shares"]) for line in bought))}
        assert len({line["exec_id"] for line in bought}) == len(bought)

        shown = (await operator.run("show", "DU1", run["run_id"][:8])).output
        assert "under target" in shown
        assert "slippage" in shown
        failed = await operator.run("show", "DU5")
        assert "minimum_symbols" in failed.output
        assert json.loads((await operator.run("show", "DU5", "--json")).output)["phase"] == "failed"

        unknown = await operator.run("show", "DU1", "feedfeed")
        assert unknown.status == 1
        assert "history DU1" in unknown.errors
        for wrong in (("--since", "yesterday"), ("--strategy", "x' OR '1'='1"), ("--json", "--csv")):
            refused = await operator.run("history", *wrong)
            assert refused.status == 2, refused
            assert "Traceback" not in refused.errors


async def _both_are_listed(own: House) -> bool:
    return (await own.client.count_workflows(f"{OURS} AND ExecutionStatus != 'Running'")).count == 2


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T09:30:00-05:00", datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_given_as_an_age_or_as_a_date(given: str, at: datetime) -> None:
    assert since_when(given, NOW) == at


@pytest.mark.parametrize("given", ["", "7", "d", "7y", "-1d", "20 Nov"])
def test_what_is_no_time_is_refused_in_words(given: str) -> None:
    with pytest.raises(UserMistake, match="is no time"):
        since_when(given, NOW)
