"""Where what Temporal keeps is encrypted, another user of the machine reads nothing of it by HTTP either."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from configuration.key_ring import KeyRing, make_key_file
from contract.halts import HALT_ID, set_halt
from starter.desk.gateway_connections import is_gateway_connected
from starter.desk.known_login import is_rehearsal
from starter.web.callers import TELL_NOTHING
from starter.web.sessions import COOKIE, LASTS, new_session
from starter.web.tokens import Role, Token, add_token
from testbed.waiting import until
from tests.house import Holding, House, house
from tests.starter.web.api import TRADE, Api, api_of

HELD = {"QQQ": 10}
SIGN_IN = "/dashboard/sign-in"
PAGES = ("/", "/dashboard/events", "/dashboard/accounts/DU1", "/dashboard/live?page=/")

CURL = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"Cookie": sys.argv[2]})).read().decode())
except urllib.error.HTTPError as refused:
    print(refused.code, refused.read().decode())
"""


@pytest.fixture
def key() -> KeyRing:
    """A key in the default place."""
    return make_key_file("ann")


@pytest.fixture
async def secret(key: KeyRing, looks_real: None) -> AsyncIterator[House]:
    """A house with a key, at a gateway that nobody can tell from IBKR's."""
    async with house({"DU1": Holding(holdings=HELD)}) as built:
        await until(lambda: is_gateway_connected(built.client, (None,)))
        yield built


