"""``rebalancer halt``, ``resume``, ``pause`` and ``unpause`` as people run them."""

import json
from pathlib import Path

from testbed.temporal_server import temporal_server
from tests.cli.command import desk


async def test_halting_and_resuming_needs_nothing_but_temporal(tmp_path: Path) -> None:
    """No worker, no gateway, and a configuration that cannot be read."""
    async with temporal_server() as server:
        own = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        (tmp_path / "accounts.yaml").write_text("accounts: [")
        halted = await own.run("halt", "--reason", "something is wrong")
        assert halted.status == 0, halted.errors
        assert "trading is halted since" in halted.output
        assert "something is wrong" in halted.output
        assert f"by Temporal at {server.address}, namespace default" in halted.errors
        assert "No gateway was ever connected to by this Temporal server" in halted.errors
        again = await own.run("halt", "--json")
        assert json.loads(again.output)["new"] is False
        assert json.loads(again.output)["reason"] == "something is wrong"
        assert (await own.run("resume")).status == 0
        nothing = await own.run("resume")
        assert nothing.status == 1
        assert "Trading is not halted" in nothing.errors


async def test_everything_is_stopped_though_orders_cannot_be_cancelled(tmp_path: Path) -> None:
    async with temporal_server() as server:
        own = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        (tmp_path / "accounts.yaml").write_text("accounts: [")
        answer = await own.run("halt", "--cancel-orders", "--everything")
        assert answer.status == 2, answer.errors
        assert "accounts.yaml" in answer.errors
        assert "Nothing reaches" in answer.errors


async def test_only_what_is_configured_can_be_paused_and_anything_that_is_can_be_unpaused(tmp_path: Path) -> None:
    async with temporal_server() as server:
        own = desk(tmp_path, TEMPORAL_ADDRESS=server.address)
        for wrong in (["DU9999999"], ["--strategy", "blnd"], [], ["DU1000001", "--strategy", "blend"]):
            refused = await own.run("pause", *wrong)
            assert refused.status == 2, refused
            assert len(refused.errors.splitlines()) <= 2
        assert "account DU1000001 is paused" in (await own.run("pause", "DU1000001")).output
        assert "strategy blend is paused" in (await own.run("pause", "--strategy", "blend")).output
        assert (await own.run("unpause", "DU1000001")).status == 0
        (tmp_path / "accounts.yaml").write_text("accounts: [")
        assert (await own.run("unpause", "--strategy", "blend")).status == 0


async def test_a_server_that_does_not_answer_is_not_taken_for_a_halt(tmp_path: Path) -> None:
    own = desk(tmp_path, TEMPORAL_ADDRESS="127.0.0.1:1")
    answer = await own.run("halt")
    assert answer.status == 1
    assert "No Temporal server answers" in answer.errors
    assert answer.output == ""
