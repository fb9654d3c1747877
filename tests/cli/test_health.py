"""``rebalancer health``: what makes a supervisor restart a process, and what must not."""

import json
from pathlib import Path
from typing import Any

from simulator.ably.server import SimulatedAbly
from simulator.gateway.server import SimulatedGateway
from testbed.addresses import ably_at, gateway_at
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import Desk, desk, service
from tests.house import Holding, scenario
from worker.free_ports import free_port

ACCOUNTS = "accounts: [{account_id: DU1, strategy_name: blend}]\nconcurrency: {settling_period: 0}\n"
KEY = "app.key:secret"


async def told(own: Desk, role: str) -> dict[str, Any]:
    """What the command says of a process of this machine, with its exit status."""
    asked = await own.run("health", role, "--json")
    assert asked.status in (0, 1), asked.errors
    said: dict[str, Any] = json.loads(asked.output)
    assert said["ok"] is (asked.status == 0)
    return said


async def comes_to_work(own: Desk, role: str) -> None:
    """Wait until it does its work."""

    async def does() -> bool:
        return (await told(own, role))["ok"]

    await until(does)


async def test_what_does_not_run_is_told(tmp_path: Path) -> None:
    async with temporal_server() as temporal:
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address)
        for role in ("worker", "listener", "api"):
            (problem,) = (await told(own, role))["problems"]
            assert f"has not heard lately of a {role} on " in problem


async def test_a_worker_is_well_while_it_waits_for_its_gateway_and_while_it_holds_it(tmp_path: Path) -> None:
    port = free_port()
    async with temporal_server() as temporal:
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address, **gateway_at(port))
        async with service(own, "worker"):
            await comes_to_work(own, "worker")
            async with SimulatedGateway(scenario({"DU1": Holding()}), port=port):

                async def is_connected() -> bool:
                    told = json.loads((await own.run("status", "--json")).output)
                    return told["installation"]["gateways"][0]["connected"]

                await until(is_connected)
                assert (await told(own, "worker"))["ok"]


async def test_a_listener_is_well_once_it_has_read_its_channels_and_not_while_it_cannot(tmp_path: Path) -> None:
    port = free_port()
    async with temporal_server() as temporal:
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address, **ably_at(port, KEY))
        async with service(own, "listen"):

            async def cannot_read() -> bool:
                return "history of channel blend" in str((await told(own, "listener"))["problems"])

            await until(cannot_read)
            async with SimulatedAbly(KEY, port=port):
                await comes_to_work(own, "listener")


async def test_of_many_channels_none_is_taken_for_read_that_was_not(tmp_path: Path) -> None:
    """The page of the installation shows twenty of them; whoever restarts a listener must know of all."""
    names = [f"s{number}" for number in range(25)]
    accounts = [f"{{account_id: DU{number}, strategy_name: {name}}}" for number, name in enumerate(names, 1)]
    async with temporal_server() as temporal:
        own = desk(
            tmp_path,
            f"accounts: [{', '.join(accounts)}]\n",
            TEMPORAL_ADDRESS=temporal.address,
            **ably_at(free_port(), KEY),
        )
        async with service(own, "listen"):

            async def cannot_read() -> bool:
                return "history of channel" in str((await told(own, "listener"))["problems"])

            await until(cannot_read)
            assert len((await told(own, "listener"))["problems"]) == len(names)


async def test_another_role_is_refused_in_words(tmp_path: Path) -> None:
    asked = await desk(tmp_path, ACCOUNTS).run("health", "gateway")
    assert asked.status == 2
    assert "worker" in asked.errors


async def test_a_server_that_is_away_is_no_sign_of_health(tmp_path: Path) -> None:
    asked = await desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}").run("health", "worker")
    assert asked.status == 1
    assert "No Temporal server answers" in asked.errors
