"""Everything that a person may ask the desk for, by HTTP; and that it is recorded who did."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from rebalancing.guards import Guards
from rebalancing.orders.order import OrderState
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.house import Holding, House, house, phase_reached, status_reached
from tests.starter.web.api import TRADE, Api, api_of

ASKING = Holding(more={"approval": {"required": "always"}})
CRON = {"cron": "30 10 * * MON", "timezone": "America/New_York"}


async def asked(api: Api, path: str, body: object = None, method: str = "post") -> dict[str, Any]:
    """The answer to a trader's request."""
    answer = await api.client.request(method, path, json=body, headers=api.as_("trader"))
    assert answer.status_code < 300, answer.text
    return answer.json()


async def acts(api: Api) -> list[tuple[str, str]]:
    """What persons did and who they are, the latest first."""
    return [(act["act"], act["by"]) for act in (await api.client.get("/history")).json()["acts"]]


async def test_a_plan_is_looked_at_approved_by_its_hash_and_told_of_afterwards(
    looks_real: None, tmp_path: Path
) -> None:
    async with house({"DU1": ASKING}) as own, api_of(own, tmp_path) as api:
        assert (await api.client.post("/rebalance/DU1", json=TRADE, headers=api.as_("trader"))).status_code == 202
        (waiting,) = (await api.client.get("/approvals")).json()
        assert (waiting["account"], len(waiting["plan"]["orders"])) == ("DU1", 3)
        other = await api.client.post(
            "/accounts/DU1/approve", json={"plan_hash": "0123456789ab"}, headers=api.as_("trader")
        )
        assert (other.status_code, other.json()["error"]) == (409, "UpdateRefused")
        await asked(api, "/accounts/DU1/approve", {"plan_hash": waiting["plan_hash"]})
        await own.handle("DU1").result()
        (run,) = (await api.client.get("/accounts/DU1/runs")).json()["runs"]
        details = (await api.client.get(f"/accounts/DU1/runs/{run['run_id']}")).json()
        assert {order["state"] for order in details["orders"]} == {OrderState.FILLED}
        assert any(act.startswith("approved") and by == "trader by HTTP" for act, by in await acts(api))


