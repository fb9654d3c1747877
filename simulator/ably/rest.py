"""The REST side: publishing, history, tokens and the time."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import urlencode

from aiohttp import web

from simulator.ably.codec import MSGPACK, pack, unpack
from simulator.ably.errors import AblyError, bad_request, body
from simulator.ably.hub import Hub
from simulator.ably.messages import Draft, draft_from_wire

DEFAULT_PAGE = 100
MAX_PAGE = 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestApi:
    """Request handlers over the hub's state."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        """Everything this side answers."""
        return [
            web.get("/time", self._answering(self._time)),
            web.post("/keys/{key_name}/requestToken", self._answering(self._request_token)),
            web.post("/channels/{channel}/messages", self._answering(self._publish)),
            web.post("/channels/{channel}/publish", self._answering(self._publish)),
            web.get("/channels/{channel}/messages", self._answering(self._history)),
            web.get("/channels/{channel}/history", self._answering(self._history)),
        ]

    def _answering(self, handler: Handler) -> Handler:
        """`handler`, with the faults before it and Ably's error body for whatever it refuses."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self._hub.rest_requests.append(f"{request.method} {request.path}")
            try:
                if self._hub.rest_errors:
                    raise self._hub.rest_errors.popleft()
                return await handler(request)
            except AblyError as error:
                return _respond(
                    request,
                    body(error),
                    status=error.status,
                    headers={"X-Ably-Errorcode": str(error.code), "X-Ably-Errormessage": error.message},
                )

        return answer

    async def _time(self, request: web.Request) -> web.Response:
        return _respond(request, [self._hub.clock()])

    async def _request_token(self, request: web.Request) -> web.Response:
        wish = await _read(request)
        if not isinstance(wish, Mapping):
            raise bad_request("a token request must be an object")
        details = self._hub.credentials.issue(
            request.match_info["key_name"], cast(Mapping[str, object], wish), request.headers.get("Authorization")
        )
        return _respond(request, details, status=201)

    async def _publish(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        self._hub.credentials.from_header(request.headers.get("Authorization")).require("publish", name)
        drafts = await _drafts(request)
        prefix = secrets.token_urlsafe(8)
        publication = self._hub.publish(name, drafts, id_prefix=prefix)
        serials = [message.serial for message in publication.messages] if publication else []
        return _respond(request, {"channel": name, "messageId": prefix, "serials": serials}, status=201)

    async def _history(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        self._hub.credentials.from_header(request.headers.get("Authorization")).require("history", name)
        query = request.query
        limit = _number(query, "limit", DEFAULT_PAGE) or 0
        if not 1 <= limit <= MAX_PAGE:
            raise bad_request(f"limit must be between 1 and {MAX_PAGE}")
        messages = self._hub.channel(name).history(
            start=_number(query, "start"),
            end=_number(query, "end"),
            until=query.get("fromSerial") or query.get("from_serial"),
        )
        forwards = query.get("direction", "backwards") == "forwards"
        if not forwards:
            messages.reverse()
        # The cursor is the serial of the last message delivered, so that what arrives or expires between two
        # pages shifts nothing.
        if (cursor := query.get("cursor")) is not None:
            messages = [message for message in messages if (message.serial > cursor) == forwards]
            messages = [message for message in messages if message.serial != cursor]
        page = messages[:limit]
        links = {"first": _link(request, None)}
        if len(messages) > limit:
            links["next"] = _link(request, page[-1].serial)
        response = _respond(request, [message.wire(binary=_wants_binary(request)) for message in page])
        response.headers.extend((("Link", f'<{target}>; rel="{relation}"') for relation, target in links.items()))
        return response


def _link(request: web.Request, cursor: str | None) -> str:
    query = {key: value for key, value in request.query.items() if key != "cursor"}
    if cursor is not None:
        query["cursor"] = cursor
    resource = request.path.rpartition("/")[2]
    return f"./{resource}?{urlencode(query)}"


async def _drafts(request: web.Request) -> list[Draft]:
    posted = await _read(request)
    items = cast(list[Any], posted) if isinstance(posted, list) else [posted]
    if not items:
        raise bad_request("there is no message to publish")
    return [draft_from_wire(item) for item in items]


async def _read(request: web.Request) -> Any:
    if request.content_type == "application/x-www-form-urlencoded":
        # What curl sends when it is not told the content type: name=…&data=…
        form = await request.post()
        return {key: value for key, value in form.items() if isinstance(value, str)}
    raw = await request.read()
    return unpack(raw, binary=request.content_type == MSGPACK) if raw else {}


def _wants_binary(request: web.Request) -> bool:
    return MSGPACK in request.headers.get("Accept", "")


def _respond(
    request: web.Request, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    binary = _wants_binary(request)
    return web.Response(
        body=pack(value, binary=binary),
        status=status,
        content_type=MSGPACK if binary else "application/json",
        headers=headers,
    )


def _number(query: Mapping[str, str], key: str, default: int | None = None) -> int | None:
    value = query.get(key)
    if value is None:
        return default
    if not value.isdigit():
        raise bad_request(f"{key} must be a whole number")
    return int(value)
