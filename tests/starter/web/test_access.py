"""Who may do what: by token, by being on this machine, and never by being taken for somebody."""

from pathlib import Path

import pytest

from rebalancing.triggers import ExecutionMode
from starter.desk.known_login import is_rehearsal
from testbed.waiting import until
from tests.house import Holding, House, house
from tests.starter.web.api import TRADE, Api, api_of


async def sources(own: House, account: str) -> list[tuple[str, str]]:
    """Who asked for the account's latest rebalance, as its history says."""
    history = await own.handle(account).fetch_history()
    signals = [event.workflow_execution_signaled_event_attributes for event in history.events
               if event.HasField("workflow_execution_signaled_event_attributes")]  # fmt: skip
    payloads = [own.client.data_converter.payload_converter.from_payload(each.input.payloads[0]) for each in signals]
    return [(payload["source"], payload["by"]) for payload in payloads]


async def test_trading_needs_a_traders_token_where_money_is_real(own: House, api: Api) -> None:
    refused = await api.client.post("/rebalance/DU1", json=TRADE)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "rebalancer token" in refused.json()["detail"]
    assert (await api.client.post("/rebalance/DU1", json=TRADE, headers=api.as_("viewer"))).status_code == 403
    assert own.gateway.engine.orders == []

    traded = await api.client.post("/rebalance/DU1", json=TRADE, headers=api.as_("trader"))
    assert (traded.status_code, traded.json()["status"]) == (200, "success")
    assert own.accepted_orders("DU1")
    assert await sources(own, "DU1") == [("http", "trader by HTTP")]


async def test_reading_and_dry_runs_need_none_on_this_machine(own: House, api: Api) -> None:
    for path in ("/accounts", "/accounts/DU2/positions", "/accounts/DU2/value", "/health", "/openapi.json"):
        assert (await api.client.get(path)).status_code == 200, path
    assert (await api.client.post("/rebalance/DU1/dry-run")).json()["status"] == "success"
    assert await sources(own, "DU1") == [("http", "loopback by HTTP")]
    assert own.gateway.engine.orders == []


@pytest.mark.parametrize("body", [{}, {"execution_mode": "Rebalance"}, {"execution_mode": " rebalance"}, None])
async def test_whatever_is_not_exactly_rebalance_is_a_dry_run(own: House, api: Api, body: object) -> None:
    answer = await api.client.post("/rebalance/DU1", json=body, headers=api.as_("trader"))
    assert answer.json()["execution_mode"] == ExecutionMode.DRY_RUN
    assert own.gateway.engine.orders == []


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer", "Basic dHJhZGVyOng=", "", "Bearer \xff"])
async def test_a_wrong_token_is_refused_even_where_none_is_needed(api: Api, shown: str) -> None:
    headers = [(b"authorization", shown.encode("latin-1"))]
    assert (await api.client.get("/accounts", headers=headers)).status_code == 401


async def test_two_tokens_are_none(api: Api) -> None:
    headers = [("Authorization", f"Bearer {token}") for token in api.tokens.values()]
    assert (await api.client.get("/accounts", headers=headers)).status_code == 401


async def test_a_machine_that_is_trusted_trades_without_one(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path, trust_loopback=True) as api:
        assert (await api.client.post("/rebalance/DU1", json=TRADE)).json()["status"] == "success"
    assert await sources(own, "DU1") == [("http", "loopback by HTTP")]


async def test_a_history_that_is_a_rehearsals_needs_none(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}) as rehearsal, api_of(rehearsal, tmp_path) as api:
        await until(lambda: is_rehearsal(rehearsal.client))
        assert (await api.client.post("/rebalance/DU1", json=TRADE)).json()["status"] == "success"


async def test_what_comes_through_a_proxy_that_nobody_named_is_refused(api: Api) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        answer = await api.client.get("/accounts", headers={name: "127.0.0.1"} | api.as_("trader"))
        assert (answer.status_code, "http.proxy" in answer.json()["detail"]) == (403, True)


async def test_behind_a_proxy_everything_needs_a_token_and_the_name_that_is_configured(
    own: House, tmp_path: Path
) -> None:
    async with api_of(own, tmp_path, proxy="127.0.0.1", names=["desk.example"]) as api:
        relayed = {"Host": "desk.example", "X-Forwarded-For": "127.0.0.1"}
        assert (await api.client.get("/accounts", headers=relayed)).status_code == 401
        assert (await api.client.get("/openapi.json", headers=relayed)).status_code == 401
        assert (await api.client.post("/rebalance/DU1", json=TRADE, headers=relayed)).status_code == 401
        viewer = relayed | api.as_("viewer")
        assert (await api.client.get("/accounts", headers=viewer)).status_code == 200
        other = viewer | {"Host": "evil.example"}
        assert (await api.client.get("/accounts", headers=other)).status_code == 403
        page = viewer | {"Origin": "https://desk.example", "Sec-Fetch-Site": "same-origin"}
        assert (await api.client.get("/accounts", headers=page)).status_code == 200


async def test_whoever_is_not_the_proxy_is_refused(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path, proxy="10.1.2.3") as api:
        assert (await api.client.get("/accounts", headers=api.as_("trader"))).status_code == 403


async def test_every_route_that_changes_something_wants_a_trader(api: Api) -> None:
    """By the document: a route that somebody adds without is found here."""
    document = (await api.client.get("/openapi.json")).json()
    free = {"/rebalance/{account_id}", "/rebalance/{account_id}/dry-run", "/accounts/{account_id}/plan"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "get" or path in free:
                assert operation["security"] == [{}, {"token": []}], path
                continue
            assert operation["security"] == [{"token": []}], path
            asked = path.format(account_id="DU1", strategy="test-strategy", name="x", event_id="e", run_id="r")
            assert (await api.client.request(method, asked)).status_code in (401, 422), path
            viewer = await api.client.request(method, asked, headers=api.as_("viewer"))
            assert viewer.status_code in (403, 422), path
