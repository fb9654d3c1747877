"""Errors as problem details (RFC 9457), in the words that the command line has for them."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.service import RPCError, RPCStatusCode

from rebalancing.errors import AccountUnknown, RebalancerError, StrategyUnknown
from starter.desk.mistakes import FORESEEN, UserMistake, told_of
from starter.desk.positions import PositionsUnread
from starter.desk.schedules import ScheduleUnknown
from starter.desk.show import RunUnknown
from starter.desk.temporal_errors import innermost_reason, is_away
from starter.web.tokens import TokensUnusable

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER: Final = 5
"""Seconds after which asking again may help."""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    """The status in words."""
    status: int
    detail: str
    """What happened, to which account, and what to do: the command line's words."""
    error: str = Field(
        default="",
        description="The error's name; `rebalancer explain` takes each that docs/reference/errors.md has.",
    )


class Refusal(Exception):
    """A request that is not carried out, with its status, the words for it, and headers to send along."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.name = status.phrase.replace(" ", "")
        self.status = status
        self.headers = dict(headers or {})


_STATUSES: Final[tuple[tuple[type[Exception], HTTPStatus], ...]] = (
    (AccountUnknown, HTTPStatus.NOT_FOUND),
    (StrategyUnknown, HTTPStatus.NOT_FOUND),
    (RunUnknown, HTTPStatus.NOT_FOUND),
    (ScheduleUnknown, HTTPStatus.NOT_FOUND),
    (TokensUnusable, HTTPStatus.SERVICE_UNAVAILABLE),
    (PositionsUnread, HTTPStatus.SERVICE_UNAVAILABLE),
    (UserMistake, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RPCError, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The status that each error stands for, the first that fits; others of ours cannot be done as things stand."""

_UNWORKABLE: Final = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.OUT_OF_RANGE)


def status_of(error: Exception) -> HTTPStatus:
    """The status that an error which was foreseen stands for."""
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, RPCError) and error.status in _UNWORKABLE:
        return HTTPStatus.CONFLICT
    if isinstance(error, RebalancerError) and error.retryable:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.CONFLICT)


def problem_response(error: Exception) -> JSONResponse:
    """The answer to a request that ended in this error."""
    status = status_of(error)
    headers = dict(error.headers) if isinstance(error, Refusal) else {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER))
    name = error.name if isinstance(error, Refusal) else type(error).__name__
    return _answer(status, told_of(error), name, headers)


def handle_problems(app: FastAPI) -> None:
    """Have the application answer every error with a problem."""

    async def foreseen(_: Request, error: Exception) -> JSONResponse:
        return problem_response(error)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        problems = "; ".join(_told(each) for each in error.errors())
        return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, f"{problems}.", "RequestInvalid")

    async def unrouted(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:  # the framework names those of the first route alone
            allowed = {"Allow": ", ".join(sorted(_methods_at(app, request.url.path)))}
            return _answer(status, error.detail, "NotThere", allowed)
        detail = "There is nothing here; /openapi.json lists what there is." if status == 404 else error.detail
        return _answer(status, detail, "NotThere", error.headers)

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        detail = "This was not foreseen; the log of the process that serves this API tells more."
        return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "Unforeseen")

    async def away(request: Request, error: Exception) -> JSONResponse:
        if not is_away(error):
            return await unforeseen(request, error)
        words = f"No Temporal server answers: {innermost_reason(error)}."
        return problem_response(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, words))

    app.add_exception_handler(RuntimeError, away)
    for kind in (Refusal, *FORESEEN):
        app.add_exception_handler(kind, foreseen)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unrouted)
    app.add_exception_handler(Exception, unforeseen)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """These answers for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status.value: {"description": status.phrase, "content": content} for status in sorted(statuses)}


def _answer(status: HTTPStatus, detail: str, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    problem = Problem(title=status.phrase, status=status.value, detail=detail, error=error)
    return JSONResponse(problem.model_dump(), status.value, headers, MEDIA_TYPE)


def _methods_at(app: FastAPI, path: str) -> set[str]:
    found = (route for route in app.routes if isinstance(route, Route) and route.path_regex.match(path))
    return {method for route in found for method in route.methods or ()}


def _told(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"] if part not in ("body", "path", "query", "header"))
    return f"{where}: {error['msg']}" if where else str(error["msg"])
