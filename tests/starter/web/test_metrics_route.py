"""``GET /metrics``: behind the door and the tokens of every other route."""

from pathlib import Path

from tests.house import House
from tests.starter.web.api import Api, api_of
from tests.starter.web.test_ports_of_up import PAGE


async def test_a_process_that_keeps_no_metrics_says_so(api: Api) -> None:
    answer = await api.client.get("/metrics")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "This process keeps no metrics."


async def test_no_page_reads_them(api: Api) -> None:
    assert (await api.client.get("/metrics", headers=PAGE)).status_code == 403
    assert (await api.client.get("/metrics", headers={"Host": "rebound.example.com"})).status_code == 403


async def test_a_token_that_is_no_good_reads_nothing_and_a_viewers_does(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path) as api:
        wrong = await api.client.get("/metrics", headers={"Authorization": "Bearer nobodys"})
        assert wrong.status_code == 401
        assert (await api.client.get("/metrics", headers=api.as_("viewer"))).status_code == 503
