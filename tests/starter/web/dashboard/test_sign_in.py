"""Signing in with a browser, and what a session may do: by HTTP, as a browser and as an attacker would send it."""

import re
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from contract.halts import HALT_ID, set_halt
from starter.web.sessions import COOKIE
from starter.web.tokens import Role, add_token
from tests.house import House
from tests.starter.web.api import Api, api_of

SIGN_IN = "/dashboard/sign-in"


async def signed_in(api: Api, role: str) -> tuple[dict[str, str], str]:
    """The headers of a browser that signed in, and what its pages show with each change."""
    answer = await api.client.post(SIGN_IN, json={"token": api.tokens[role]})
    assert answer.status_code == 200
    headers = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}
    api.client.cookies.clear()
    page = await api.client.get("/", headers=headers)
    found = re.search(r'name="csrf" content="([^"]+)"', page.text)
    assert found
    return headers, found[1]


async def halts(own: House) -> int:
    """How many halts there ever were."""
    return (await own.client.count_workflows("WorkflowType = 'Halt'")).count


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(api: Api) -> None:
    answer = await api.client.post(SIGN_IN, json={"token": api.tokens["trader"]})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
    assert api.tokens["trader"] not in answer.text + answer.headers["set-cookie"]


async def test_behind_tls_the_cookie_goes_by_tls_only(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path, proxy="127.0.0.1") as api:
        answer = await api.client.post(SIGN_IN, json={"token": api.tokens["trader"]})
        (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
        assert cookie["secure"]


@pytest.mark.parametrize("token", ["wrong", "x" * 43, " ", "é"])
async def test_a_wrong_token_begins_no_session(api: Api, token: str) -> None:
    answer = await api.client.post(SIGN_IN, json={"token": token})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "rebalancer token" in answer.json()["detail"]


async def test_a_change_needs_what_only_our_own_page_shows(own: House, api: Api) -> None:
    headers, csrf = await signed_in(api, "trader")
    for shown in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": headers["Cookie"]}):
        refused = await api.client.post("/halt", json={}, headers=headers | shown)
        assert (refused.status_code, "load it again" in refused.json()["detail"]) == (403, True)
    assert await halts(own) == 0
    done = await api.client.post("/halt", json={"reason": "seen"}, headers=headers | {"X-CSRF-Token": csrf})
    assert (done.status_code, done.json()["who"]) == (200, "trader by HTTP")


async def test_a_page_of_another_site_changes_nothing_with_the_cookie_of_a_trader(own: House, api: Api) -> None:
    headers, csrf = await signed_in(api, "trader")
    for told in ({"Origin": "http://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        sent = headers | {"X-CSRF-Token": csrf} | told
        assert (await api.client.post("/halt", json={}, headers=sent)).status_code == 403
        assert (await api.client.get("/status", headers=headers | told)).status_code == 403
    assert await halts(own) == 0


async def test_a_viewers_session_reads_and_changes_nothing(own: House, api: Api) -> None:
    headers, csrf = await signed_in(api, "viewer")
    page = await api.client.get("/", headers=headers)
    assert "reads only" in page.text
    assert 'data-post="/halt"' not in page.text
    refused = await api.client.post("/halt", json={}, headers=headers | {"X-CSRF-Token": csrf})
    assert (refused.status_code, await halts(own)) == (403, 0)


async def test_a_session_ends_when_its_token_is_made_anew(api: Api, tmp_path: Path) -> None:
    headers, csrf = await signed_in(api, "trader")
    add_token(tmp_path / "config" / "tokens.json", "trader", Role.TRADER)
    refused = await api.client.post("/halt", json={}, headers=headers | {"X-CSRF-Token": csrf})
    assert refused.status_code == 401


async def test_signing_out_takes_the_cookie_away(api: Api) -> None:
    headers, csrf = await signed_in(api, "trader")
    answer = await api.client.post("/dashboard/sign-out", json={}, headers=headers | {"X-CSRF-Token": csrf})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie.value, cookie["max-age"]) == ("", "0")


async def test_where_reading_needs_a_token_pages_lead_to_the_sign_in_and_back(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path, proxy="127.0.0.1") as api:
        answer = await api.client.get("/dashboard/accounts/DU1")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{SIGN_IN}?then=/dashboard/accounts/DU1")
        assert "DU1" not in (await api.client.get("/dashboard/events")).text
        async with api.client.stream("GET", "/dashboard/live?page=/") as stream:
            assert "event: sign-in" in [line async for line in stream.aiter_lines()]
        headers, _ = await signed_in(api, "viewer")
        assert (await api.client.get("/dashboard/accounts/DU1", headers=headers)).status_code == 200


@pytest.mark.parametrize("then", ["//elsewhere.example/", "https://elsewhere.example/", "javascript:alert(1)", "/halt"])
async def test_nobody_is_led_elsewhere_after_signing_in(api: Api, then: str) -> None:
    page = await api.client.get(SIGN_IN, params={"then": then})
    assert 'data-then="/"' in page.text


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_link_from_elsewhere_leads_to_a_page_that_loads_itself(api: Api, site: str) -> None:
    """The cookie does not come along, so the page is not made for whoever followed the link, but for itself."""
    arrived = await api.client.get("/", headers=NAVIGATION | {"Sec-Fetch-Site": site})
    assert (arrived.status_code, 'http-equiv="refresh"' in arrived.text, "DU1" in arrived.text) == (200, True, False)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/status", NAVIGATION),
        ("GET", "/dashboard/live?page=/", NAVIGATION | {"Sec-Fetch-Dest": "empty"}),
        ("GET", "/", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("GET", "/", NAVIGATION | {"Sec-Fetch-Dest": "iframe"}),
        ("POST", "/halt", NAVIGATION),
        ("POST", SIGN_IN, NAVIGATION),
    ],
)
async def test_nothing_else_is_answered_from_elsewhere(
    own: House, api: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    sent: httpx.Response = await api.client.request(method, path, headers=headers | {"Sec-Fetch-Site": "cross-site"})
    assert (sent.status_code, await halts(own)) == (403, 0)


HOSTILE = '<script>alert(1)</script>"onload="alert(2)'


async def test_what_somebody_wrote_is_shown_and_not_run(own: House, api: Api) -> None:
    await set_halt(own.client, HALT_ID, HOSTILE, HOSTILE)
    page = await api.client.get("/")
    assert HOSTILE not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


async def test_every_page_allows_nothing_but_its_own_style_script_and_answers(api: Api) -> None:
    for path in ("/", "/dashboard/events", "/dashboard/accounts/DU1", "/dashboard/accounts/DU77", SIGN_IN):
        answer = await api.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        assert not re.search(r"<script>|\son\w+=|\sstyle=|https?://", answer.text), path
    assert (await api.client.get("/dashboard/accounts/DU77")).status_code == 404
    assert (await api.client.get("/dashboard/accounts/<script>")).status_code == 422
    assert (await api.client.get("/dashboard/static/..%2Fpages.py")).status_code == 404


@pytest.mark.parametrize(
    "page", ["/dashboard/accounts/DU1' OR '1'='1", "/dashboard/accounts/DU1/runs/x' OR", "nowhere"]
)
async def test_a_stream_of_a_page_that_there_is_not_is_that_of_the_first_page(api: Api, page: str) -> None:
    async with api.client.stream("GET", "/dashboard/live", params={"page": page}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                assert '"cards"' in line
                return
    pytest.fail("nothing was sent")
