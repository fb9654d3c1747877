"""What keeps a page up to date: for whom, for how long, and how much of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from starter.web import open_desk
from starter.web.sessions import COOKIE
from starter.web.tokens import Role, add_token
from testbed.waiting import PATIENCE, until
from tests.house import Holding, House, house
from tests.starter.web.api import Api, api_of
from tests.starter.web.dashboard.test_pages_of_an_evening import words
from tests.starter.web.dashboard.test_sign_in import signed_in

LIVE = "/dashboard/live?page="


async def events_of(stream: httpx.Response) -> AsyncIterator[tuple[str, object]]:
    """All that a stream sends: what each event is called, and what it says."""
    name = ""
    async for line in stream.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def test_a_stream_ends_with_the_session_that_it_is_for(api: Api, tmp_path: Path) -> None:
    headers, csrf = await signed_in(api, "trader")
    async with asyncio.timeout(PATIENCE), api.client.stream("GET", f"{LIVE}/", headers=headers) as stream:
        told = events_of(stream)
        assert await anext(told) == ("looker", csrf)
        add_token(tmp_path / "config" / "tokens.json", "trader", Role.TRADER)
        assert "reload" in {name async for name, _ in told}


async def test_where_nobody_may_look_without_a_token_the_stream_of_an_ended_session_says_so(
    own: House, tmp_path: Path
) -> None:
    async with api_of(own, tmp_path, proxy="127.0.0.1") as api:
        headers, _ = await signed_in(api, "viewer")
        async with asyncio.timeout(PATIENCE), api.client.stream("GET", f"{LIVE}/", headers=headers) as stream:
            told = events_of(stream)
            await anext(told)
            add_token(tmp_path / "config" / "tokens.json", "viewer", Role.VIEWER)
            assert "reload" in {name async for name, _ in told}
        async with api.client.stream("GET", f"{LIVE}/", headers=headers) as stream:
            assert [each async for each in events_of(stream)] == [("sign-in", "")]


async def test_whoever_shows_no_token_keeps_nobody_out_who_shows_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_desk, "MOST_LOOKERS", 2)
    headers, _ = await signed_in(api, "trader")
    async with AsyncExitStack() as hostile:
        for _ in range(2):
            await hostile.enter_async_context(api.client.stream("GET", f"{LIVE}/"))
        full = await api.client.get(f"{LIVE}/")
        assert (full.status_code, "close some of them" in full.json()["detail"]) == (503, True)
        async with api.client.stream("GET", f"{LIVE}/", headers=headers) as stream:
            assert stream.status_code == 200
        assert (await api.client.get("/status")).status_code == 200

    async def is_free() -> bool:
        async with api.client.stream("GET", f"{LIVE}/") as stream:
            return stream.status_code == 200

    await until(is_free)


async def test_only_the_card_of_the_account_that_moved_is_sent_anew(tmp_path: Path) -> None:
    async with (
        house({"DU1": Holding(), "DU2": Holding()}) as own,
        api_of(own, tmp_path) as api,
        asyncio.timeout(PATIENCE),
        api.client.stream("GET", f"{LIVE}/") as stream,
    ):
        told = events_of(stream)
        sent = [regions async for regions in _regions(told, 1)]
        assert {"strip", "attention", "cards", "account-DU1", "account-DU2"} == set(sent[0])
        await own.trigger("DU1")
        async for name, regions in told:
            if name == "regions" and isinstance(regions, dict):
                assert "account-DU2" not in regions
                assert "cards" not in regions
                if "completed" in str(regions.get("account-DU1")):
                    break


async def _regions(told: AsyncIterator[tuple[str, object]], count: int) -> AsyncIterator[dict[str, str]]:
    async for name, regions in told:
        if name == "regions" and isinstance(regions, dict):
            yield regions
            count -= 1
            if not count:
                return


async def test_a_runs_page_follows_it_to_its_very_end(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}) as own, api_of(own, tmp_path) as api:
        handle = await own.trigger("DU1")
        run_id = (await handle.describe()).run_id
        page = f"/dashboard/accounts/DU1/runs/{run_id}"
        async with asyncio.timeout(PATIENCE), api.client.stream("GET", LIVE + page) as stream:
            head, timeline = "", ""
            async for name, regions in events_of(stream):
                if name == "regions" and isinstance(regions, dict):
                    head = words(str(regions.get("run-head", head)))
                    timeline = words(str(regions.get("timeline", timeline)))
                    if "completed" in head:
                        break
        assert "verifying" in timeline
        assert "goes on" not in timeline


async def test_a_stream_cannot_be_opened_by_a_link_from_elsewhere(api: Api) -> None:
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
    assert (await api.client.get(f"{LIVE}/", headers=headers)).status_code == 403
    assert COOKIE not in api.client.cookies
