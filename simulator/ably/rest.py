"""The REST side: publishing, history, tokens and the time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from aiohttp import web

from simulator.ably.codec import MSGPACK, pack, unpack
from simulator.ably.credentials import Grant
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
            web.post("/messages", self._answering(self._publish_batch)),
            web.post("/channels/{channel}/messages", self._answering(self._publish)),
            web.post("/channels/{channel}/publish", self._answering(self._publish)),
            web.get("/channels/{channel}/messages", self._answering(self._history)),
            web.get("/channels/{channel}/history", self._answering(self._history)),
        ]

    async def refuse(self, request: web.Request) -> web.StreamResponse:
        """Answer whatever else Ably's API has: channel lists, presence, statistics, push, changes of messages …"""

        async def unknown(request: web.Request) -> web.StreamResponse:
            raise AblyError(40400, 404, f"there is no {request.method} {request.path} in this stand-in")

        return await self._answering(unknown)(request)

    def _answering(self, handler: Handler) -> Handler:
        """`handler`, with the faults before it and Ably's error body for whatever it refuses."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self._hub.rest_requests.append(f"{request.method} {request.path}")
            try:
                if self._hub.rest_errors:
                    raise self._hub.rest_errors.popleft()
                return await handler(request)
            except AblyError as error:
                headers = {"X-Ably-Errorcode": str(error.code), "X-Ably-Errormessage": error.message}
                if error.retry_after is not None:
                    headers["Retry-After"] = error.retry_after
                return _respond(request, body(error), status=error.status, headers=headers)

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
        self._grant(request).require("publish", name)
        return _respond(request, self._published(name, _drafts(await _read(request))), status=201)

    async def _publish_batch(self, request: web.Request) -> web.Response:
        """Publish the same messages on several channels, or several such requests at once."""
        grant, posted = self._grant(request), await _read(request)
        if isinstance(posted, list):
            specifications = cast(list[Any], posted)
            return _respond(request, [self._batch(grant, one) for one in specifications], status=201)
        return _respond(request, self._batch(grant, posted), status=201)

    def _batch(self, grant: Grant, specification: object) -> Mapping[str, object]:
        """What one request of a batch came to, channel by channel: one that is refused is not in the others' way."""
        if not isinstance(specification, Mapping):
            raise bad_request("a batch consists of objects with channels and messages")
        wanted = cast(Mapping[str, object], specification)
        channels = wanted.get("channels")
        names = cast(list[str], channels) if isinstance(channels, list) else [channels]
        if not all(isinstance(name, str) and name for name in names):
            raise bad_request("the channels of a batch are a name or a list of names")
        drafts = _drafts(wanted.get("messages"))
        results: list[Mapping[str, object]] = []
        for name in cast(list[str], names):
            try:
                grant.require("publish", name)
                results.append(self._published(name, drafts))
            except AblyError as error:
                results.append({"channel": name, **body(error)})
        failures = sum("error" in result for result in results)
        return {"successCount": len(results) - failures, "failureCount": failures, "results": results}

    def _published(self, channel: str, drafts: Sequence[Draft]) -> Mapping[str, object]:
        prefix = secrets.token_urlsafe(8)
        receipt = self._hub.publish(channel, drafts, id_prefix=prefix)
        return {"channel": channel, "messageId": prefix, "serials": receipt.serials}

    def _grant(self, request: web.Request) -> Grant:
        return self._hub.credentials.of_request(request.headers.get("Authorization"), request.query)

    async def _history(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        self._grant(request).require("history", name)
        await asyncio.sleep(self._hub.history_delay)
        if self._hub.history_bodies:
            raw, link = self._hub.history_bodies.popleft()
            headers = {"Link": f'<{link}>; rel="next"'} if link else {}
            return web.Response(body=raw, content_type="application/json", headers=headers)
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


def _drafts(posted: object) -> list[Draft]:
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
