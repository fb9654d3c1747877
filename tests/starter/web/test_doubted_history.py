"""Accepting by HTTP that an account's history is not whole: what was shown, by a trader, and nothing else."""

from pathlib import Path

from contract.halts import LOST_HISTORY, halts_of, history_pause_id, set_halt
from rebalancing.outcomes import Phase
from tests.house import Holding, House, house, phase_reached
from tests.starter.web.api import Api, api_of
from tests.starter.web.test_desk_routes import acts
from tests.workflows.restoring import restorable_house
from tests.workflows.test_lost_history import ALL_IN_QQQ, outcome_of
from tests.workflows.test_restored_history import SETTINGS

ACCEPT = "/accounts/DU1/accept-history"


async def test_a_trader_sees_what_the_broker_has_accepts_that_and_nothing_more(
    looks_real: None, tmp_path: Path
) -> None:
    async with restorable_house(tmp_path, {"DU1": Holding(**ALL_IN_QQQ)}, settings=SETTINGS) as (own, server):
        async with own.working():
            await (await own.trigger("DU1")).result()
        (order,) = own.accepted_orders("DU1")
        await server.lose()
        async with own.working(), api_of(own, tmp_path) as api:
            waiting = await own.trigger("DU1", "first")
            await phase_reached(waiting, Phase.HALTED)
            assert f"{order.quantity} QQQ" in (await api.client.get("/")).text
            found = (await api.client.get("/accounts/DU1/doubt")).json()
            assert (found["refs"], found["positions"]) == ([order.ref], {"QQQ": order.quantity})
            assert f"BUY {order.quantity} QQQ" in found["message"]
            await refused_to_others(own, api, found["refs"])
            unseen = await api.client.post(ACCEPT, json={"refs": ["rb-other"]}, headers=api.as_("trader"))
            assert (unseen.status_code, unseen.json()["error"]) == (409, "MoreToSee")
            assert order.ref in unseen.json()["detail"]
            assert await halts_of(own.client, "DU1", None)
            done = await api.client.post(ACCEPT, json={"refs": found["refs"]}, headers=api.as_("trader"))
            assert (done.status_code, "1 orders accepted" in done.json()["message"]) == (200, True)
            assert (await outcome_of(waiting)).phase is Phase.COMPLETED
            assert own.accepted_orders("DU1") == [order]
            assert any(by == "trader by HTTP" for _, by in await acts(api))


async def refused_to_others(own: House, api: Api, refs: list[str]) -> None:
    """Whoever is on this machine, and a viewer, may look and not accept."""
    for headers, status in (({}, 401), (api.as_("viewer"), 403)):
        assert (await api.client.post(ACCEPT, json={"refs": refs}, headers=headers)).status_code == status
    assert await halts_of(own.client, "DU1", None)


async def test_where_nothing_is_doubted_or_known_there_is_nothing_to_accept(api: Api) -> None:
    nothing = await api.client.post(ACCEPT, json={"refs": []}, headers=api.as_("trader"))
    assert (nothing.status_code, nothing.json()["error"]) == (409, "NothingToAccept")
    unknown = await api.client.get("/accounts/DU77/doubt")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "AccountUnknown")
    assert (await api.client.post(ACCEPT, headers=api.as_("trader"))).status_code == 422


async def test_a_hold_on_the_history_is_not_offered_to_be_resumed_as_a_pause(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}) as own:
        await set_halt(own.client, history_pause_id("DU1"), LOST_HISTORY, "it was put back")
        async with api_of(own, tmp_path, is_simulated=True) as api:
            page = (await api.client.get("/dashboard/accounts/DU1")).text
    assert 'data-look="/accounts/DU1/doubt" data-post="/accounts/DU1/accept-history"' in page
    assert "/accounts/DU1/unpause" not in page
