"""A history belongs to one login: what was begun in a rehearsal or on paper never goes on at another gateway."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import pytest

from configuration.configuration_in_use import ConfigurationInUse
from contract.names import login_id
from rebalancing.errors import GatewayUnavailable, OtherLogin
from rebalancing.login import Login, LoginKind
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import NOTICE_TEXTS
from simulator.gateway.server import SimulatedGateway
from testbed.temporal_server import temporal_server
from testbed.waiting import PATIENCE, until
from tests.house import Holding, House, house, scenario
from worker.login_claim import claim
from worker.workers import run_workers

PAPER, LIVE = Holding(), Holding(more={"type": "live"})

STAND_INS_OWN_WORD = NOTICE_TEXTS[2104]
LIKE_IBKR = "Market data farm connection is OK:usfarm"


@pytest.fixture(autouse=True)
def the_gateways_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stand-in does not say of itself in these tests cannot be told from outside."""
    monkeypatch.setitem(NOTICE_TEXTS, 2104, LIKE_IBKR)


@asynccontextmanager
async def other_gateway(accounts: Mapping[str, Holding]) -> AsyncGenerator[SimulatedGateway]:
    async with SimulatedGateway(scenario(accounts)) as gateway:
        yield gateway


async def begin(own: House) -> None:
    """Meet the house's gateway for the first time, and leave a rebalance unfinished."""
    account = next(iter(own.gateway.engine.accounts))
    async with own.working():
        await (await own.trigger(account, "dry", ExecutionMode.DRY_RUN)).result()
    await own.trigger(account, "unfinished")


async def go_on(own: House, gateway: SimulatedGateway) -> str:
    """Start a worker for this gateway; what it says if it refuses, or nothing once the unfinished has completed."""
    connections = own.connections.model_copy(update={"ibkr_port": gateway.port})
    worker = asyncio.create_task(run_workers(own.client, ConfigurationInUse(own.configuration), connections))
    account = next(iter(own.gateway.engine.accounts))
    completed = asyncio.create_task(own.handle(account).result())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({worker, completed}, return_when=asyncio.FIRST_COMPLETED)
    told = worker.exception() if worker.done() else None
    for task in (worker, completed):
        task.cancel()
    await asyncio.gather(worker, completed, return_exceptions=True)
    if told is None:
        return ""
    assert isinstance(told, ExceptionGroup)
    assert isinstance(told.exceptions[0], OtherLogin)
    return str(told.exceptions[0])


async def test_a_rehearsal_does_not_go_on_at_a_real_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house({"DU1": PAPER}, workers=0) as own, other_gateway({"DU1": PAPER}) as real:
        with monkeypatch.context() as rehearsal:
            rehearsal.setitem(NOTICE_TEXTS, 2104, STAND_INS_OWN_WORD)
            await begin(own)
        said = await go_on(own, real)
        assert "belongs to the simulated gateway with DU1, since " in said
        assert "This gateway is the paper login with DU1:" in said
        assert real.engine.orders == []


async def test_what_was_begun_for_real_does_not_go_on_in_a_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house({"U1": LIVE}, workers=0) as own, other_gateway({"U1": LIVE}) as stand_in:
        await begin(own)
        monkeypatch.setitem(NOTICE_TEXTS, 2104, STAND_INS_OWN_WORD)
        assert "belongs to the live login with U1" in await go_on(own, stand_in)
        assert stand_in.engine.orders == []


@pytest.mark.parametrize(("first", "then"), [("DU1", "U1"), ("U1", "DU1"), ("DU1", "DU2")])
async def test_no_other_login_goes_on_with_a_history(first: str, then: str) -> None:
    accounts = {name: PAPER if name.startswith("D") else LIVE for name in (first, then)}
    async with (
        house({first: accounts[first]}, workers=0) as own,
        other_gateway({then: accounts[then]}) as other,
    ):
        await begin(own)
        said = await go_on(own, other)
        assert f"login with {first}" in said
        assert f"login with {then}" in said
        assert not any(request.name == "reqMktData" for request in other.requests)


async def test_a_login_may_gain_accounts_and_lose_others() -> None:
    two = {"DU1": PAPER, "DU2": PAPER}
    async with house(two, workers=0) as own, other_gateway({"DU1": PAPER, "DU3": PAPER}) as grown:
        await begin(own)
        assert await go_on(own, grown) == ""
        assert len(grown.engine.orders) == 3


