"""The dashboard as people use it: in a real browser, against the real parts. Needs Chromium: ``make test-browser``."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from contract.halts import HALT_ID, LOST_HISTORY, history_pause_id, set_halt
from starter.desk.gateway_connections import is_gateway_connected
from starter.desk.halt import read_halts
from testbed.waiting import until
from tests.house import Holding, House, house
from tests.operating import scenario as at
from tests.starter.web.api import Api, api_of
from tests.starter.web.dashboard.axe import axe_source, serious
from tests.starter.web.dashboard.browser import PHONE, Seen, opened

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=60_000)

ACCOUNTS: Final = [f"DU{number}" for number in range(1, 7)]
ASKS: Final[dict[str, Any]] = {"approval": {"required": "always"}}


@pytest.fixture
async def six(looks_real: None) -> AsyncIterator[House]:
    """Six accounts, two of which ask before they trade, at a gateway that nobody can tell from IBKR's."""
    accounts = {each: Holding(more=ASKS if each in ("DU5", "DU6") else {}) for each in ACCOUNTS}
    async with house(accounts) as own:
        await until(lambda: is_gateway_connected(own.client, (None,)))
        yield own


@pytest.fixture
async def six_api(six: House, tmp_path: Path) -> AsyncIterator[Api]:
    """Its pages."""
    async with api_of(six, tmp_path) as served:
        yield served


async def sign_in(page: Page, token: str) -> None:
    """Sign in, and come back to the page that it was asked for at."""
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def press(page: Page, name: str, confirm: str, *, typed: str = "", reason: str = "") -> None:
    """Press a button and confirm what it asks."""
    await page.get_by_role("button", name=name).first.click()
    dialog = page.get_by_role("dialog")
    if reason:
        await dialog.get_by_label("Why").fill(reason)
    if typed:
        await dialog.get_by_label("Type").fill(typed)
    await dialog.get_by_role("button", name=confirm, exact=True).click()


def card(page: Page, account: str) -> Any:
    """What the board shows of an account."""
    return page.locator(f"#account-{account}")


async def test_six_accounts_are_followed_live_approved_and_rejected(six: House, six_api: Api) -> None:
    async with opened(six_api.address) as seen:
        page = seen.page
        await expect(page.get_by_text("never run")).to_have_count(6)
        await sign_in(page, six_api.tokens["trader"])
        await asyncio.gather(*(six.trigger(account) for account in ACCOUNTS))
        for account in ("DU5", "DU6"):
            await expect(page.locator(f"#approval-{account}")).to_contain_text("3 orders")
        await page.locator("#plan-of-DU5 summary").click()
        await expect(page.locator("#plan-of-DU5")).to_contain_text("under target: 0.00 % held, 50.00 % targeted")
        await page.locator("#approve-DU5").click()
        await page.get_by_role("dialog").get_by_role("button", name="Approve and trade").click()
        await page.locator("#reject-DU6").click()
        await page.get_by_role("dialog").get_by_label("Why").fill("not today")
        await page.get_by_role("dialog").get_by_role("button", name="Reject", exact=True).click()
        for account in ACCOUNTS[:5]:
            await expect(card(page, account)).to_contain_text("completed")
            await expect(card(page, account)).to_contain_text("of 50.0 %")
        await expect(card(page, "DU6")).to_contain_text("not today")
        assert len(six.accepted_orders("DU5")) == 3
        assert six.accepted_orders("DU6") == []
        assert seen.problems == []


async def test_trading_is_halted_by_a_typed_word_only_and_goes_on_again(six: House, six_api: Api) -> None:
    async with opened(six_api.address) as seen:
        page = seen.page
        await sign_in(page, six_api.tokens["trader"])
        await press(page, "Halt all trading", "Halt all trading", typed="halt")
        await expect(page.get_by_text("Type HALT, and nothing else.")).to_be_visible()
        assert await read_halts(six.client) == []
        await page.get_by_role("dialog").get_by_label("Why").fill("a look first")
        await page.get_by_role("dialog").get_by_label("Type").fill("HALT")
        await page.get_by_role("dialog").get_by_role("button", name="Halt all trading", exact=True).click()
        await expect(page.locator("#attention")).to_contain_text("Trading is halted")
        (halt,) = await read_halts(six.client)
        assert (halt.workflow_id, halt.who, halt.reason) == (HALT_ID, "trader by HTTP", "a look first")
        await six.trigger("DU1")
        await expect(card(page, "DU1")).to_contain_text("halted")
        await press(page, "Let trading go on", "Let trading go on")
        await expect(card(page, "DU1")).to_contain_text("completed")
        assert seen.problems == []


async def test_a_wrong_token_signs_nobody_in_and_a_reader_has_no_buttons(six_api: Api) -> None:
    async with opened(f"{six_api.address}/dashboard/sign-in") as seen:
        await seen.page.get_by_label("Token").fill("wrong")
        await seen.page.get_by_role("button", name="Sign in").click()
        await expect(seen.page.get_by_role("alert")).to_contain_text("Nobody has this token")
        await seen.page.goto(six_api.address)
        await expect(seen.page.get_by_text("reading only")).to_be_visible()
        await expect(seen.page.get_by_role("button", name="Halt all trading")).to_have_count(0)
        # The browser itself writes down that an answer was a refusal.
        assert [each for each in seen.problems if "401" not in each] == []


