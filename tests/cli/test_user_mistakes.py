"""Nothing that a user can type or do ends in a traceback."""

from pathlib import Path

import pytest

from rebalancing.outcomes import Phase
from testbed.temporal_server import temporal_server
from tests.cli.command import Desk, desk
from tests.house import Holding, house, phase_reached
from worker.free_ports import free_port, free_ports

ASKING = Holding(more={"approval": {"required": "always"}})


async def refused(own: Desk, *arguments: str, says: str) -> None:
    """Run a command that must end in words."""
    answer = await own.run(*arguments)
    assert answer.status in (1, 2), answer
    assert "Traceback" not in answer.errors, answer.errors
    assert says in " ".join(answer.errors.split()), answer.errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("up", "--port", "99999"), "65535"),
        (("up", "--port=-1"), "greater than or equal to 1"),
        (("up", "--ui-port", "70000"), "65535"),
        (("up", "--database", "no/such/folder/x.db"), "no/such/folder"),
        (("up", "--simulated", "--scenario", "missing.yaml"), "missing.yaml"),
        (("demo", "--exit", "--json", "no/such/folder/x.json"), "no/such/folder"),
        (("simulate", "gateway", "--port", "99999"), "65535"),
        (("simulate", "ably", "--port", "99999"), "65535"),
        (("plan", "--portfolio", "."), "."),
        (("run", "DU1000001", "--event-id", ""), "event-id"),
        (("run", "DU1000001", "--event-id", "x" * 201), "200"),
    ],
)
async def test_an_impossible_option_is_refused_in_words(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    own = desk(tmp_path, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    await refused(own, *arguments, says=says)


@pytest.mark.parametrize("plan_hash", ["abc", "", "zz0123456789", "0123456789ab0"])
async def test_what_is_no_plan_hash_is_refused_in_words(plan_hash: str, tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own:
        await phase_reached(await own.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        await refused(desk(tmp_path, **own.variables), "approve", "DU1", "--plan-hash", plan_hash, says="plan")


async def test_words_for_the_workflow_are_refused_in_words_where_it_cannot_take_them(tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own:
        await phase_reached(await own.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        operator = desk(tmp_path, **own.variables)
        await refused(operator, "resolve", "DU1", "no-such-ref", "--filled", "1", says="no-such-ref")
        await refused(operator, "resolve", "DU1", "r" * 5000, "--filled", "9" * 30, says="DU1")
        await refused(operator, "reject", "DU1", "--reason", "x" * 100_000, says="reason")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "no UTF-8 text"),
        (b"[" * 5000, "nested too deeply"),
        (b"accounts: [", "not YAML"),
        (b"", "expected"),
        (None, "no regular file"),
    ],
)
async def test_a_stand_ins_file_that_is_none_is_refused_in_words(
    content: bytes | None, says: str, tmp_path: Path
) -> None:
    own = desk(tmp_path)
    file = Path("/dev/zero" if content is None else "broken.yaml")
    if content is not None:
        (tmp_path / file).write_bytes(content)
    port, ui_port = free_ports(2)
    ports = ("--port", str(port), "--ui-port", str(ui_port))
    await refused(own, "up", "--simulated", "--scenario", str(file), *ports, says=says)
    await refused(own, "simulate", "gateway", "--scenario", str(file), "--port", "0", says=says)
    state = ("--state", str(file), "--roll-back-order-ids", "1")
    await refused(own, "simulate", "gateway", "--port", "0", *state, says="no usable gateway state")
    await refused(own, "simulate", "allocations", "--file", str(file), "--port", "0", says=f"{file}: ")


async def test_a_portfolio_without_an_end_is_refused_in_words(tmp_path: Path) -> None:
    await refused(desk(tmp_path), "plan", "--portfolio", "/dev/zero", says="more than 10000000 bytes")


async def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    own = desk(tmp_path, TEMPORAL_TLS="true", TEMPORAL_TLS_CLIENT_CERT_PATH="missing.pem")
    await refused(own, "status", says="missing.pem")


@pytest.mark.parametrize("account", ["", "x", "du1", "DU1'", "../../x", "A" * 2000])
async def test_what_is_no_account_is_refused_in_words(account: str, tmp_path: Path) -> None:
    async with temporal_server() as temporal:
        own = desk(tmp_path, TEMPORAL_ADDRESS=temporal.address)
        for command in (("status",), ("cancel",), ("approve",), ("reject",)):
            await refused(own, *command, account, says=account[:20])
        await refused(own, "resolve", account, "ref", "--not-placed", says=account[:20])


async def test_a_temporal_server_that_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    async with temporal_server() as temporal:
        own = desk(tmp_path, TEMPORAL_ADDRESS=temporal.address, TEMPORAL_NAMESPACE="nowhere")
        for command in (("status",), ("run", "DU1000001"), ("cancel", "DU1000001"), ("positions", "DU1000001")):
            await refused(own, *command, says="nowhere")