async def test_the_way_out_is_the_one_that_the_refusal_names() -> None:
    async with house({"DU1": PAPER}, workers=0) as own, other_gateway({"DU1": PAPER, "U1": LIVE}) as other:
        await begin(own)
        assert f"`temporal workflow terminate --workflow-id {login_id(None)} " in await go_on(own, other)
        await own.client.get_workflow_handle("gateway-login-default").terminate("new login")
        assert await go_on(own, other) == ""


async def test_a_login_that_changes_while_the_worker_runs_is_waited_out() -> None:
    async with house({"DU1": PAPER}, workers=0) as own:
        worker = await own.worker()
        await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
        port = own.gateway.port
        await own.gateway.__aexit__(None, None, None)
        async with SimulatedGateway(scenario({"DU2": PAPER}), port) as other:
            handle = await own.trigger("DU1", "live")
            await until(lambda: len(other.connections) >= 2 and other.connections[1].closed)
            assert not worker.done()
            assert not any(request.name == "reqMktData" for request in other.requests)
        async with SimulatedGateway(scenario({"DU1": PAPER}), port) as again:
            assert (await handle.result()).outcome is not None
            assert len(again.engine.orders) == 3
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_of_two_that_meet_a_gateway_for_the_first_time_at_once_one_decides() -> None:
    logins = [Login.of({f"DU{number}"}, simulated=False) for number in range(8)]
    async with temporal_server() as server:
        client = server.client
        for gateway in ("east", "west", None):
            ends = await asyncio.gather(*(claim(client, gateway, login) for login in logins), return_exceptions=True)
            assert sorted(type(end).__name__ for end in ends) == ["NoneType", *["OtherLogin"] * 7]


async def test_each_gateway_has_a_login_of_its_own() -> None:
    paper, live = Login.of({"DU1"}, simulated=False), Login.of({"U1"}, simulated=False)
    async with temporal_server() as server:
        client = server.client
        await claim(client, "east", paper)
        await claim(client, "west", live)
        for gateway, other in (("east", live), ("west", paper)):
            with pytest.raises(OtherLogin, match=f"gateway-login-{gateway}"):
                await claim(client, gateway, other)


@pytest.mark.parametrize("first", [True, False], ids=["rehearsal first", "real first"])
async def test_a_rehearsal_and_what_is_real_are_in_no_history_together_at_different_gateways_either(
    first: bool,
) -> None:
    async with temporal_server() as server:
        client = server.client
        await claim(client, "east", Login.of({"DU1"}, simulated=first))
        with pytest.raises(OtherLogin, match="--workflow-id rehearsal-or-real"):
            await claim(client, "west", Login.of({"DU2"}, simulated=not first))
        await claim(client, "west", Login.of({"DU2"}, simulated=first))


async def test_a_gateway_that_manages_no_account_yet_decides_nothing() -> None:
    async with temporal_server() as server:
        client = server.client
        with pytest.raises(GatewayUnavailable):
            await claim(client, None, Login.of((), simulated=False))
        await claim(client, None, Login.of({"DU1"}, simulated=False))


async def test_what_somebody_else_wrote_down_as_a_login_is_not_taken_for_one() -> None:
    async with temporal_server() as server:
        client = server.client
        for number, written_as in enumerate(("rehearsal-or-real", login_id(None))):
            await client.start_workflow("GatewayLogin", id=written_as, task_queue=f"forged-{number}")
            with pytest.raises(OtherLogin, match="a login it does not name"):
                await claim(client, None, Login.of({"DU1"}, simulated=False))
            await client.get_workflow_handle(written_as).terminate()


@pytest.mark.parametrize(
    ("accounts", "simulated", "kind"),
    [
        ({"DU1", "DU2"}, False, LoginKind.PAPER),
        ({"DF1", "DU2"}, False, LoginKind.PAPER),
        ({"U1", "U2"}, False, LoginKind.LIVE),
        ({"DU1", "U2"}, False, LoginKind.LIVE),
        ({"U1"}, True, LoginKind.SIMULATED),
    ],
)
def test_one_live_account_makes_a_login_a_live_one(accounts: set[str], simulated: bool, kind: LoginKind) -> None:
    assert Login.of(accounts, simulated=simulated).kind is kind
