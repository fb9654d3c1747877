"""The commands against everything ``rebalancer up --simulated`` starts, each in a process of its own."""

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest

from testbed.waiting import PATIENCE
from tests.cli.command import SLOW_MARKET, Desk, desk, up
from worker.free_ports import free_port

SIMULATED = "--simulated"


@pytest.fixture
def own(tmp_path: Path) -> Desk:
    return desk(tmp_path)


async def test_a_dry_run_then_a_live_run_then_what_the_account_holds(own: Desk) -> None:
    async with up(own, SIMULATED):
        looked = await own.run("run", "DU1000001", "--wait")
        assert looked.status == 0, looked.errors
        assert "dry run, nothing was traded" in looked.output
        assert "would BUY" in looked.output
        assert json.loads((await own.run("positions", "DU1000001", "--json")).output)["positions"] == {}

        planned = json.loads((await own.run("plan", "DU1000001", "--json")).output)
        assert (planned["account"], planned["strategy"]) == ("DU1000001", "blend")
        assert {order["side"] for order in planned["orders"]} == {"BUY"}
        assert {line["symbol"]: line["reason"] for line in planned["lines"]}["QQQ"] == "under target"
        assert "under target" in (await own.run("plan", "DU1000001")).output

        traded = await own.run("run", "DU1000001", "--live", "--wait", "--event-id", "e-1")
        assert traded.status == 0, traded.errors
        assert "rebalanced, drift" in traded.output
        assert "slippage" in traded.output
        assert re.search(r"cash [\d,.]+ USD: [\d,.]+ reserve and [\d.]+ above it", traded.output), traded.output
        held = json.loads((await own.run("positions", "DU1000001", "--json")).output)["positions"]
        assert set(held) == {"QQQ", "BND"}
        assert "QQQ" in (await own.run("positions", "DU1000001")).output

        again = await own.run("run", "DU1000001", "--live", "--wait", "--event-id", "e-1")
        assert again.status == 0, again.errors
        assert json.loads((await own.run("positions", "DU1000001", "--json")).output)["positions"] == held

        (status,) = await own.standings("DU1000001")
        assert (status["account"], status["phase"], status["running"]) == ("DU1000001", "completed", False)
        assert [event["event_id"] for event in status["events"]][-1] == "e-1"
        assert "completed" in (await own.run("status", "DU1000001")).output
        assert "never run" in (await own.run("status", "DU1000004")).output


async def test_cancelling_cancels_the_working_orders_and_tells_what_had_filled(own: Desk) -> None:
    (own.folder / "slow.yaml").write_text(SLOW_MARKET)
    async with up(own, SIMULATED, "--scenario", "slow.yaml"):
        waiting = await own.start("run", "DU1000001", "--live", "--wait")
        await phase_reached(own, "DU1000001", "buying")
        cancelled = await own.run("cancel", "DU1000001")
        assert cancelled.status == 0, cancelled.errors
        assert "cancelled; filled: BUY 0/" in cancelled.output
        output, _ = await waiting.communicate()
        assert waiting.returncode == 1
        assert b"cancelled" in output
        nothing = await own.run("cancel", "DU1000001")
        assert nothing.status == 1
        assert "nothing to cancel" in nothing.errors


async def test_a_rebalance_whose_order_never_filled_ends_incomplete_with_exit_status_one(own: Desk) -> None:
    (own.folder / "slow.yaml").write_text(SLOW_MARKET)
    with (own.folder / "accounts.yaml").open("a") as accounts:
        accounts.write("fill_timeout: 0.5\n")
    async with up(own, SIMULATED, "--scenario", "slow.yaml"):
        answer = await own.run("run", "DU1000001", "--live", "--wait")
        assert answer.status == 1
        assert "INCOMPLETE" in answer.output
        assert "shares filled before the order was cancelled" in answer.output
        (status,) = await own.standings("DU1000001")
        assert status["phase"] == "incomplete"
        assert "incomplete: BND: 0 of" in status["events"][-1]["summary"]


