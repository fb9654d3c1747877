"""``rebalancer schedule``: its answers to an operator."""

import json
from pathlib import Path

import pytest

from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import desk

WEEKLY = ("--cron", "30 10 * * MON", "--timezone", "America/New_York")


async def test_a_schedule_is_added_listed_paused_and_removed(tmp_path: Path) -> None:
    async with temporal_server() as server:
        operator = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        assert "There are no schedules" in (await operator.run("schedule", "list")).output
        added = await operator.run("schedule", "add", "DU1000001", *WEEKLY)
        assert added.status == 0, added.errors
        assert "dry run (--live trades)" in added.output
        assert added.output.count("Mon ") == 3
        strategy = ("--strategy", "blend", "--live", "--if-drift", "2.5", "--json")
        told = json.loads((await operator.run("schedule", "add", *WEEKLY, *strategy)).output)
        assert (told["name"], told["mode"], told["if_drift"]) == ("strategy-blend", "rebalance", "2.5")
        assert (await operator.run("schedule", "pause", "strategy-blend", "--reason", "holiday")).status == 0
        # What was just added may not be in the server's list yet; what is asked for by its name is.
        coming = json.loads((await operator.run("schedule", "next", "DU1000001", "--json")).output)
        assert {(each["name"], each["account"], each["mode"]) for each in coming} == {
            ("DU1000001", "DU1000001", "dry_run")
        }
        none = await operator.run("schedule", "next", "strategy-blend")
        assert "Nothing is scheduled" in none.output
        assert "Paused: strategy-blend" in none.errors

        async def both_are_listed() -> bool:
            return (await operator.run("schedule", "list", "--json")).output.count('"name"') == 2

        await until(both_are_listed)  # the server's list lags
        listed = await operator.run("schedule", "list")
        assert "holiday" in listed.output
        assert "DU1000001" in listed.output
        again = await operator.run("schedule", "unpause", "strategy-blend")
        assert "next: Mon " in again.errors
        for name in ("DU1000001", "strategy-blend"):
            assert (await operator.run("schedule", "remove", name)).status == 0
        gone = await operator.run("schedule", "remove", "DU1000001")
        assert (gone.status, gone.errors.count("\n")) == (2, 1)
        assert "There is no schedule DU1000001" in gone.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*WEEKLY,), "either an account or a strategy"),
        (("DU1000001", "--strategy", "blend", *WEEKLY), "either an account or a strategy"),
        (("DU1000009", *WEEKLY), "not in the configuration"),
        (("DU1000005", *WEEKLY), "switched off"),
        (("du1", *WEEKLY), "not in the configuration"),
        (("--strategy", "nobody", *WEEKLY), "No enabled account follows the strategy nobody"),
        (("DU1000001", "--cron", "10:30", "--timezone", "UTC"), "five fields"),
        (("DU1000001", "--cron", "30 25 * * *", "--timezone", "UTC"), "Hour is not in range"),
        (("DU1000001", "--cron", "30 10 * * *", "--timezone", "Nowhere"), "no time zone"),
        (("DU1000001", *WEEKLY, "--if-drift", "much"), "if-drift"),
        (("DU1000001", *WEEKLY, "--if-drift", "-1"), "if-drift"),
        (("DU1000001", *WEEKLY, "--if-drift", "nan"), "if-drift"),
        (("DU1000001", *WEEKLY, "--name", "no name"), "schedule"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    async with temporal_server() as server:
        operator = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        answer = await operator.run("schedule", "add", *arguments)
        assert (answer.status, answer.errors.strip().count("\n")) == (2, 0), answer.errors
        assert words in answer.errors
