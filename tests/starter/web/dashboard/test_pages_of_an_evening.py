"""What the pages tell on an evening on which accounts are in every state, and once the gateway is away."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from html import unescape
from pathlib import Path

import httpx
import pytest

from configuration.configuration_in_use import ConfigurationInUse
from starter.desk.show import find_run
from starter.web.dashboard.watch import Watch
from testbed.temporal_server import temporal_server
from testbed.waiting import PATIENCE, until
from tests.house import Holding, House, configuration, house
from tests.operating import scenario as at
from tests.starter.web.api import Api, api_of
from workflows.rebalance_account import RebalanceAccount


def words(html: str) -> str:
    """What of a page people read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def page(api: Api, path: str) -> str:
    """The words of a page."""
    answer = await api.client.get(path, headers=api.as_("trader"))
    assert answer.status_code == 200, (path, answer.text)
    return words(answer.text)


async def told_of(api: Api, path: str, *expected: str) -> str:
    """The words of a page, once it tells this: details are asked for in turns."""

    told, missing = "", list(expected)

    async def tells() -> bool:
        nonlocal told, missing
        told = await page(api, path)
        missing = [each for each in expected if each not in told]
        return not missing

    with suppress(TimeoutError):
        await until(tells)
    assert missing == [], told
    return told


async def test_every_state_is_told_in_words_on_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at.evening(tmp_path, monkeypatch) as (own, _), api_of(own, tmp_path) as api:
        ref = (await own.handle(at.OPERATOR).query(RebalanceAccount.status)).orders[0].ref
        home = await told_of(
            api,
            "/",
            *at.PHASES,
            *at.PHASES.values(),
            f"Account {at.PAUSED} is paused",
            "by ann@desk: its owner asked",
            f"{at.APPROVAL} waits for approval",
            f"{at.OPERATOR} needs you",
            f"ref {ref}",
            "It was never placed",
            "does not run: no event is received",
            "switched off",
        )
        assert home.count("2 orders: sell") == 2
        await _accounts(api, ref)
        await _runs(own, api)
        assert "carried out" in await page(api, "/dashboard/events")
        await own.gateway.__aexit__(None, None, None)
        await told_of(api, "/", "not connected")
        # Words, and not that they are too many for the server to keep.
        await told_of(api, f"/dashboard/accounts/{at.RUNNING}", "last error: GatewayUnavailable")


async def _accounts(api: Api, ref: str) -> None:
    """The page of each."""
    for account in at.PHASES:
        told = await page(api, f"/dashboard/accounts/{account}")
        assert at.PHASES[account] in told
        assert ("It never ran" in told) == (at.PHASES[account] == "never run")
    assert "is rejected" not in (incomplete := await page(api, f"/dashboard/accounts/{at.INCOMPLETE}"))
    assert "GLD" in incomplete
    assert "the order was rejected" in incomplete
    assert "maximum_order_value" in await page(api, f"/dashboard/accounts/{at.FAILED}")
    assert ref in await told_of(api, f"/dashboard/accounts/{at.OPERATOR}", "Look in TWS")
    await told_of(api, f"/dashboard/accounts/{at.RUNNING}", "Holdings against targets, before its orders")
    done = await page(api, f"/dashboard/accounts/{at.DONE}")
    assert "before its orders" not in done
    assert "Drift over time" in done
    assert "Commissions" in done


async def _runs(own: House, api: Api) -> None:
    for account, phases in ((at.DONE, ("buying", "verifying")), (at.MARKET, ("waiting for market", "goes on"))):
        run = await find_run(own.client, account, None)
        told = await page(api, f"/dashboard/accounts/{account}/runs/{run.run_id}")
        assert all(each in told for each in phases), told


async def regions_of(stream: httpx.Response) -> AsyncIterator[str]:
    """The words of all that a stream sends."""
    async for line in stream.aiter_lines():
        if line.startswith("data: {"):
            yield words(line.encode().decode("unicode_escape"))


async def test_a_page_follows_a_rebalance_to_its_end(tmp_path: Path) -> None:
    async with (
        house({"DU1": Holding(), "DU2": Holding()}) as own,
        api_of(own, tmp_path) as api,
        api.client.stream("GET", "/dashboard/live?page=/") as stream,
    ):
        told = regions_of(stream)
        assert "never run" in await anext(told)
        await own.trigger("DU1")
        async with asyncio.timeout(PATIENCE):
            async for each in told:
                if "completed" in each and "of 50.0 %" in each:
                    break
        assert (await own.handle("DU1").describe()).close_time


async def test_a_server_that_is_away_is_told_and_what_was_known_stays() -> None:
    configured = configuration({"DU1": Holding()})
    async with temporal_server() as server:
        watch = Watch(server.client, ConfigurationInUse(configured))
        known = await watch.board()
        assert [(each.account, each.phase) for each in known.statuses] == [("DU1", "never run")]
        assert known.problem == ""

    async def is_told() -> bool:
        return bool((await watch.board()).problem)

    await until(is_told)
    away = await watch.board()
    assert away.problem.startswith("No Temporal server answers within")
    assert (away.statuses, away.read_at) == (known.statuses, known.read_at)