async def read_by_another_process(address: str, cookie: str = "") -> str:
    """What a program that holds no token of ours is told; here it has no user of its own, which changes nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CURL, address, cookie, env={"no_proxy": "*"}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_nobody_reads_or_asks_for_a_dry_run_without_a_token_and_a_viewer_does(
    secret: House, tmp_path: Path
) -> None:
    async with api_of(secret, tmp_path) as api:
        document = (await api.client.get("/openapi.json")).json()
        asked = {(method, path) for path, each in document["paths"].items() for method in each}
        assert len(asked) > 20
        for method, path in asked:
            if path in TELL_NOTHING:
                continue
            named = path.format(account_id="DU1", strategy="test-strategy", name="x", event_id="e", run_id="r")
            answer = await api.client.request(method, named)
            assert (answer.status_code in (401, 422), "QQQ" in answer.text) == (True, False), path
        refused = await api.client.get("/accounts/DU1/positions")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert "`rebalancer token viewer`" in refused.json()["detail"]
        assert "QQQ" not in await read_by_another_process(f"{api.address}/accounts/DU1/positions")
        assert (await secret.client.count_workflows("WorkflowType = 'RebalanceAccount'")).count == 0
        viewer = api.as_("viewer")
        assert "QQQ" in (await api.client.get("/accounts/DU1/positions", headers=viewer)).text
        assert (await api.client.post("/rebalance/DU1/dry-run", headers=viewer)).json()["status"] == "success"


@pytest.mark.parametrize("page", PAGES)
async def test_the_dashboard_shows_nothing_before_somebody_signed_in(secret: House, tmp_path: Path, page: str) -> None:
    async with api_of(secret, tmp_path) as api:
        told = await api.client.get(page)
        assert "DU1" not in told.text.replace("/dashboard/accounts/DU1", "")
        assert told.status_code == 303 or "event: sign-in" in told.text
        session = {
            "Cookie": (await api.client.post(SIGN_IN, json={"token": api.tokens["viewer"]})).headers["set-cookie"]
        }
        async with api.client.stream("GET", page, headers=session) as shown:
            assert shown.status_code == 200
            assert "event: sign-in" not in await anext(shown.aiter_text())


def forged(api: Api) -> dict[str, str]:
    """Cookies that nobody was given, by what is wrong with them."""
    now = datetime.now(UTC)
    viewer, other = Token(role=Role.VIEWER, token=api.tokens["viewer"]), Token(role=Role.VIEWER, token="x" * 43)
    genuine, elder = new_session("viewer", viewer, now), new_session("viewer", viewer, now - LASTS - LASTS)
    name, ends, seal = genuine.split(".")
    return {
        "made with another token": new_session("viewer", other, now),
        "over": elder,
        "made to last": f"{name}.{int(ends) + 10**6}.{seal}",
        "of another name": f"trader.{ends}.{seal}",
        "of nobody": new_session("loopback", other, now),
        "without a seal": f"{name}.{ends}.",
        "empty": "",
    }


async def test_a_forged_cookie_reads_nothing(secret: House, tmp_path: Path) -> None:
    async with api_of(secret, tmp_path) as api:
        for what, cookie in forged(api).items():
            headers = {"Cookie": f"{COOKIE}={cookie}"}
            assert (await api.client.get("/accounts/DU1/positions", headers=headers)).status_code == 401, what
            assert (await api.client.get("/", headers=headers)).status_code == 303, what
        told = await read_by_another_process(
            f"{api.address}/status", f"{COOKIE}={forged(api)['made with another token']}"
        )
        assert told.startswith("401 "), told


async def test_a_token_may_be_called_as_those_are_who_show_none(secret: House, tmp_path: Path) -> None:
    async with api_of(secret, tmp_path) as api:
        shown = {
            "Authorization": f"Bearer {add_token(tmp_path / 'config' / 'tokens.json', 'loopback', Role.VIEWER).token}"
        }
        assert (await api.client.get("/accounts", headers=shown)).status_code == 200
        assert (await api.client.post("/rebalance/DU1", json=TRADE, headers=shown)).status_code == 403


async def test_supervisors_and_prometheus_look_without_a_token_and_are_told_no_reasons(
    secret: House, tmp_path: Path
) -> None:
    await set_halt(secret.client, HALT_ID, "ann", "sold my QQQ by hand")
    async with api_of(secret, tmp_path) as api:
        assert (await api.client.get("/health")).json()["ibkr_connected"] is True
        assert (await api.client.get("/metrics")).status_code == 503  # this process keeps none
        ready = await api.client.get("/ready")
        assert (ready.status_code, ready.json()["not_halted"]) == (503, False)
        assert "trading is halted" in ready.text
        assert "QQQ" not in ready.text
        assert "QQQ" in (await api.client.get("/ready", headers=api.as_("viewer"))).text
        assert (await api.client.get("/health", headers={"Authorization": "Bearer wrong"})).status_code == 401


@pytest.mark.parametrize("target", ["/status?/health", "/status#/health", "//health", "/health/../status", "/health/"])
async def test_no_other_address_passes_for_one_that_is_open(secret: House, tmp_path: Path, target: str) -> None:
    async with api_of(secret, tmp_path) as api:
        reading, writing = await asyncio.open_connection("127.0.0.1", api.port)
        writing.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n\r\n".encode())
        answer = (await reading.read()).decode()
        writing.close()
        assert answer.split(" ", 2)[1] in ("400", "401", "404"), answer


async def test_who_trusts_this_machine_reads_and_trades_without_one(secret: House, tmp_path: Path) -> None:
    async with api_of(secret, tmp_path, trust_loopback=True) as api:
        assert "QQQ" in (await api.client.get("/accounts/DU1/positions")).text
        assert (await api.client.post("/rebalance/DU1", json=TRADE)).json()["status"] == "success"


async def test_at_a_rehearsal_the_originals_lines_work_with_a_key_too(key: KeyRing, tmp_path: Path) -> None:
    async with house({"DU1": Holding(holdings=HELD)}) as rehearsal, api_of(rehearsal, tmp_path) as api:
        await until(lambda: is_rehearsal(rehearsal.client))
        assert "DU1" in (await api.client.get("/accounts")).text
        assert "DU1" in (await api.client.get("/")).text
        assert (await api.client.post("/rebalance/DU1/dry-run")).json()["status"] == "success"


async def test_a_key_that_is_made_or_breaks_while_it_serves_closes_it(api: Api) -> None:
    async def status() -> int:
        return (await api.client.get("/accounts")).status_code

    assert await status() == 200
    ring = make_key_file("ann")
    assert await status() == 401
    ring.file.write_text("no key", encoding="utf-8")
    assert await status() == 401


async def test_a_key_that_goes_away_opens_nothing(secret: House, key: KeyRing, tmp_path: Path) -> None:
    async with api_of(secret, tmp_path) as api:
        key.file.unlink()
        assert (await api.client.get("/accounts/DU1/positions")).status_code == 401


async def test_before_the_first_connection_nobody_is_taken_to_look_at_a_rehearsal(key: KeyRing, tmp_path: Path) -> None:
    async with house({"DU1": Holding()}, workers=0) as own, api_of(own, tmp_path) as api:
        assert (await api.client.get("/accounts")).status_code == 401  # nobody knows yet what this history is of
        assert (await api.client.post("/rebalance/DU1", json=TRADE)).status_code == 401
