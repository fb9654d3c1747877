"""Keeps the stand-ins off the network: they hold no real secrets and check very little."""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware


class NotLoopbackError(ValueError):
    """A stand-in was asked to listen on an address that other machines can reach."""


def require_loopback(host: str, *, allow_remote: bool) -> None:
    """Refuse `host` unless it is a loopback address or `allow_remote` says otherwise in as many words.

    Raises:
        NotLoopbackError: the address can be reached from other machines and nobody asked for that.
    """
    if allow_remote or _is_loopback(host):
        return
    raise NotLoopbackError(
        f"{host!r} can be reached from other machines; a stand-in listens on 127.0.0.1 unless remote "
        "connections are allowed explicitly"
    )


def programs_only(*, allow_remote: bool = False) -> Middleware:
    """Have an HTTP server answer programs of this machine and no web page, wherever the page comes from.

    Browsers reach loopback too. They say an `Origin` with whatever a page sends to another site, and a page whose own
    name was pointed at 127.0.0.1 gives itself away by that name in `Host`. With `allow_remote` any name will do.
    """

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if "Origin" in request.headers:
            return _forbidden("requests of web pages (with an Origin) are not answered")
        if not allow_remote and not _is_loopback(_name_in(request.headers.get("Host", ""))):
            return _forbidden("only requests to a loopback address are answered; see Host")
        return await handler(request)

    return guard


def _forbidden(why: str) -> web.Response:
    return web.json_response({"errors": [why]}, status=403)


def _name_in(authority: str) -> str:
    """The host in `host:port`; empty if that is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
