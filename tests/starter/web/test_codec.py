"""The codec endpoint: clear text for who shows a token, and in the Temporal UI for who signed in; for nobody else."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from configuration.key_ring import line_of, new_key
from starter.web.codec import LONGEST_BODY, origins_of
from starter.web.sessions import COOKIE, new_session
from starter.web.tokens import Role, Token
from tests.house import Holding, house
from tests.starter.web.api import Api, api_of

UI = "http://127.0.0.1:8233"
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'{"symbol": "QQQ"}')
ASKED: dict[str, Any] = json_format.MessageToDict(Payloads(payloads=[CLEAR]))


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Api]:
    """An API whose process has a key."""
    key = tmp_path / "key"
    key.write_text(line_of(new_key("ann")), encoding="utf-8")
    key.chmod(0o600)
    monkeypatch.setenv("REBALANCER_KEY_FILE", str(key))
    async with house({"DU1": Holding()}, workers=0) as own, api_of(own, tmp_path, temporal_ui=UI) as served:
        yield served


async def asked(api: Api, operation: str, body: Any = ASKED, **headers: str) -> httpx.Response:
    """What is answered to a viewer."""
    return await api.client.post(f"/codec/{operation}", json=body, headers=api.as_("viewer") | headers)


def signed_in(api: Api) -> dict[str, str]:
    """The cookie of a viewer's browser."""
    token = Token(role=Role.VIEWER, token=api.tokens["viewer"])
    return {"Cookie": f"other=1; {COOKIE}={new_session('viewer', token, datetime.now(UTC))}"}


@pytest.mark.parametrize("path", ["", "default/"])
async def test_what_is_encrypted_for_a_viewer_is_decrypted_again(api: Api, path: str) -> None:
    sealed = await asked(api, f"{path}encode", **{"X-Namespace": "default"})
    assert sealed.status_code == 200
    assert b64encode(b"QQQ").decode() not in sealed.text
    assert json_format.Parse(sealed.text, Payloads()).payloads[0].metadata["encoding"] == b"binary/encrypted"
    assert (await asked(api, f"{path}decode", sealed.json())).json() == ASKED


async def test_what_is_not_encrypted_is_given_back_as_it_is(api: Api) -> None:
    assert (await asked(api, "decode")).json() == ASKED


@pytest.mark.parametrize("shown", [None, "Bearer wrong", "Bearer", "Basic dmlld2VyOng=", "viewer"])
@pytest.mark.parametrize("operation", ["encode", "decode"])
async def test_without_a_good_token_nothing_is_done_even_on_this_machine(
    api: Api, operation: str, shown: str | None
) -> None:
    headers = {"Authorization": shown} if shown else {}
    answer = await api.client.post(f"/codec/{operation}", json=ASKED, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "payloads" not in answer.text


async def test_two_tokens_are_none(api: Api) -> None:
    headers = [("Authorization", f"Bearer {token}") for token in api.tokens.values()]
    assert (await api.client.post("/codec/decode", json=ASKED, headers=headers)).status_code == 401


async def test_a_session_alone_is_not_enough_for_a_program_and_is_for_a_page_of_the_ui(api: Api) -> None:
    cookie = signed_in(api)
    assert (await api.client.post("/codec/decode", json=ASKED, headers=cookie)).status_code == 401
    answer = await api.client.post("/codec/decode", json=ASKED, headers=cookie | {"Origin": UI})
    assert (answer.status_code, answer.json()) == (200, ASKED)
    assert answer.headers["access-control-allow-origin"] == UI
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:8234",
        "https://127.0.0.1:8233",
        f"{UI}.evil.example",
        "http://localhost",
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_pages_of_other_sites_are_refused_whatever_they_show(api: Api, origin: str, method: str) -> None:
    headers = signed_in(api) | api.as_("trader") | {"Origin": origin}
    answer = await api.client.request(method, "/codec/decode", json=ASKED, headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [UI, "http://localhost:8233"])
async def test_a_browser_is_told_that_the_ui_may_ask(api: Api, origin: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace",
    }
    answer = await api.client.options("/codec/default/decode", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, origin)
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert {"content-type", "x-namespace"} <= set(answer.headers["access-control-allow-headers"].split(", "))


async def test_a_page_whose_name_was_pointed_here_is_refused(api: Api) -> None:
    assert (await asked(api, "decode", Host="evil.example")).status_code == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
async def test_only_post_is_taken(api: Api, method: str) -> None:
    answer = await api.client.request(method, "/codec/decode", headers=api.as_("trader"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/codec/", "/codec/a/b/decode", "/codec/decode/x", "/codec/DECODE", "/codec/../decode"]
)
async def test_nothing_else_is_there(api: Api, path: str) -> None:
    assert (await api.client.post(path, json=ASKED, headers=api.as_("trader"))).status_code in (401, 404)


async def test_a_body_that_is_too_long_is_refused(api: Api) -> None:
    answer = await api.client.post(
        "/codec/decode",
        content=b" " * (LONGEST_BODY + 1),
        headers=api.as_("viewer") | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


async def test_a_payload_as_long_as_temporal_takes_is_decrypted(api: Api) -> None:
    long = Payload(metadata={"encoding": b"binary/plain"}, data=b"x" * 2_000_000)
    sealed = await asked(api, "encode", json_format.MessageToDict(Payloads(payloads=[long])))
    answer = await asked(api, "decode", sealed.json())
    assert json_format.Parse(answer.text, Payloads()).payloads[0].data == long.data


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"payloads": 1}', b"[" * 5000])
async def test_a_body_that_is_none_is_refused(api: Api, body: bytes) -> None:
    headers = api.as_("viewer") | {"Content-Type": "application/json"}
    answer = await api.client.post("/codec/decode", content=body, headers=headers)
    assert answer.status_code == 400


async def test_what_a_form_could_send_is_refused(api: Api) -> None:
    headers = api.as_("viewer") | {"Content-Type": "text/plain"}
    answer = await api.client.post("/codec/decode", content=json.dumps(ASKED), headers=headers)
    assert answer.status_code == 415


async def test_a_key_that_is_not_held_is_named(api: Api) -> None:
    foreign = Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"bob"}, data=b"x" * 40)
    answer = await asked(api, "decode", json_format.MessageToDict(Payloads(payloads=[foreign])))
    assert (answer.status_code, "with the key 'bob'" in answer.json()["detail"]) == (503, True)


async def test_what_was_altered_is_refused(api: Api) -> None:
    sealed = Payloads()
    json_format.Parse((await asked(api, "encode")).text, sealed)
    sealed.payloads[0].data = sealed.payloads[0].data[:-1] + b"x"
    answer = await asked(api, "decode", json_format.MessageToDict(sealed))
    assert (answer.status_code, answer.json()["error"]) == (409, "PayloadAltered")


@pytest.mark.parametrize(
    ("ui", "origins"),
    [
        (None, set[str]()),
        ("http://127.0.0.1:8233", {UI, "http://localhost:8233"}),
        ("http://localhost:8233/", {UI, "http://localhost:8233"}),
        ("https://Temporal.example.com/ui", {"https://temporal.example.com"}),
        ("https://temporal.example.com:8443", {"https://temporal.example.com:8443"}),
    ],
)
def test_pages_of_the_ui_say_so_by_its_address(ui: str | None, origins: set[str]) -> None:
    assert origins_of(ui) == origins
