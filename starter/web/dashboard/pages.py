"""The routes of the pages, of what keeps them up to date, and of signing in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from http import HTTPStatus
from re import fullmatch
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from rebalancing.accounts import AccountId, is_account_id
from starter.desk.mistakes import FORESEEN, told_of
from starter.web.accounts import RUN_ID, RunId
from starter.web.callers import Caller, may_trade, moves_nothing_real, reader
from starter.web.dashboard.addresses import HOME, LIVE, PAGES, SIGN_IN, STATIC, is_page
from starter.web.dashboard.rendering import STATIC as FILES
from starter.web.dashboard.views import (
    CONTAINERS,
    AccountView,
    BoardView,
    EventsView,
    Looker,
    Regions,
    RunView,
    View,
    rendered,
)
from starter.web.door import CONTENT_POLICY
from starter.web.open_desk import OpenDesk, TheDesk
from starter.web.problems import Refusal, status_of
from starter.web.sessions import COOKIE, LASTS, csrf_token, holder_of_session, new_session
from starter.web.tokens import holder_of, read_tokens

router = APIRouter(include_in_schema=False)

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: our own style sheet, script and answers, and nothing else."""

LOOKER_EVERY: Final = 5.0
"""Seconds after which a stream asks again whether the one who looks still may."""

FILE_NAMES: Final = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


class SignInRequest(BaseModel):
    """The token of whoever signs in."""

    token: str = Field(min_length=1, max_length=200)


async def looker(request: Request, desk: TheDesk) -> Looker | None:
    """Who looks; ``None`` where nobody may without signing in."""
    try:
        caller = await reader(request, desk)
    except Refusal:
        return None
    cookie, tokens = request.cookies.get(COOKIE, ""), read_tokens(desk.tokens)
    name = holder_of_session(cookie, tokens, datetime.now(UTC))
    csrf = csrf_token(cookie, tokens[name]) if name else ""
    return Looker(
        caller,
        await may_trade(caller, desk),
        is_signed_in=name is not None,
        is_rehearsal=await moves_nothing_real(desk),
        csrf=csrf,
    )


AnyLooker = Annotated[Looker | None, Depends(looker)]


# --- pages ------------------------------------------------------------------------------------------------------------


@router.get(HOME)
async def home(request: Request, desk: TheDesk, who: AnyLooker) -> Response:
    """Show all accounts."""
    return await _page(request, who, lambda own: BoardView(desk.watch, own))


@router.get(f"{PAGES}/accounts/{{account}}")
async def account(request: Request, account: AccountId, desk: TheDesk, who: AnyLooker) -> Response:
    """Show one account."""
    return await _page(request, who, lambda own: AccountView(desk, desk.watch, own, account))


@router.get(f"{PAGES}/accounts/{{account}}/runs/{{run_id}}")
async def run(request: Request, account: AccountId, run_id: RunId, desk: TheDesk, who: AnyLooker) -> Response:
    """Show one run."""
    return await _page(request, who, lambda own: RunView(desk, desk.watch, own, account, run_id))


@router.get(f"{PAGES}/events")
async def events(request: Request, desk: TheDesk, who: AnyLooker) -> Response:
    """Show the events."""
    return await _page(request, who, lambda own: EventsView(desk, desk.watch, own))


@router.get(f"{STATIC}/{{name}}")
async def static(name: str) -> Response:
    """Send the style sheet or the script."""
    if name not in FILE_NAMES:
        raise Refusal(HTTPStatus.NOT_FOUND, "There is no such file.")
    return FileResponse(str(FILES / name), media_type=FILE_NAMES[name])


# --- keeping them up to date ------------------------------------------------------------------------------------------


async def seated(desk: TheDesk, who: AnyLooker) -> AsyncIterator[None]:
    """A place for the time of the stream. Raises ``Refusal`` if none is free."""
    is_nameless = who is None or who.caller.is_nameless
    with (desk.nameless_lookers if is_nameless else desk.lookers).place():
        yield