async def test_an_account_that_is_unknown_or_switched_off_is_named_in_one_line(own: Desk) -> None:
    for command in ("run", "plan", "positions"):
        for account, reason in (("DU9", "is not in the configuration"), ("DU1000005", "is switched off")):
            answer = await own.run(command, account)
            assert answer.status == 2
            assert reason in answer.errors
            assert len(answer.errors.splitlines()) == 1


async def test_without_a_temporal_server_every_command_says_so_in_one_line(own: Desk) -> None:
    own.variables["TEMPORAL_ADDRESS"] = f"127.0.0.1:{free_port()}"
    for arguments in (
        ["run", "DU1000001"],
        ["status"],
        ["positions", "DU1000001"],
        ["cancel", "DU1000001"],
        ["worker"],
    ):
        answer = await own.run(*arguments)
        assert answer.status == 1
        assert "No Temporal server answers at" in answer.errors
        assert len(answer.errors.splitlines()) == 1


async def test_a_bad_configuration_is_refused_with_its_place(own: Desk) -> None:
    (own.folder / "accounts.yaml").write_text("accounts:\n  - account_id: DU1\n    stategy_name: blend\n")
    for arguments in (["run", "DU1"], ["worker"], ["listen"], ["up"], ["positions", "DU1"]):
        answer = await own.run(*arguments)
        assert answer.status == 2
        assert "accounts.yaml:3:" in answer.errors
        assert "did you mean 'strategy_name'" in answer.errors
        assert "Traceback" not in answer.errors


async def test_a_missing_configuration_says_where_to_get_one(tmp_path: Path) -> None:
    answer = await desk(tmp_path, accounts=None).run("up")
    assert answer.status == 2
    assert "accounts.example.yaml" in answer.errors


async def test_a_wrong_variable_is_named_without_its_value(own: Desk) -> None:
    own.variables["IBKR_PORT"] = "seven"
    answer = await own.run("worker")
    assert answer.status == 2
    assert "IBKR_PORT" in answer.errors
    assert "seven" not in answer.errors


async def test_listening_needs_a_key(own: Desk) -> None:
    answer = await own.run("listen")
    assert answer.status == 2
    assert "ABLY_API_KEY" in answer.errors


async def test_a_taken_port_is_told_before_anything_starts(own: Desk) -> None:
    async with up(own, SIMULATED):
        port = own.variables["TEMPORAL_ADDRESS"].rpartition(":")[2]
        answer = await own.run("up", "--port", port)
    assert answer.status == 2
    assert f"Port {port} for Temporal is taken" in answer.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_up_cleanly_and_its_history_is_there_the_next_time(
    own: Desk, number: signal.Signals
) -> None:
    async with up(own, SIMULATED) as process:
        assert (await own.run("run", "DU1000001", "--wait", "--event-id", "e-1")).status == 0
        process.send_signal(number)
        assert await process.wait() == 0
    async with up(own, SIMULATED):
        (status,) = await own.standings("DU1000001")
        assert [event["event_id"] for event in status["events"]] == ["e-1"]


async def test_an_event_that_was_accepted_is_carried_out_although_everything_was_killed(own: Desk) -> None:
    own.variables["IBKR_PORT"] = str(free_port())
    history = "--database", "history.db"
    async with up(own, *history, until="No gateway at") as process:
        assert (await own.run("run", "DU1000004", "--live", "--event-id", "e-1")).status == 0
        await phase_reached(own, "DU1000004", "reading")
        process.kill()
        await process.wait()
    async with up(own, SIMULATED, *history):
        await phase_reached(own, "DU1000004", "completed")
        held = json.loads((await own.run("positions", "DU1000004", "--json")).output)["positions"]
        assert set(held) == {"QQQ"}


async def phase_reached(own: Desk, account: str, phase: str) -> None:
    """Wait until the account's status shows this phase."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if any(status["phase"] == phase for status in await own.standings(account)):
                return