async def test_a_plan_is_rejected_with_a_reason(looks_real: None, tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own, api_of(own, tmp_path) as api:
        await phase_reached(await own.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        await asked(api, "/accounts/DU1/reject", {"reason": "prices\nlook wrong"})
        told = (await api.client.get("/accounts/DU1/runs?failed=true")).json()["runs"]
        assert "prices look wrong" in str(told)
        assert own.gateway.engine.orders == []


async def test_an_order_of_unknown_fate_is_resolved(looks_real: None, tmp_path: Path) -> None:
    swallowed = FaultRule(action="swallow", match=FaultMatch(request="placeOrder"))
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own, api_of(own, tmp_path) as api:
        own.gateway.add_fault(swallowed)
        await status_reached(await own.trigger("DU1"), lambda status: status.phase is Phase.NEEDS_OPERATOR)
        (order,) = (await api.client.get("/accounts/DU1/status")).json()["orders"]
        await asked(api, "/accounts/DU1/resolve", {"ref": order["ref"], "filled": None})
        await own.handle("DU1").result()
        assert any(act.startswith("resolved") and by == "trader by HTTP" for act, by in await acts(api))


async def test_what_does_not_run_cannot_be_told_anything(api: Api) -> None:
    for path, body in (
        ("approve", {"plan_hash": "0123456789ab"}),
        ("reject", {}),
        ("resolve", {"ref": "rb-1", "filled": 1}),
        ("cancel", None),
        ("unpause", None),
    ):
        answer = await api.client.post(f"/accounts/DU1/{path}", json=body, headers=api.as_("trader"))
        assert answer.status_code == 409, path
        assert "DU1" in answer.json()["detail"] or "not paused" in answer.json()["detail"]


async def test_orders_are_cancelled_at_the_broker_whether_or_not_a_rebalance_runs(api: Api) -> None:
    told = await asked(api, "/accounts/DU1/cancel", {"at_broker": True})
    assert "No order of DU1 that was placed here works any more" in told["message"]
    unknown = await api.client.post("/accounts/DU9/cancel", json={"at_broker": True}, headers=api.as_("trader"))
    assert unknown.status_code == 404, unknown.text


async def test_a_halt_holds_everything_until_it_is_resumed(own: House, api: Api) -> None:
    came = await asked(api, "/halt", {"reason": "checking"})
    assert (came["who"], came["reason"], came["new"]) == ("trader by HTTP", "checking", True)
    assert (await api.client.get("/halts")).json()[0]["who"] == "trader by HTTP"
    unready = await api.client.get("/ready")
    assert (unready.status_code, unready.json()["not_halted"]) == (503, False)
    waiting = await api.client.post("/rebalance/DU1", json=TRADE, headers=api.as_("trader"))
    assert (waiting.status_code, "halted" in waiting.json()["message"]) == (202, True)
    assert own.gateway.engine.orders == []
    await asked(api, "/resume", {"reason": "checked"})
    await own.handle("DU1").result()
    assert own.accepted_orders("DU1")


async def test_one_account_or_strategy_is_paused(own: House, api: Api) -> None:
    await asked(api, "/accounts/DU1/pause")
    await asked(api, "/strategies/test-strategy/pause", {"reason": "why"})
    assert len((await api.client.get("/halts")).json()) == 2
    assert len((await api.client.get("/accounts/DU1/status")).json()["held_by"]) == 2
    await asked(api, "/accounts/DU1/unpause")
    await asked(api, "/strategies/test-strategy/unpause")
    assert (await api.client.get("/halts")).json() == []
    for path in ("/accounts/DU9/pause", "/strategies/other/pause"):
        assert (await api.client.post(path, headers=api.as_("trader"))).status_code == 404


async def test_a_plan_is_made_line_by_line_and_nothing_is_sent(own: House, api: Api) -> None:
    plan = (await api.client.post("/accounts/DU2/plan")).json()
    assert {line["symbol"] for line in plan["lines"]} == {"QQQ", "BND", "GLD", "SPY"}
    assert len(plan["plan_hash"]) == 12
    assert own.gateway.engine.orders == []


async def test_what_failed_is_retried_once(own: House, api: Api) -> None:
    nothing = await api.client.post("/accounts/DU1/retry", headers=api.as_("trader"))
    assert (nothing.status_code, nothing.json()["error"]) == (409, "NothingToRetry")
    guarded = own.in_use.now.accounts[0].model_copy(update={"guards": Guards(maximum_order_value=Decimal(1))})
    as_it_was = own.in_use.now
    own.in_use.now = as_it_was.model_copy(update={"accounts": (guarded, *as_it_was.accounts[1:])})
    failed = await asked(api, "/rebalance/DU1", TRADE)
    assert failed["status"] == "error"
    own.in_use.now = as_it_was
    assert (await asked(api, "/accounts/DU1/retry"))["status"] == "success"
    assert own.accepted_orders("DU1")


async def test_schedules_are_added_listed_paused_and_removed(api: Api) -> None:
    added = await asked(api, "/schedules/weekly", {**CRON, "account": "DU1", "if_drift": 2.5}, "put")
    assert (added["mode"], added["if_drift"], added["cron"]) == ("dry_run", "2.5", CRON["cron"])
    assert "trader by HTTP" in str(added["note"])
    again = await api.client.put("/schedules/weekly", json={**CRON, "account": "DU2"}, headers=api.as_("trader"))
    assert (again.status_code, again.json()["error"]) == (409, "ScheduleRefused")
    await asked(api, "/schedules/weekly/pause", {"reason": "holidays"})
    (listed,) = (await api.client.get("/schedules")).json()
    assert (listed["paused"], listed["note"]) == (True, "paused by trader by HTTP: holidays")
    await asked(api, "/schedules/weekly/unpause")
    await asked(api, "/schedules/weekly", method="delete")
    assert (await api.client.get("/schedules/weekly")).status_code == 404


async def test_cancelling_tells_what_had_filled(looks_real: None, tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as other, api_of(other, tmp_path) as asking:
        await phase_reached(await other.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        told = await asked(asking, "/accounts/DU1/cancel")
        assert "cancelled; filled: nothing" in str(told["message"])


async def test_everything_is_told_in_one_answer(own: House, api: Api) -> None:
    await api.client.post("/rebalance/DU1/dry-run", headers={"Idempotency-Key": "e-1"})
    told = (await api.client.get("/status")).json()
    assert [each["account"] for each in told["accounts"]] == ["DU1", "DU2"]
    assert told["installation"]["gateways"][0]["connected"] is True
    events = (await api.client.get("/accounts/DU1/events")).json()
    assert [event["event_id"] for event in events["events"]] == ["e-1"]
    unready = (await api.client.get("/ready")).json()
    assert unready == {
        "temporal": True,
        "gateway": True,
        "listener": False,
        "not_halted": True,
        "why": ["no listener runs: events are not received"],
    }


async def test_an_account_with_an_alias_is_asked_for_by_that_or_its_number_and_told_by_that(
    looks_real: None, tmp_path: Path
) -> None:
    async with house({"DU7654321": Holding(alias="pension")}) as own, api_of(own, tmp_path) as api:
        for name in ("pension", "DU7654321"):
            answers = [
                await asked(api, f"/rebalance/{name}/dry-run"),
                await asked(api, f"/accounts/{name}/positions", method="get"),
                await asked(api, f"/accounts/{name}/status", method="get"),
                await asked(api, f"/schedules/{name}", {"account": name, **CRON}, "put"),
                await asked(api, f"/history?account_id={name}", method="get"),
            ]
            await asked(api, f"/accounts/{name}/pause", {"reason": "holidays"})
            await asked(api, f"/accounts/{name}/unpause")
            assert [answer.get("account_id") for answer in answers[:2]] == ["pension", "pension"]
            assert answers[3]["account"] == "pension"
            assert len(answers[4]["runs"]) > 0
            assert "DU7654321" not in str([*answers[:3], answers[3]["account"], answers[4]])