@router.get(LIVE, response_class=EventSourceResponse, dependencies=[Depends(seated)])
async def live(
    request: Request, desk: TheDesk, who: AnyLooker, page: Annotated[str, Query(max_length=200)] = HOME
) -> AsyncIterator[ServerSentEvent]:
    """Send each region of a page once it has changed, and what time it is, for as long as the one who looks may."""
    if who is None:
        yield ServerSentEvent(event="sign-in", data="")
        return
    yield ServerSentEvent(event="looker", data=who.csrf)  # a page that was made for somebody else loads itself anew
    sent: dict[str, str] = {}
    time = asyncio.get_running_loop().time
    asked_at = time()
    try:
        async with aclosing(_view(desk, who, page).regions()) as made:
            async for regions in made:
                if time() - asked_at >= LOOKER_EVERY:
                    if await looker(request, desk) != who:
                        yield ServerSentEvent(event="reload", data="")
                        return
                    asked_at = time()
                changed = _changed(regions, sent)
                if changed:
                    sent |= changed
                    yield ServerSentEvent(event="regions", data=changed)
                yield ServerSentEvent(event="time", data=datetime.now(UTC).isoformat())
    except FORESEEN as error:
        yield ServerSentEvent(event="problem", data=told_of(error))


def _changed(regions: Regions, sent: Regions) -> Regions:
    """What is not as it was sent; where the elements around others changed, all, since they come empty."""
    changed = {name: html for name, html in regions.items() if sent.get(name) != html}
    return changed if changed.keys().isdisjoint(CONTAINERS) else regions


def _view(desk: OpenDesk, who: Looker, page: str) -> View:
    """The page at this address, as the one who looks at it sees it."""
    match page.removeprefix(PAGES).strip("/").split("/"):
        case ["events"]:
            return EventsView(desk, desk.watch, who)
        case ["accounts", account] if is_account_id(account):
            return AccountView(desk, desk.watch, who, account)
        case ["accounts", account, "runs", run_id] if is_account_id(account) and fullmatch(RUN_ID, run_id):
            return RunView(desk, desk.watch, who, account, run_id)
        case _:
            return BoardView(desk.watch, who)


# --- signing in -------------------------------------------------------------------------------------------------------


@router.get(SIGN_IN)
async def sign_in_page(then: Annotated[str, Query(max_length=200)] = HOME) -> Response:
    """Ask for a token."""
    return _html(rendered("sign_in.html", then=then if is_page(then) else HOME))


@router.post(SIGN_IN)
async def sign_in(wanted: SignInRequest, desk: TheDesk) -> Response:
    """Begin a session for whoever has this token."""
    tokens = read_tokens(desk.tokens)
    name = holder_of(wanted.token.strip(), tokens)
    if name is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "Nobody has this token. `rebalancer token` prints one.")
    answer = JSONResponse({"message": f"Signed in as {name}."})
    answer.set_cookie(
        COOKIE,
        new_session(name, tokens[name], datetime.now(UTC)),
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=desk.served.is_encrypted,
    )
    return answer


@router.post(f"{PAGES}/sign-out")
async def sign_out(desk: TheDesk, caller: Annotated[Caller, Depends(reader)]) -> Response:
    """End the session in this browser."""
    answer = JSONResponse({"message": f"{caller.name} is signed out."})
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=desk.served.is_encrypted)
    return answer


# --- how a page is made -----------------------------------------------------------------------------------------------


async def _page(request: Request, who: Looker | None, view_for: Callable[[Looker], View]) -> Response:
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        # The cookie does not come along from elsewhere; it does when the page is loaded from itself.
        return _html(rendered("arrival.html"))
    path = request.url.path
    if who is None:
        return RedirectResponse(f"{SIGN_IN}?then={path}", HTTPStatus.SEE_OTHER)
    view = view_for(who)
    try:
        async with aclosing(view.regions()) as made:
            regions = await anext(made)
    except FORESEEN as error:
        told = rendered("problem.html", title="Not found", problem=told_of(error), looker=who, page=path)
        return _html(told, status_of(error))
    return _html(_whole(view, regions, who, path))


def _whole(view: View, regions: Regions, who: Looker, path: str) -> str:
    return rendered(view.template, title=view.title, regions=regions, looker=who, page=path)


def _html(text: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(text, status, {CONTENT_POLICY.decode(): POLICY})
