"""Whoever looks at it is tired: two keys, two tabs, a laptop that slept, a wrong clock. Needs Chromium."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import expect

from contract.halts import HALT_ID
from rebalancing.outcomes import Phase
from starter.desk.gateway_connections import is_gateway_connected
from starter.desk.halt import hold, read_halts
from starter.web.tokens import Role, add_token
from testbed.waiting import until
from tests.house import Holding, House, house, phase_reached
from tests.operating.scenario import WORKS_ON
from tests.starter.web.api import Api, api_of
from tests.starter.web.dashboard.browser import opened
from tests.starter.web.dashboard.test_browser import card, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ASKS: Final[dict[str, Any]] = {"approval": {"required": "always"}}
NARROW: Final = {"width": 320, "height": 640}


@pytest.fixture
async def three(looks_real: None) -> AsyncIterator[House]:
    """Three accounts, of which the second asks before it trades, and the third has an order that works on."""
    works_on = Holding(weights={"QQQ": "1"}, more={"order_policy": WORKS_ON})
    accounts = {"DU1": Holding(), "DU2": Holding(more=ASKS), "DU3": works_on}
    async with house(accounts) as own:
        await until(lambda: is_gateway_connected(own.client, (None,)))
        yield own


@pytest.fixture
async def three_api(three: House, tmp_path: Path) -> AsyncIterator[Api]:
    """Its pages."""
    async with api_of(three, tmp_path) as served:
        yield served


async def test_a_key_that_is_pressed_twice_approves_of_nothing(three: House, three_api: Api) -> None:
    async with opened(three_api.address, size=NARROW) as seen:
        page = seen.page
        await sign_in(page, three_api.tokens["trader"])
        await three.trigger("DU2")
        await page.locator("#approve-DU2").focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert three.accepted_orders("DU2") == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        await page.locator("#plan-of-DU2 summary").click()
        await page.locator("#to-DU2").focus()
        await hold(three.client, HALT_ID, "ann@desk", "the attention is drawn anew, and the cards are")
        await expect(page.locator("#attention")).to_contain_text("Trading is halted")
        await expect(page.locator("#plan-of-DU2")).to_have_attribute("open", "")
        await expect(page.locator("#to-DU2")).to_be_focused()
        assert seen.problems == []


async def test_an_answer_that_comes_late_leaves_the_next_question_alone(three: House, three_api: Api) -> None:
    """A live rebalance is answered once it is over; by then the operator is about to halt everything."""
    async with opened(f"{three_api.address}/dashboard/accounts/DU3") as seen:
        page, dialog = seen.page, seen.page.get_by_role("dialog")
        await sign_in(page, three_api.tokens["trader"])
        await page.get_by_role("button", name="Rebalance live").click()
        await dialog.get_by_label("Type").fill("DU3")
        await dialog.get_by_role("button", name="Rebalance live", exact=True).click()
        await until(lambda: _has_begun(three))
        await phase_reached(three.handle("DU3"), Phase.BUYING)
        await page.get_by_role("button", name="Halt all trading").click()
        await dialog.get_by_label("Type").fill("HAL")
        await three.handle("DU3").cancel()
        await expect(page.locator("#said")).to_contain_text("cancelled")
        await expect(page.locator("#account-head")).to_contain_text("cancelled")
        await expect(dialog.get_by_label("Type")).to_have_value("HAL")
        await expect(dialog.locator("#ask-problem")).to_have_text("")
        assert await read_halts(three.client) == []


async def _has_begun(own: House) -> bool:
    return (await own.client.count_workflows("WorkflowId = 'rebalance-DU3'")).count == 1


async def test_a_page_that_was_not_looked_at_for_an_hour_is_read_anew_and_tells_ages_by_the_servers_clock(
    three: House, three_api: Api
) -> None:
    async with opened(three_api.address) as seen:
        page = seen.page
        await page.clock.install(time=datetime.now(UTC) + timedelta(hours=3))
        await page.reload()
        await expect(page.locator(".strip")).to_contain_text("connected")
        await expect(page.locator(".strip time").first).to_contain_text("s")
        await expect(page.locator(".strip time").first).not_to_contain_text("h")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.fast_forward("01:00:00")
        await until(lambda: _is_asked(asked))
        await (await three.trigger("DU1")).result()
        await expect(card(page, "DU1")).to_contain_text("completed")
        await expect(page.locator("#connection")).to_be_hidden()
        assert seen.problems == []


async def _is_asked(asked: list[str]) -> bool:
    return any("/dashboard/live" in each for each in asked)


async def test_a_session_that_ended_takes_its_buttons_with_it(three_api: Api, tmp_path: Path) -> None:
    async with opened(three_api.address) as seen:
        page = seen.page
        await sign_in(page, three_api.tokens["trader"])
        await expect(page.get_by_role("button", name="Halt all trading")).to_be_visible()
        add_token(tmp_path / "config" / "tokens.json", "trader", Role.TRADER)
        await expect(page.get_by_text("reading only")).to_be_visible()
        await expect(page.get_by_role("button", name="Halt all trading")).to_have_count(0)


async def test_a_seventh_tab_still_halts(three: House, three_api: Api) -> None:
    """A browser has six connections to a server, and each page that is kept up to date takes one."""
    async with opened(three_api.address) as seen:
        page = seen.page
        await sign_in(page, three_api.tokens["trader"])
        others = [await page.context.new_page() for _ in range(5)]
        await asyncio.gather(*(each.goto(three_api.address) for each in others))
        # To a browser without a window no tab is hidden: this is what it tells one that is.
        for each in (page, *others):
            await each.evaluate(
                "Object.defineProperty(document, 'hidden', {get: () => true});"
                "document.dispatchEvent(new Event('visibilitychange'))"
            )
        seventh = await page.context.new_page()
        await seventh.goto(three_api.address)
        await seventh.get_by_role("button", name="Halt all trading").click()
        await seventh.get_by_role("dialog").get_by_label("Type").fill("HALT")
        await seventh.get_by_role("dialog").get_by_role("button", name="Halt all trading", exact=True).click()
        await expect(seventh.locator("#attention")).to_contain_text("Trading is halted")
        assert len(await read_halts(three.client)) == 1


async def test_a_link_from_another_site_is_followed_with_the_session_and_but_once(three_api: Api) -> None:
    async with opened(three_api.address) as seen:
        page = seen.page
        await sign_in(page, three_api.tokens["trader"])
        link = f'<a href="{three_api.address}/dashboard/accounts/DU1">an alert</a>'
        await page.route("http://elsewhere.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
        await page.goto("http://elsewhere.example/")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.get_by_text("an alert").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await expect(page.locator(".strip")).to_contain_text("goes on")
        await page.reload()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert sum(each.endswith("/accounts/DU1") for each in asked) <= 4


async def test_an_approval_without_a_worker_is_not_left_without_a_word(tmp_path: Path) -> None:
    async with house({"DU2": Holding(more=ASKS)}, workers=0) as own, api_of(own, tmp_path, is_simulated=True) as api:
        worker = await own.worker()
        await own.trigger("DU2")
        async with opened(api.address) as seen:
            await expect(seen.page.locator("#approve-DU2")).to_be_visible()
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
            await seen.page.locator("#approve-DU2").click()
            await seen.page.get_by_role("dialog").get_by_role("button", name="Approve and trade").click()
            await expect(seen.page.locator("#ask-problem")).to_contain_text("No answer yet")
            async with own.working():
                await expect(card(seen.page, "DU2")).to_contain_text("completed")
                assert len(own.accepted_orders("DU2")) == 3
