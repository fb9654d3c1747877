"""What every request passes before anything else sees it: no web page gets in, and nothing of unbounded size."""

import asyncio
import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configuration.http_settings import HttpSettings, is_loopback
from starter.ably.strict_json import strict_json
from starter.web.problems import Refusal, problem_response

LONGEST_BODY: Final = 65_536
"""Bytes; the longest that anybody needs is under a thousand."""

BODY_WITHIN: Final = 10.0
"""Seconds for the whole of it."""

READING: Final = frozenset({"GET", "HEAD"})

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""What proxies add."""

CONTENT_POLICY: Final = b"content-security-policy"

ANSWERED_WITH: Final = (
    (b"cache-control", b"no-store"),
    (CONTENT_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of every answer that does not set them itself: nothing is kept, shown in a frame, or taken for a script or a
picture."""


class Door:
    """Lets programs in, and pages of this API's own; refuses pages of anybody else before their request is read.

    A browser says where a request comes from (``Origin``, ``Sec-Fetch-Site``), and a page whose own name was pointed at
    this machine gives itself away by that name in ``Host``. Whether a token is shown makes no difference to any of it.
    Only a link to a page that people look at (``is_page``) may be followed from anywhere: that shows it to them, not to
    whoever set the link.
    """

    def __init__(
        self, app: ASGIApp, settings: Callable[[], HttpSettings], is_page: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._app = app
        self._settings = settings
        self._is_page = is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http"
        answer = guarded(send)
        try:
            headers = Headers(scope)
            refuse_strangers(scope, headers, self._settings())
            self._refuse_pages(scope, headers)
            body = await read_body(receive)
            _refuse_other_content(scope, headers, body)
        except Refusal as refusal:
            await problem_response(refusal)(scope, receive, answer)
        else:
            await self._app(scope, _replayed(body, receive), answer)

    def _refuse_pages(self, scope: Scope, headers: "Headers") -> None:
        """Refuse what a page of another site sends, or has a browser fetch for it."""
        origin, host = headers.only("origin"), headers.only("host")
        if headers.all("origin") and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise _forbidden("Requests of web pages of other sites (see Origin) are not answered.")
        is_ours = headers.only("sec-fetch-site") in ("same-origin", "none")
        if headers.all("sec-fetch-site") and not (is_ours or self._is_followed(scope, headers)):
            raise _forbidden("Requests of web pages of other sites (see Sec-Fetch-Site) are not answered.")

    def _is_followed(self, scope: Scope, headers: "Headers") -> bool:
        """Whether somebody follows a link to a page, in a window of its own."""
        is_shown = headers.only("sec-fetch-mode") == "navigate" and headers.only("sec-fetch-dest") == "document"
        return is_shown and scope["method"] == "GET" and self._is_page(scope["path"])


def peer_of(scope: Scope) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a request comes from."""
    address = ipaddress.ip_address(scope["client"][0])
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


class Headers:
    """The headers of a request. One that decides and is there twice is taken for neither."""

    def __init__(self, scope: Scope) -> None:
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])

    def all(self, name: str) -> list[str]:
        """All there are of this name, in small letters."""
        return [value.decode("latin-1").strip() for own, value in self._headers if own == name.encode()]

    def only(self, name: str) -> str:
        """The one there is; empty if there is none, or are several."""
        found = self.all(name)
        return found[0] if len(found) == 1 else ""

    def cookie(self, name: str) -> str:
        """The cookie of this name; empty if there is none, or are several."""
        pairs = [pair.strip().partition("=") for each in self.all("cookie") for pair in each.split(";")]
        found = [value for own, _, value in pairs if own == name]
        return found[0] if len(found) == 1 else ""


def refuse_strangers(scope: Scope, headers: Headers, settings: HttpSettings) -> None:
    """Refuse whoever does not come by the way that the settings name. Raises ``Refusal``."""
    if settings.proxy is not None:
        if peer_of(scope) != ipaddress.ip_address(settings.proxy):
            raise _forbidden(f"Only requests from the proxy at {settings.proxy} are answered.")
    elif any(headers.all(name) for name in FORWARDED):
        raise _forbidden("This came through a proxy that the configuration does not name: set http.proxy.")
    name = _name_in(headers.only("host"))
    if name not in settings.names and name not in ("localhost", settings.host) and not is_loopback(name):
        raise _forbidden("Requests by this name in Host are not answered; list it in http.names if it is yours.")


def _refuse_other_content(scope: Scope, headers: Headers, body: bytes) -> None:
    """Refuse a change in any form that a page could send without asking: only JSON is taken."""
    if scope["method"] in READING:
        return
    told = headers.all("content-type")
    if (body or told) and headers.only("content-type").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Only JSON is taken: send Content-Type: application/json.")
    if body:
        try:
            strict_json(body)
        except ValueError as error:  # a decoding error is one too
            raise Refusal(HTTPStatus.BAD_REQUEST, f"The body is no JSON: {error}.") from None


async def read_body(receive: Receive, longest: int = LONGEST_BODY) -> bytes:
    """The body of a request. Raises ``Refusal`` for one that is longer than so many bytes, or comes too slowly."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > longest:
                    words = f"No more than {longest} bytes are taken."
                    raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, {"Connection": "close"})
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        words = f"The body did not come within {BODY_WITHIN:g} s."
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, words, {"Connection": "close"}) from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then whatever else comes: that the caller left."""
    is_told = False

    async def replay() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def guarded(send: Send) -> Send:
    """Send with the headers of every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [*message.get("headers", ())]
            named = {name for name, _ in own}
            message = {**message, "headers": [*own, *(each for each in ANSWERED_WITH if each[0] not in named)]}
        await send(message)

    return with_headers


def _name_in(authority: str) -> str:
    """The host in `host:port`; empty if that is none."""
    if any(character in authority for character in "@/?#\\"):
        return ""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _forbidden(detail: str) -> Refusal:
    return Refusal(HTTPStatus.FORBIDDEN, detail)