async def test_everything_can_be_done_with_the_keyboard_alone(six: House, six_api: Api) -> None:
    async with opened(six_api.address) as seen:
        page, keys = seen.page, seen.page.keyboard
        await sign_in(page, six_api.tokens["trader"])
        await six.trigger("DU5")
        await expect(page.locator("#approve-DU5")).to_be_visible()
        await keys.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await _tab_to(page, "approve-DU5")
        await keys.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await keys.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert six.accepted_orders("DU5") == []
        await expect(page.locator("#approve-DU5")).to_be_focused()
        await keys.press("Enter")
        await _tab_to(page, "ask-yes")
        await keys.press("Enter")
        await expect(card(page, "DU5")).to_contain_text("completed")
        assert seen.problems == []


async def _tab_to(page: Page, wanted: str) -> None:
    for _ in range(60):
        if await page.evaluate("document.activeElement.id") == wanted:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"{wanted} cannot be reached by the keyboard")


async def test_an_order_of_unknown_fate_is_asked_about_and_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at.evening(tmp_path, monkeypatch) as (own, _), api_of(own, tmp_path, is_simulated=True) as api:
        async with opened(f"{api.address}/dashboard/accounts/{at.OPERATOR}") as seen:
            page = seen.page
            await expect(page.locator(f"#question-{at.OPERATOR}")).to_contain_text("Look in TWS")
            await page.get_by_role("button", name="It is there: so many filled").click()
            await page.get_by_role("dialog").get_by_role("button", name="So many filled").click()
            await expect(page.get_by_text("A whole number of shares is needed.")).to_be_visible()
            await page.get_by_role("button", name="Leave it as it is").click()
            await press(page, "It was never placed", "It was never placed")
            await expect(page.locator("#account-head")).to_contain_text("incomplete")
            assert seen.problems == []
        await _shows_every_state_to_everybody(own, api)


async def _shows_every_state_to_everybody(own: House, api: Api) -> None:
    """On a phone nothing is cut off, and nothing serious keeps anybody from reading it."""
    pages = ("/", f"/dashboard/accounts/{at.APPROVAL}", f"/dashboard/accounts/{at.DONE}", "/dashboard/events")
    (done,) = [run async for run in own.client.list_workflows(f"WorkflowId = 'rebalance-{at.DONE}'")]
    source = await axe_source()
    for path in (*pages, f"/dashboard/accounts/{at.DONE}/runs/{done.run_id}", "/dashboard/sign-in"):
        for scheme in ("light", "dark"):
            async with opened(f"{api.address}{path}", size=PHONE, scheme=scheme) as seen:
                await _is_all_within(seen, path)
                assert await serious(seen.page, source) == [], (path, scheme)
                assert seen.problems == [], path


async def _is_all_within(seen: Seen, path: str) -> None:
    width = await seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{path} is {width} wide"


async def test_a_dry_run_and_a_live_one_are_asked_for_at_the_accounts_page(six: House, six_api: Api) -> None:
    async with opened(f"{six_api.address}/dashboard/accounts/DU1") as seen:
        page = seen.page
        await press(page, "Dry run", "Dry run")
        await expect(page.locator("#history")).to_contain_text("dry run")
        assert six.accepted_orders("DU1") == []
        await sign_in(page, six_api.tokens["trader"])
        await press(page, "Rebalance live", "Rebalance live", typed="DU2")
        await expect(page.get_by_text("Type DU1, and nothing else.")).to_be_visible()
        await page.get_by_role("dialog").get_by_label("Type").fill("DU1")
        await page.get_by_role("dialog").get_by_role("button", name="Rebalance live", exact=True).click()
        await expect(page.locator("#history")).to_contain_text("live")
        await expect(page.locator("#orders")).to_contain_text("filled")
        await page.locator("#history tbody a").first.click()
        await expect(page.locator("#timeline")).to_contain_text("buying")
        assert seen.problems == []


async def test_a_history_that_is_not_whole_is_accepted_after_a_look_at_the_broker(six: House, six_api: Api) -> None:
    hold = history_pause_id("DU3")
    await set_halt(six.client, hold, LOST_HISTORY, "it was put back from monday.db")
    async with opened(f"{six_api.address}/dashboard/accounts/DU3") as seen:
        page = seen.page
        await expect(page.locator("#attention")).to_contain_text("it was put back from monday.db")
        await sign_in(page, six_api.tokens["trader"])
        await press(page, "Look at the broker", "Leave it as it is")
        assert [halt.workflow_id for halt in await read_halts(six.client)] == [hold]
        await page.get_by_role("button", name="Look at the broker").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("It holds no stocks and $100,000.00.")
        await dialog.get_by_label("Type").fill("DU3")
        await dialog.get_by_role("button", name="Accept and trade").click()
        await until(lambda: _is_over(six, hold))
        await expect(page.locator("#said")).to_contain_text("DU3 trades again")
        assert seen.problems == []


async def _is_over(own: House, hold: str) -> bool:
    return hold not in [halt.workflow_id for halt in await read_halts(own.client)]
