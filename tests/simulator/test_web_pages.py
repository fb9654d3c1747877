"""No web page drives a stand-in: not one that asks another site, nor one whose own name leads to this machine."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import httpx
import pytest

from simulator.ably import SimulatedAbly
from simulator.allocations import SimulatedAllocations
from simulator.gateway.scenario import parse_scenario
from simulator.gateway.server import SimulatedGateway

SCENARIO = 'accounts: [{account: DU1, cash: "1"}]\ninstruments: [{symbol: SPY, price: "600.00"}]\n'
KEY = "app.key:secret"
PATHS = {"gateway": "/accounts", "ably": "/time", "allocations": "/sniper/allocations"}


@pytest.fixture
async def ports() -> AsyncIterator[dict[str, int]]:
    """The HTTP port of each stand-in."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(SimulatedGateway(parse_scenario(SCENARIO), control_port=0))
        ably = await stack.enter_async_context(SimulatedAbly(KEY))
        allocations = await stack.enter_async_context(SimulatedAllocations({"sniper": {"SPY": 1.0}}))
        yield {"gateway": gateway.control_port, "ably": ably.port, "allocations": allocations.port}


async def asked(port: int, path: str, **headers: str) -> int:
    """The status of a request with those headers and the key of the allocations stand-in."""
    async with httpx.AsyncClient(trust_env=False) as client:
        given = {"x-api-key": "local-key", **headers}
        return (await client.get(f"http://127.0.0.1:{port}{path}", headers=given)).status_code


@pytest.mark.parametrize("stand_in", PATHS)
@pytest.mark.parametrize("origin", ["https://example.com", "http://127.0.0.1:9999", "null", ""])
async def test_a_request_with_an_origin_is_forbidden(ports: dict[str, int], stand_in: str, origin: str) -> None:
    assert await asked(ports[stand_in], PATHS[stand_in], Origin=origin) == 403


@pytest.mark.parametrize("stand_in", PATHS)
@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com:80", "localhost.example.com", "0.0.0.0", "[", ""]
)
async def test_a_request_by_another_name_than_loopback_is_forbidden(
    ports: dict[str, int], stand_in: str, host: str
) -> None:
    assert await asked(ports[stand_in], PATHS[stand_in], Host=host) == 403


@pytest.mark.parametrize("stand_in", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4003", "LOCALHOST", "[::1]:4003", "127.1.2.3"])
async def test_a_program_of_this_machine_is_answered(ports: dict[str, int], stand_in: str, host: str) -> None:
    assert await asked(ports[stand_in], PATHS[stand_in], Host=host) == 200


async def test_what_a_page_posts_changes_nothing() -> None:
    async with SimulatedGateway(parse_scenario(SCENARIO), control_port=0) as gateway:
        base = f"http://127.0.0.1:{gateway.control_port}"
        async with httpx.AsyncClient(base_url=base, headers={"Origin": "https://example.com"}) as page:
            assert (await page.post("/prices", json={"SPY": "1"})).status_code == 403
            assert (await page.post("/faults", json={"action": "close_before"})).status_code == 403
            assert (await page.request("OPTIONS", "/faults")).status_code == 403
        assert str(gateway.engine.market.price("SPY")) == "600.00"
        assert gateway.faults.rules == []


async def test_a_page_gets_no_realtime_connection(ports: dict[str, int]) -> None:
    url = f"ws://127.0.0.1:{ports['ably']}/?key={KEY}&v=2"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(url, origin="https://example.com")


async def test_where_other_machines_may_ask_they_may_by_any_name_and_pages_still_may_not() -> None:
    async with SimulatedAbly(KEY, allow_remote=True) as ably:
        assert await asked(ably.port, "/time", Host="ably:8081") == 200
        assert await asked(ably.port, "/time", Host="ably:8081", Origin="https://example.com") == 403
