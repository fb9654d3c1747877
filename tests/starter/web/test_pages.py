"""No web page reads or changes anything: the requests that a browser sends for one, byte by byte."""

import asyncio
from pathlib import Path

import pytest

from contract.names import WORKFLOW_TYPE
from tests.house import House
from tests.starter.web.api import Api, api_of

BODY = b'{"execution_mode": "rebalance"}'

TRADE = "POST /rebalance/DU1"
DRY_RUN = "POST /rebalance/DU1/dry-run"
READ = "GET /accounts"

JSON = "Content-Type: application/json"

PAGES = {
    "a script of another site, that does not ask first": (
        TRADE, ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Content-Type: text/plain"], BODY),
    "the same with no content type": (TRADE, ["Origin: https://evil.example"], b""),
    "a script that sends JSON": (TRADE, ["Origin: https://evil.example", JSON], BODY),
    "a page in a frame without an origin": (TRADE, ["Origin: null", JSON], BODY),
    "a page that is served from another port of this machine": (
        TRADE, ["Origin: http://127.0.0.1:9999", "Sec-Fetch-Site: same-site", JSON], BODY),
    "an older browser, which tells no origin in Sec-Fetch": (DRY_RUN, ["Origin: http://localhost:8233"], b""),
    "a browser that tells no Origin": (DRY_RUN, ["Sec-Fetch-Site: cross-site"], b""),
    "an origin that is told twice": (TRADE, ["Origin: https://evil.example", "Origin: {own}", JSON], BODY),
    "an origin that begins like ours": (TRADE, ["Origin: {own}.evil.example", JSON], BODY),
    "an empty origin": (TRADE, ["Origin:", JSON], BODY),
    "a preflight": (
        "OPTIONS /rebalance/DU1",
        ["Origin: https://evil.example", "Access-Control-Request-Method: POST"], b""),
    "a form": (
        TRADE,
        ["Origin: https://evil.example", "Sec-Fetch-Mode: navigate", "Content-Type: application/x-www-form-urlencoded"],
        b"execution_mode=rebalance"),
    "a form as text, whose only field is JSON": (
        TRADE, ["Sec-Fetch-Site: cross-site", "Content-Type: text/plain"], b'{"execution_mode": "rebalance", "x=": 1}'),
    "a picture": (READ, ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image"], b""),
    "a script that is loaded": (READ, ["Sec-Fetch-Site: same-site", "Sec-Fetch-Dest: script"], b""),
    "a link": (READ, ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1"], b""),
}  # fmt: skip
"""What each sends: request line, headers, body. ``{own}`` is our own origin."""

NAMES = ("evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil",
         "0.0.0.0", "", "[::1", "localhost.")  # fmt: skip
"""A page's own name that was pointed at this machine, and what could be taken for a name of ours."""


async def status_of(api: Api, line: str, headers: list[str], body: bytes, host: str = "127.0.0.1:{port}") -> int:
    """The status of the answer to a request of exactly these headers."""
    lines = [f"{line} HTTP/1.1", f"Host: {host}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    text = "\r\n".join(lines).replace("{own}", api.address).replace("{port}", str(api.port))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    try:
        writer.write(text.encode() + b"\r\n\r\n" + body)
        answer = await reader.read()
    finally:
        writer.close()
    assert b"access-control" not in answer.lower()
    return int(answer.split(b" ", 2)[1])


async def rebalances(own: House) -> int:
    """How many there ever were."""
    return (await own.client.count_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'")).count


@pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
async def test_what_a_page_has_a_browser_send_does_nothing_even_where_no_token_is_needed(
    own: House, tmp_path: Path, is_simulated: bool
) -> None:
    async with api_of(own, tmp_path, is_simulated=is_simulated) as api:
        statuses = {page: await status_of(api, *sent) for page, sent in PAGES.items()}
        assert {page: status for page, status in statuses.items() if status != 403} == {}
        assert await rebalances(own) == 0


async def test_a_page_that_has_the_token_is_none_the_better_for_it(own: House, api: Api) -> None:
    shown = f"Authorization: Bearer {api.tokens['trader']}"
    for line, headers, body in PAGES.values():
        assert await status_of(api, line, [*headers, shown], body) == 403
    assert await rebalances(own) == 0


@pytest.mark.parametrize("host", NAMES)
async def test_a_request_by_a_name_that_is_not_ours_does_nothing(own: House, tmp_path: Path, host: str) -> None:
    async with api_of(own, tmp_path, is_simulated=True) as api:
        same = f"Origin: http://{host}"
        assert await status_of(api, TRADE, [same, "Sec-Fetch-Site: same-origin", JSON], BODY, host) in (400, 403)
        assert await status_of(api, READ, [], b"", host) in (400, 403)
        assert await rebalances(own) == 0


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost", "LOCALHOST:{port}", "[::1]:{port}", "127.0.0.5"])
async def test_programs_of_this_machine_and_pages_of_our_own_are_answered(api: Api, host: str) -> None:
    assert await status_of(api, READ, [], b"", host) == 200
    own = [f"Origin: http://{host}", "Sec-Fetch-Site: same-origin"]
    assert await status_of(api, READ, own, b"", host) == 200
    assert await status_of(api, READ, ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], b"", host) == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["Content-Type: application/x-www-form-urlencoded"], b"execution_mode=rebalance", 415),
        (["Content-Type: text/plain"], BODY, 415),
        ([], BODY, 415),
        (["Content-Type: application/json", "Content-Type: text/plain"], BODY, 415),
        ([JSON], b'{"execution_mode": "rebalance"', 400),
        ([JSON], b'{"execution_mode": "dry_run", "execution_mode": "rebalance"}', 400),
        ([JSON], b'{"execution_mode": NaN}', 400),
        ([JSON], b"[" * 60_000, 400),
        ([JSON], b"\xff", 400),
        ([JSON], b'"rebalance"', 422),
        ([JSON], b'{"execution_mode": ["rebalance"]}', 422),
        ([JSON], b'{"execution": "rebalance"}', 422),
        ([JSON], b" " * 70_000, 413),
    ],
)
async def test_only_json_of_bounded_size_that_means_one_thing_is_taken(
    own: House, tmp_path: Path, headers: list[str], body: bytes, status: int
) -> None:
    async with api_of(own, tmp_path, is_simulated=True) as api:
        assert await status_of(api, TRADE, headers, body) == status
        assert await rebalances(own) == 0


async def test_a_body_that_says_no_length_is_bounded_all_the_same(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    try:
        head = f"{TRADE} HTTP/1.1\r\nHost: 127.0.0.1\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"ffff\r\n" + b" " * 0xFFFF + b"\r\n" + b"2\r\n  \r\n")
        answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413")
