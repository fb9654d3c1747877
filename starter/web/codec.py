"""The codec endpoint: what the ``temporal`` command and the Temporal UI have encrypted and decrypted.

``POST /codec/encode`` and ``/codec/decode`` (or ``/codec/<namespace>/…``) take Temporal's ``Payloads`` as JSON. Whoever
asks shows a token of this API, also on this machine: what comes back is what the key keeps from everybody else. Of web
pages only those of the Temporal UI are answered, and only with the session of somebody who signed in at the dashboard.
"""

import asyncio
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from google.protobuf import json_format
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payloads

from configuration.http_settings import is_loopback
from rebalancing.errors import RebalancerError
from starter.desk.mistakes import UserMistake
from starter.web.callers import CHALLENGE
from starter.web.door import Headers, guarded, read_body, refuse_strangers
from starter.web.open_desk import OpenDesk
from starter.web.problems import Refusal, problem_response
from starter.web.sessions import COOKIE, holder_of_session
from starter.web.tokens import holder_of, read_tokens

PATH: Final = "/codec"

OPERATION: Final = re.compile(rf"{PATH}/(?:[^/]+/)?(encode|decode)")

LONGEST_BODY: Final = 8 * 1024 * 1024
"""Bytes; Temporal takes messages of four megabytes, which base64 makes a third longer."""

AT_ONCE: Final = 4
"""Requests that are worked at side by side: the process may have orders to send."""

ASKED_WITH: Final = "authorization, content-type, x-namespace"
"""What a page may send beside its question."""


class CodecEndpoint:
    """Answers what begins with ``/codec/`` itself, and hands everything else on."""

    def __init__(self, app: ASGIApp, desk: OpenDesk) -> None:
        self._app = app
        self._desk = desk
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{PATH}/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope)
        origin = self._origin(headers)
        try:
            refuse_strangers(scope, headers, self._desk.served)
            answer = await self._answer(scope, headers, origin, receive)
        except (Refusal, UserMistake, RebalancerError) as error:
            answer = problem_response(error)
        if origin:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Vary"] = "Origin"
        await answer(scope, receive, guarded(send))

    async def _answer(self, scope: Scope, headers: Headers, origin: str, receive: Receive) -> Response:
        if headers.all("origin") and not origin:
            raise Refusal(HTTPStatus.FORBIDDEN, "Of web pages only those of the Temporal UI are answered here.")
        operation = OPERATION.fullmatch(scope["path"])
        if operation is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"Only {PATH}/encode and {PATH}/decode are here.")
        if scope["method"] == "OPTIONS" and origin:
            return Response(
                status_code=HTTPStatus.NO_CONTENT,
                headers={"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": ASKED_WITH},
            )
        if scope["method"] != "POST":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Only POST is taken here.", {"Allow": "POST"})
        if headers.only("content-type").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Only JSON is taken: send Content-Type: application/json.")
        self._require_reader(headers, origin)
        async with self._turns:
            body = await read_body(receive, LONGEST_BODY)
            # Not on the event loop: this may be the process that trades.
            written = await asyncio.to_thread(self._work, operation[1], body)
        return Response(written, media_type="application/json")

    def _work(self, operation: str, body: bytes) -> str:
        try:
            given = json_format.Parse(body, Payloads(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError, RecursionError):
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body is no JSON of Temporal's Payloads.") from None
        codec = self._desk.client.data_converter.payload_codec
        assert codec is not None
        work = codec.encode if operation == "encode" else codec.decode
        return json_format.MessageToJson(Payloads(payloads=asyncio.run(work(given.payloads))), indent=None)

    def _require_reader(self, headers: Headers, origin: str) -> None:
        """Refuse whoever shows no token of this API, and is no page of the UI in a browser that signed in."""
        tokens = read_tokens(self._desk.tokens)
        if headers.all("authorization"):
            scheme, _, token = headers.only("authorization").partition(" ")
            if scheme.lower() == "bearer" and holder_of(token.strip(), tokens) is not None:
                return
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Nobody has this token; `rebalancer env` tells one.", CHALLENGE)
        if origin and holder_of_session(headers.cookie(COOKIE), tokens, datetime.now(UTC)) is not None:
            return
        words = (
            'Show a token: Authorization: Bearer … (for the `temporal` command: eval "$(rebalancer env)"). The '
            "Temporal UI shows who signed in at the dashboard, with `Include cross-origin credentials` in its settings."
        )
        raise Refusal(HTTPStatus.UNAUTHORIZED, words, CHALLENGE)

    def _origin(self, headers: Headers) -> str:
        """The UI's origin where a page of it asks; else empty."""
        told = headers.only("origin").lower()
        return told if told in origins_of(self._desk.temporal_ui) else ""


def origins_of(temporal_ui: str | None) -> frozenset[str]:
    """How pages of the UI say where they come from: on this machine, by either of its names."""
    if temporal_ui is None:
        return frozenset()
    parts = urlsplit(temporal_ui.lower())
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    is_here = host == "localhost" or is_loopback(host)
    hosts = {"localhost", "127.0.0.1"} if is_here else {parts.netloc.removesuffix(port)}
    return frozenset(f"{parts.scheme}://{each}{port}" for each in hosts)


def codec_at(address: str) -> str:
    """The endpoint of the API at this address, as the ``temporal`` command and the UI are told it."""
    return f"{address}{PATH}"
