"""The allocations API stand-in: its answers, its refusals, and the failures one can script."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer import Typer
from typer.testing import CliRunner

from simulator.ably.cli import ably
from simulator.allocations import SimulatedAllocations
from simulator.allocations.cli import allocations, run_allocations
from simulator.allocations.strategies import Fault, StrategiesFileError, Strategy, read_strategies
from simulator.loopback import NotLoopbackError
from testbed.background import in_background
from worker.free_ports import free_port

WEIGHTS = {"EDC": 0.2141, "QLD": 0.1779}
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


async def ask(api: SimulatedAllocations, strategy: str = "sniper", *, key: str | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(
            f"{api.base_url}/{strategy}/allocations", headers={"x-api-key": api.api_key if key is None else key}
        )


async def test_an_answer_has_the_published_form() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}, clock=lambda: NOON) as api:
        answer = await ask(api)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "data": {
            "allocations": [{"symbol": "EDC", "allocation": 0.2141}, {"symbol": "QLD", "allocation": 0.1779}],
            "name": "sniper",
            "last_rebalance_on": "2026-03-02",
            "as_of": "2026-03-02T17:00:00+00:00",
        },
    }


@pytest.mark.parametrize("key", ["", "wrong", "lücke"])
async def test_a_wrong_key_is_refused(key: str) -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{api.base_url}/sniper/allocations", headers=[(b"x-api-key", key.encode())])
        assert answer.status_code == 401
        assert (await client.get(f"{api.base_url}/sniper/allocations")).status_code == 401


async def test_an_unknown_strategy_is_not_found() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api:
        assert (await ask(api, "other")).status_code == 404


async def test_a_name_with_odd_characters_is_found() -> None:
    async with SimulatedAllocations({"my strategy/2": WEIGHTS}) as api:
        assert (await ask(api, "my%20strategy%2F2")).status_code == 200


async def test_failures_last_as_long_as_scripted_and_concern_one_strategy() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS, "other": WEIGHTS}) as api:
        api.fail("sniper", times=3)
        assert [(await ask(api)).status_code for _ in range(2)] == [500, 500]
        assert (await ask(api, "other")).status_code == 200
        assert [(await ask(api)).status_code for _ in range(2)] == [500, 200]
        assert [seen.status for seen in api.requests if seen.strategy == "sniper"] == [500, 500, 500, 200]


async def test_scripted_failures_follow_one_another() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api:
        api.fail("sniper", status=503)
        api.fail("sniper", status=429)
        assert [(await ask(api)).status_code for _ in range(3)] == [503, 429, 200]


@pytest.mark.parametrize("body", ["<html>down</html>", "", '{"status": "success"}'])
async def test_any_body_can_be_served_as_it_is(body: str) -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api:
        api.answer_raw("sniper", body)
        for _ in range(2):
            assert (await ask(api)).text == body


async def test_a_slow_answer_comes_after_a_client_has_given_up() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api, httpx.AsyncClient(trust_env=False) as client:
        api.slow_down("sniper", 60)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{api.base_url}/sniper/allocations", headers={"x-api-key": api.api_key}, timeout=0.1)
        assert (await ask(api)).status_code == 200


async def test_weights_that_make_no_sense_are_served_all_the_same() -> None:
    async with SimulatedAllocations({"bad": {"A": -1.5, "B": float("nan")}}) as api:
        assert '"allocation": NaN' in (await ask(api, "bad")).text


async def test_the_command_reads_its_file_again_when_it_changes(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "strategies.yaml"
    file.write_text("sniper: {EDC: 1.0}", encoding="utf-8")
    async with in_background(run_allocations(file=file, port=port, api_key="key")):
        await served(port, 200, "EDC")
        replace_text(file, "sniper: {weights: {QLD: 1.0}, faults: [{status: 503, times: 1}]}")
        await served(port, 503, "scripted")
        await served(port, 200, "QLD")
        replace_text(file, "- this is no strategy")
        replace_text(file, "sniper: {SPY: 1.0}")
        await served(port, 200, "SPY")


async def served(port: int, status: int, text: str) -> None:
    """Ask until the answer is this one."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(10):
        while True:
            with suppress(httpx.ConnectError):
                answer = await client.get(f"http://127.0.0.1:{port}/sniper/allocations", headers={"x-api-key": "key"})
                if answer.status_code == status and text in answer.text:
                    return
            await asyncio.sleep(0.02)


def replace_text(file: Path, text: str) -> None:
    """Change a file in one step."""
    partial = file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


async def test_new_weights_are_served_at_once() -> None:
    async with SimulatedAllocations({"sniper": WEIGHTS}) as api:
        api.set_weights("sniper", {"QQQ": 1.0})
        assert (await ask(api)).json()["data"]["allocations"] == [{"symbol": "QQQ", "allocation": 1.0}]


@pytest.mark.parametrize(
    "text", ["sniper:\n  EDC: 0.2141\n  QLD: 0.1779\n", json.dumps({"sniper": WEIGHTS})], ids=["YAML", "JSON"]
)
def test_a_file_of_strategies_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "strategies"
    file.write_text(text)
    assert read_strategies(file) == {"sniper": Strategy(weights=WEIGHTS)}


def test_a_file_can_script_faults(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text("sniper:\n  weights: {EDC: 1}\n  faults: [{status: 500, times: 3}, {delay: 2}]\n")
    assert read_strategies(file)["sniper"].faults == (Fault(status=500, times=3), Fault(delay=2))


@pytest.mark.parametrize(
    "text", ["", "[]", "sniper: 5", "sniper: {EDC: much}", "{", "sniper: {weights: {A: 1}, faults: [{sleep: 1}]}"]
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text(text)
    with pytest.raises(StrategiesFileError, match=r"strategies\.yaml"):
        read_strategies(file)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StrategiesFileError, match="absent"):
        read_strategies(tmp_path / "absent")


def test_an_address_others_can_reach_is_refused() -> None:
    with pytest.raises(NotLoopbackError):
        SimulatedAllocations({}, host="0.0.0.0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["allocations", "--file", "absent.yaml"],
        ["allocations", "--file", "FILE", "--host", "0.0.0.0"],
        ["ably", "--host", "0.0.0.0"],
        ["ably", "--key", "nonsense"],
    ],
)
def test_the_commands_say_what_is_wrong_with_their_arguments(tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text("sniper: {EDC: 1}")
    app = Typer()
    app.command()(allocations)
    app.command()(ably)
    result = CliRunner().invoke(app, [str(file) if argument == "FILE" else argument for argument in arguments])
    assert result.exit_code == 2
    assert "Invalid value" in result.output
