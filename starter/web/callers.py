"""Who asks, and what they may: by token, by the session of who showed one, or because they are on this machine."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from configuration.key_ring import KeyFileUnusable
from configuration.payload_keys import read_payload_keys
from contract.encryption import EncryptingCodec
from starter.desk.known_login import is_rehearsal
from starter.web.door import READING, peer_of
from starter.web.open_desk import OpenDesk, TheDesk
from starter.web.problems import Refusal
from starter.web.sessions import COOKIE, CSRF_HEADER, holder_of_session, shows_csrf_token
from starter.web.tokens import Role, holder_of, read_tokens

log = logging.getLogger(__name__)

NEAR: Final = "loopback"
"""How somebody is called who shows no token and needs none."""

SCHEME: Final = "token"
"""What the OpenAPI document calls the way to show one."""

ANYBODY_NEAR: Final[dict[str, Any]] = {"security": [{}, {SCHEME: []}]}
"""For the OpenAPI document: on this machine it needs no token, but where what is read is encrypted in Temporal."""

TRADERS: Final[dict[str, Any]] = {"security": [{SCHEME: []}]}
"""For the OpenAPI document: it needs one, but where loopback is trusted."""

TELL_NOTHING: Final = frozenset({"/health", "/ready", "/metrics", "/openapi.json"})
"""What programs of this machine look at without a token even so: none of it tells what an account holds or plans."""

CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Caller:
    """Who asks, under the name of the token they show; ``by`` is what is recorded of it.

    ``is_nameless``: they show none, and are on this machine. A token may have any name, this one's too.
    """

    name: str
    role: Role
    is_nameless: bool = False

    @property
    def by(self) -> str:
        """Who asked, wherever something is changed."""
        return f"{self.name} by HTTP"


async def reader(request: Request, desk: TheDesk) -> Caller:
    """Whoever may read and ask for dry runs. A token that is no good is refused even where none is needed.

    Raises:
        Refusal: nobody.
    """
    caller = await _caller(request, desk)
    if request.scope["path"] in TELL_NOTHING or await may_read(caller, desk):
        return caller
    words = (
        "What Temporal keeps is encrypted here, so reading it needs a token, on this machine too: Authorization: "
        "Bearer …, as `rebalancer token viewer` prints it. A browser signs in with it."
    )
    raise Refusal(HTTPStatus.UNAUTHORIZED, words, CHALLENGE)


async def _caller(request: Request, desk: OpenDesk) -> Caller:
    given = request.headers.getlist("authorization")
    if not given:
        if signed_in := _signed_in(request, desk):
            return signed_in
        if _is_near(request, desk):
            return Caller(NEAR, Role.VIEWER, is_nameless=True)
        raise Refusal(HTTPStatus.UNAUTHORIZED, "Show a token: Authorization: Bearer …", CHALLENGE)
    scheme, _, token = given[0].partition(" ")
    tokens = read_tokens(desk.tokens)
    name = holder_of(token.strip(), tokens) if scheme.lower() == "bearer" and len(given) == 1 else None
    if name is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "Nobody has this token; `rebalancer token` prints one.", CHALLENGE)
    return Caller(name, tokens[name].role)


Reader = Annotated[Caller, Depends(reader)]


async def trader(request: Request, caller: Reader, desk: TheDesk) -> Caller:
    """Whoever may change something, which is logged. Raises ``Refusal``."""
    if await may_trade(caller, desk):
        log.info("%s: %s %s", caller.by, request.method, request.url.path)
        return caller
    words = "This needs the token of a trader: Authorization: Bearer …, as `rebalancer token` prints it."
    if caller.is_nameless:
        raise Refusal(HTTPStatus.UNAUTHORIZED, words, CHALLENGE)
    raise Refusal(HTTPStatus.FORBIDDEN, f"The token of {caller.name} is a viewer's. {words}")


Trader = Annotated[Caller, Depends(trader)]

ONLY_TRADERS: Final = (Depends(trader),)
"""For a route that asks nothing more of its caller."""


def _signed_in(request: Request, desk: OpenDesk) -> Caller | None:
    """Whoever's session it is. A change must come from a page of ours, which shows that besides."""
    cookie, tokens = request.cookies.get(COOKIE, ""), read_tokens(desk.tokens)
    name = holder_of_session(cookie, tokens, datetime.now(UTC))
    if name is None:
        return None
    shown = request.headers.get(CSRF_HEADER, "")
    if request.method not in READING and not shows_csrf_token(shown, cookie, tokens[name]):
        raise Refusal(HTTPStatus.FORBIDDEN, "The page is not of this session: load it again, then do it once more.")
    return Caller(name, tokens[name].role)


async def may_read(caller: Caller, desk: OpenDesk) -> bool:
    """Whether this caller may see what Temporal keeps; whoever showed a token may."""
    return not caller.is_nameless or not _is_encrypted(desk) or await _is_trusted(desk)


async def may_trade(caller: Caller, desk: OpenDesk) -> bool:
    """Whether this caller may change something."""
    return caller.role is Role.TRADER or (caller.is_nameless and await _is_trusted(desk))


def _is_near(request: Request, desk: OpenDesk) -> bool:
    return desk.served.is_near and peer_of(request.scope).is_loopback


def _is_encrypted(desk: OpenDesk) -> bool:
    """Whether what Temporal keeps is secret: this process has a key for it, or finds one now that it did not have."""
    codec = desk.client.data_converter.payload_codec
    if isinstance(codec, EncryptingCodec) and codec.encrypts:
        return True
    try:
        return read_payload_keys(desk.connections) is not None
    except KeyFileUnusable:
        return True


async def _is_trusted(desk: OpenDesk) -> bool:
    """Whether nothing real can be moved here, or whoever configured it trusts all programs of this machine."""
    return desk.configuration.now.http.trust_loopback or await moves_nothing_real(desk)


async def moves_nothing_real(desk: OpenDesk) -> bool:
    """Whether this history can never have an order at a broker."""
    return desk.is_simulated or await is_rehearsal(desk.client)
